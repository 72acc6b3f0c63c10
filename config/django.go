package config

import "fmt"

// checkDjango makes sure that what is accepted from Django is limited and has somewhere to arrive.
func (c *checker) checkDjango() {
	django := c.settings.Django
	c.checkDjangoDatabase(django.DatabaseURL)
	if django.Compat && c.settings.Abuse.SignupEnumerationSafe {
		c.fault("DJANGO_COMPAT", "is true, but its /user/create/ tells who has an account, which SIGNUP_ENUMERATION_SAFE hides",
			"Set one of them to false.")
	}
	if !django.TokensUntil.IsZero() && !django.SecretKey.IsSet() {
		c.fault("DJANGO_TOKENS_UNTIL", "is given without DJANGO_SECRET_KEY, by which tokens are verified", "Give both or neither.")
	}
	if !django.SecretKey.IsSet() {
		return
	}
	if length := len(django.SecretKey.Bytes()); length < minSecretLength {
		c.fault("DJANGO_SECRET_KEY", fmt.Sprintf("has %d bytes and needs at least %d", length, minSecretLength),
			"Leave it out: tokens signed with it can be forged.")
	}
	if django.TokensUntil.IsZero() {
		c.fault("DJANGO_TOKENS_UNTIL", "is required with DJANGO_SECRET_KEY, so that its tokens end",
			"Write the day on which the longest refresh token of Django ends, as 2026-12-31.")
	}
	if !django.Compat {
		c.fault("DJANGO_SECRET_KEY", "is given, but its tokens are only accepted at the paths of DJANGO_COMPAT",
			"Set DJANGO_COMPAT=true, or remove the key.")
	}
}

func (c *checker) checkDjangoDatabase(url Secret) {
	if !url.IsSet() {
		return
	}
	problem, remedy := "does not begin with postgres://", "Import from other databases by a dump: manage.py dumpdata."
	if isPostgresURL(url) {
		problem, remedy = postgresProblem(url)
	}
	if problem != "" {
		c.fault("DJANGO_DATABASE_URL", problem, remedy)
	}
}
