package server

import (
	"errors"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/controllers/django"
	"latchkey/routes"
	"latchkey/tokens"
)

// maxDjangoTokens is how far off DJANGO_TOKENS_UNTIL may be: less than the sessions that its tokens opened are kept.
const maxDjangoTokens = 365 * 24 * time.Hour

// newDjango constructs the routes of Django, or returns nil unless DJANGO_COMPAT is on.
func newDjango(p parts) (routes.Family, error) {
	if !p.settings.Django.Compat {
		return nil, nil
	}
	issued, err := djangoTokens(p)
	if err != nil {
		return nil, err
	}
	controller := django.New(p.Users, p.Logins, p.Sessions, django.Tokens{
		Access: p.access, Issued: issued, Scheme: p.settings.JWT.AuthHeaderPrefix,
	})
	return func(engine *gin.Engine, limit routes.Limits) {
		controller.Register(engine, django.Limits{Login: limit.Login, Signup: limit.Signup, Refresh: limit.Refresh})
	}, nil
}

// djangoTokens reads the tokens that Django issued; it returns nil where DJANGO_SECRET_KEY does not say how.
func djangoTokens(p parts) (*tokens.DjangoTokens, error) {
	settings := p.settings.Django
	if !settings.SecretKey.IsSet() {
		return nil, nil
	}
	if settings.TokensUntil.Sub(p.Now()) > maxDjangoTokens {
		return nil, errors.New("DJANGO_TOKENS_UNTIL is more than a year off: write when Django's last token ends")
	}
	return tokens.NewDjangoTokens(tokens.DjangoTokenOptions{
		Library: tokens.DjangoLibrary(settings.TokensLibrary), SecretKey: settings.SecretKey.Bytes(), Until: settings.TokensUntil.Time,
		Issuer: settings.TokensIssuer, Audience: settings.TokensAudience,
	}, p.Now)
}
