package django

import (
	"errors"
	"strings"

	"github.com/gin-gonic/gin"

	"latchkey/middleware"
	"latchkey/models"
	"latchkey/tokens"
)

// authenticator verifies and redeems tokens of either issuer: ours and, until a date, Django's.
type authenticator struct {
	access   *tokens.AccessTokens
	django   *tokens.DjangoTokens // nil if none are accepted
	sessions *models.SessionManager
	logins   *models.LoginManager
	scheme   string
}

// authenticate lets a request pass that holds an access token of ours or of Django's, of a live session, and keeps the
// session for middleware.Session and middleware.User.
func (a *authenticator) authenticate(c *gin.Context) {
	token, err := a.bearerToken(c)
	if err != nil {
		middleware.Fail(c, err)
		return
	}
	session, err := a.sessionOf(c, token)
	if err != nil {
		middleware.Fail(c, err)
		return
	}
	middleware.SetSession(c, session)
	c.Next()
}

// errBadHeader is an Authorization header of our scheme that is not the scheme and a token.
var errBadHeader = errors.New("the Authorization header is not two words")

// bearerToken is middleware.BearerToken, but for an error that SimpleJWT tells apart.
func (a *authenticator) bearerToken(c *gin.Context) (string, error) {
	headers := c.Request.Header.Values("Authorization")
	if len(headers) == 1 {
		words := strings.Fields(headers[0])
		if len(words) > 0 && len(words) != 2 && strings.EqualFold(words[0], a.scheme) {
			return "", errBadHeader
		}
	}
	return middleware.BearerToken(c, a.scheme)
}

// sessionOf is the live session of an access token, ours or Django's.
func (a *authenticator) sessionOf(c *gin.Context, token string) (*models.Session, error) {
	claims, err := a.access.Verify(token)
	if err == nil {
		return middleware.SessionOf(c, a.sessions, claims)
	}
	if a.isRefreshToken(token) {
		return nil, errWrongType
	}
	if a.django == nil || errors.Is(err, tokens.ErrTokenExpired) {
		return nil, err
	}
	foreign, err := a.django.VerifyAccess(token)
	if err != nil {
		return nil, err
	}
	return a.logins.AcceptDjangoToken(c.Request.Context(), foreign, a.django.Until(), middleware.RequestInfo(c))
}

// exchange redeems a refresh token, ours or SimpleJWT's, for a session and its next refresh token.
func (a *authenticator) exchange(c *gin.Context, token string) (*models.SessionTokens, error) {
	grant, err := a.sessions.Refresh(c.Request.Context(), token, middleware.RequestInfo(c))
	if !errors.Is(err, models.ErrRefreshTokenInvalid) {
		return grant, err
	}
	if a.isAccessToken(token) {
		return nil, errWrongType
	}
	if a.django == nil {
		return nil, err
	}
	foreign, err := a.django.VerifyRefresh(token)
	if err != nil {
		return nil, err
	}
	return a.logins.ExchangeDjangoToken(c.Request.Context(), foreign, middleware.RequestInfo(c))
}

// renew is the session that goes on with a new access token for one that has not expired yet and says orig_iat, as
// djangorestframework-jwt has it. A token of Django's gets a session of its own.
func (a *authenticator) renew(c *gin.Context, token string) (*models.Session, error) {
	claims, err := a.access.Verify(token)
	switch {
	case err == nil && claims.OriginallyAt != 0:
		session, err := middleware.SessionOf(c, a.sessions, claims)
		if err != nil {
			return nil, err
		}
		return session, a.sessions.Touch(c.Request.Context(), session)
	case err == nil:
		return nil, tokens.ErrTokenInvalid
	case a.django == nil || errors.Is(err, tokens.ErrTokenExpired):
		return nil, err
	}
	return a.renewForeign(c, token)
}

func (a *authenticator) renewForeign(c *gin.Context, token string) (*models.Session, error) {
	foreign, err := a.django.VerifyAccess(token)
	if err != nil {
		return nil, err
	}
	if !foreign.Renewable {
		return nil, tokens.ErrTokenInvalid
	}
	grant, err := a.logins.ExchangeDjangoToken(c.Request.Context(), foreign, middleware.RequestInfo(c))
	if err != nil {
		return nil, err
	}
	grant.Session.User = grant.User
	return grant.Session, nil
}

// errWrongType is a token that is good for something else.
var errWrongType = errors.New("the token is of another type")

func (a *authenticator) isAccessToken(token string) bool {
	_, err := a.access.Verify(token)
	if err != nil && a.django != nil {
		_, err = a.django.VerifyAccess(token)
	}
	return err == nil
}

func (a *authenticator) isRefreshToken(token string) bool {
	if a.sessions.SessionID(token) != "" {
		return true
	}
	if a.django == nil {
		return false
	}
	_, err := a.django.VerifyRefresh(token)
	return err == nil
}

// check returns nil for a token of either type, of either issuer, that would be accepted, and redeems nothing.
func (a *authenticator) check(c *gin.Context, token string) error {
	_, err := a.sessionOf(c, token)
	if !errors.Is(err, errWrongType) {
		return err
	}
	_, err = a.sessions.Inspect(c.Request.Context(), token, middleware.RequestInfo(c))
	if !errors.Is(err, models.ErrRefreshTokenInvalid) {
		return err
	}
	return nil // SimpleJWT's, which was verified
}
