package middleware

import (
	"errors"
	"strings"

	"github.com/gin-gonic/gin"

	"latchkey/models"
	"latchkey/tokens"
)

// Django is what the paths of Django's libraries need beside the handlers: credentials of either issuer, and errors in
// Django REST Framework's shapes.
type Django struct {
	access   *tokens.AccessTokens
	django   *tokens.DjangoTokens // nil if none are accepted
	sessions *models.SessionManager
	logins   *models.LoginManager
	scheme   string
}

// NewDjango takes access tokens of ours and, unless django is nil, Django's. scheme is that of the Authorization header.
func NewDjango(
	access *tokens.AccessTokens, django *tokens.DjangoTokens, sessions *models.SessionManager, logins *models.LoginManager,
	scheme string,
) *Django {
	return &Django{access: access, django: django, sessions: sessions, logins: logins, scheme: scheme}
}

// Authenticate lets a request pass that holds an access token of ours or of Django's, of a live session, and keeps the
// session for Session and User.
func (d *Django) Authenticate() gin.HandlerFunc {
	return func(c *gin.Context) {
		token, err := d.bearerToken(c)
		if err != nil {
			Fail(c, err)
			return
		}
		session, err := d.SessionOf(c, token)
		if err != nil {
			Fail(c, err)
			return
		}
		SetSession(c, session)
		c.Next()
	}
}

// errBadHeader is an Authorization header of our scheme that is not the scheme and a token.
var errBadHeader = errors.New("the Authorization header is not two words")

// bearerToken is middleware.BearerToken, but for an error that SimpleJWT tells apart.
func (d *Django) bearerToken(c *gin.Context) (string, error) {
	headers := c.Request.Header.Values("Authorization")
	if len(headers) == 1 {
		words := strings.Fields(headers[0])
		if len(words) > 0 && len(words) != 2 && strings.EqualFold(words[0], d.scheme) {
			return "", errBadHeader
		}
	}
	return BearerToken(c, d.scheme)
}

// SessionOf is the live session of an access token, ours or Django's.
func (d *Django) SessionOf(c *gin.Context, token string) (*models.Session, error) {
	claims, err := d.access.Verify(token)
	if err == nil {
		return SessionOf(c, d.sessions, claims)
	}
	if d.isRefreshToken(token) {
		return nil, errWrongType
	}
	if d.django == nil || errors.Is(err, tokens.ErrTokenExpired) {
		return nil, err
	}
	foreign, err := d.django.VerifyAccess(token)
	if err != nil {
		return nil, err
	}
	return d.logins.AcceptDjangoToken(c.Request.Context(), foreign, d.django.Until(), Client(c))
}

// Exchange redeems a refresh token, ours or SimpleJWT's, for a session and its next refresh token.
func (d *Django) Exchange(c *gin.Context, token string) (*models.Grant, error) {
	grant, err := d.sessions.Refresh(c.Request.Context(), token, Client(c))
	if !errors.Is(err, models.ErrRefreshTokenInvalid) {
		return grant, err
	}
	if d.isAccessToken(token) {
		return nil, errWrongType
	}
	if d.django == nil {
		return nil, err
	}
	foreign, err := d.django.VerifyRefresh(token)
	if err != nil {
		return nil, err
	}
	return d.logins.ExchangeDjangoToken(c.Request.Context(), foreign, Client(c))
}

// Renew is the session that goes on with a new access token for one that has not expired yet and says orig_iat, as
// djangorestframework-jwt has it. A token of Django's gets a session of its own.
func (d *Django) Renew(c *gin.Context, token string) (*models.Session, error) {
	claims, err := d.access.Verify(token)
	switch {
	case err == nil && claims.OriginallyAt != 0:
		session, err := SessionOf(c, d.sessions, claims)
		if err != nil {
			return nil, err
		}
		return session, d.sessions.Touch(c.Request.Context(), session)
	case err == nil:
		return nil, tokens.ErrTokenInvalid
	case d.django == nil || errors.Is(err, tokens.ErrTokenExpired):
		return nil, err
	}
	return d.renewForeign(c, token)
}

func (d *Django) renewForeign(c *gin.Context, token string) (*models.Session, error) {
	foreign, err := d.django.VerifyAccess(token)
	if err != nil {
		return nil, err
	}
	if !foreign.Renewable {
		return nil, tokens.ErrTokenInvalid
	}
	grant, err := d.logins.ExchangeDjangoToken(c.Request.Context(), foreign, Client(c))
	if err != nil {
		return nil, err
	}
	grant.Session.User = grant.User
	return grant.Session, nil
}

// errWrongType is a token that is good for something else.
var errWrongType = errors.New("the token is of another type")

func (d *Django) isAccessToken(token string) bool {
	_, err := d.access.Verify(token)
	if err != nil && d.django != nil {
		_, err = d.django.VerifyAccess(token)
	}
	return err == nil
}

func (d *Django) isRefreshToken(token string) bool {
	if d.sessions.SessionID(token) != "" {
		return true
	}
	if d.django == nil {
		return false
	}
	_, err := d.django.VerifyRefresh(token)
	return err == nil
}

// Check answers nil for a token of either type, of either issuer, that would be accepted, and redeems nothing.
func (d *Django) Check(c *gin.Context, token string) error {
	_, err := d.SessionOf(c, token)
	if !errors.Is(err, errWrongType) {
		return err
	}
	if _, err := d.sessions.Inspect(c.Request.Context(), token, Client(c)); !errors.Is(err, models.ErrRefreshTokenInvalid) {
		return err
	}
	return nil // SimpleJWT's, which was verified
}
