package config

import "fmt"

// Django configures compatibility with a migrated Django project. DatabaseURL is where its users are imported from. With
// Compat, the paths of its clients are served too, and until TokensUntil they accept the tokens that it signed with
// SecretKey by TokensLibrary, issued by TokensIssuer for TokensAudience.
type Django struct {
	DatabaseURL Secret `env:"DJANGO_DATABASE_URL"`
	Compat      bool   `env:"DJANGO_COMPAT" envDefault:"false"`
	SecretKey   Secret `env:"DJANGO_SECRET_KEY"`

	TokensLibrary  string   `env:"DJANGO_TOKENS_LIBRARY" envDefault:"simplejwt"`
	TokensUntil    Deadline `env:"DJANGO_TOKENS_UNTIL"`
	TokensIssuer   string   `env:"DJANGO_TOKENS_ISSUER"`
	TokensAudience string   `env:"DJANGO_TOKENS_AUDIENCE"`
}

func djangoSection() section {
	return section{
		title: "Migrating from Django",
		variables: []description{
			{"DJANGO_DATABASE_URL", "what latchkey import django reads, such as postgres://USER:PASSWORD@HOST:5432/NAME"},
			{"DJANGO_COMPAT", "true also serves the paths of Django's JWT libraries, in their formats; see docs/from-django.md"},
			{"DJANGO_SECRET_KEY", "Django's SECRET_KEY, to accept the tokens that it signed"},
			{"DJANGO_TOKENS_LIBRARY", "what issued them: simplejwt, or djangorestframework-jwt, whose tokens don't say what they are for"},
			{"DJANGO_TOKENS_UNTIL", "last day (UTC) they are accepted, such as 2026-12-31: when the longest refresh token expires"},
			{"DJANGO_TOKENS_ISSUER", "the iss of these tokens, if Django sets one (SIMPLE_JWT[\"ISSUER\"])"},
			{"DJANGO_TOKENS_AUDIENCE", "their aud, or one of several, if Django sets any (SIMPLE_JWT[\"AUDIENCE\"])"},
		},
		check: checkDjango,
	}
}

// checkDjango makes sure that Django's tokens have an end and a path that accepts them.
func checkDjango(c *checker) {
	django := c.settings.Django
	checkDjangoDatabase(c)
	if django.Compat && c.settings.Account.SignupEnumerationSafe {
		c.fail("DJANGO_COMPAT", "is true, but its /user/create/ reveals who has an account, which SIGNUP_ENUMERATION_SAFE hides",
			"Set one of them to false.")
	}
	if !django.TokensUntil.IsZero() && !django.SecretKey.IsSet() {
		c.fail("DJANGO_TOKENS_UNTIL", "is set without DJANGO_SECRET_KEY, which verifies the tokens", "Set both or neither.")
	}
	if !django.SecretKey.IsSet() {
		return
	}
	c.oneOf("DJANGO_TOKENS_LIBRARY", django.TokensLibrary, "simplejwt", "djangorestframework-jwt")
	if length := len(django.SecretKey.Bytes()); length < minSecretLength {
		c.fail("DJANGO_SECRET_KEY", fmt.Sprintf("has %d bytes and needs at least %d", length, minSecretLength),
			"Leave it out: tokens signed with so short a key can be forged.")
	}
	if django.TokensUntil.IsZero() {
		c.fail("DJANGO_TOKENS_UNTIL", "is required with DJANGO_SECRET_KEY, so that its tokens are not accepted indefinitely",
			"Write the day on which Django's longest refresh token expires, such as 2026-12-31.")
	}
	if !django.Compat {
		c.fail("DJANGO_SECRET_KEY", "is set, but its tokens are only accepted at the paths of DJANGO_COMPAT",
			"Set DJANGO_COMPAT=true, or remove the key.")
	}
}

func checkDjangoDatabase(c *checker) {
	url := c.settings.Django.DatabaseURL
	if !url.IsSet() {
		return
	}
	problem, remedy := "does not begin with postgres://", "Import other databases from a dump that manage.py dumpdata makes."
	if isPostgresURL(url) {
		problem, remedy = postgresProblem(url)
	}
	if problem != "" {
		c.fail("DJANGO_DATABASE_URL", problem, remedy)
	}
}
