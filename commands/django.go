package commands

import (
	"errors"
	"time"

	"latchkey/config"
	"latchkey/controllers"
	"latchkey/middleware"
	"latchkey/tokens"
)

// maxDjangoTokens is how far off DJANGO_TOKENS_UNTIL may be: less than the sessions that its tokens opened are kept.
const maxDjangoTokens = 365 * 24 * time.Hour

// newDjango makes the paths of Django, or nil unless the settings want them.
func newDjango(
	settings config.Settings, m managers, access *tokens.AccessTokens, now func() time.Time,
) (*controllers.Django, error) {
	if !settings.Django.Compat {
		return nil, nil //nolint:nilnil // no such paths is no fault
	}
	var issued *tokens.DjangoTokens
	if settings.Django.SecretKey.IsSet() {
		until := settings.Django.TokensUntil.Time
		if until.Sub(now()) > maxDjangoTokens {
			return nil, errors.New("DJANGO_TOKENS_UNTIL is more than a year off: write when Django's last token ends")
		}
		var err error
		issued, err = tokens.NewDjangoTokens(tokens.DjangoTokenOptions{
			SecretKey: settings.Django.SecretKey.Bytes(), Until: until,
			Issuer: settings.Django.TokensIssuer, Audience: settings.Django.TokensAudience,
		}, now)
		if err != nil {
			return nil, err
		}
	}
	policy := middleware.NewDjango(access, issued, m.sessions, m.logins, settings.JWT.AuthHeaderPrefix)
	return controllers.NewDjango(m.users, m.logins, access, policy), nil
}
