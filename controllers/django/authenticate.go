package django

import (
	"errors"
	"strings"

	"github.com/gin-gonic/gin"

	"latchkey/middleware"
	"latchkey/models"
	"latchkey/tokens"
)

// authenticator verifies and redeems tokens of Latchkey and, until a date, those that Django issued.
type authenticator struct {
	access   *tokens.AccessTokens
	django   *tokens.DjangoTokens // nil if none are accepted
	sessions *models.SessionManager
	logins   *models.LoginManager
	scheme   string
}

// authenticate lets a request pass if it has an access token of a live session, which Latchkey or Django issued, and stores the
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

// errBadHeader is returned for an Authorization header of our scheme that is not the scheme and one token.
var errBadHeader = errors.New("the Authorization header is not two words")

// bearerToken is middleware.BearerToken with one more error, errBadHeader, which SimpleJWT distinguishes.
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

// sessionOf returns the live session of an access token that Latchkey or Django issued.
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
	external, err := a.django.VerifyAccess(token)
	if err != nil {
		return nil, err
	}
	return a.logins.AcceptDjangoToken(c.Request.Context(), external, a.django.Until(), middleware.RequestInfo(c))
}

// exchange redeems a refresh token that Latchkey or SimpleJWT issued, for a session and its next refresh token.
func (a *authenticator) exchange(c *gin.Context, token string) (*models.SessionTokens, error) {
	refreshed, err := a.sessions.Refresh(c.Request.Context(), token, middleware.RequestInfo(c))
	if err == nil && refreshed.WasAhead {
		middleware.SetOutcome(c, middleware.OutcomeAhead)
	}
	if !errors.Is(err, models.ErrRefreshTokenInvalid) {
		return refreshed, err
	}
	if a.isAccessToken(token) {
		return nil, errWrongType
	}
	if a.django == nil {
		return nil, err
	}
	external, err := a.django.VerifyRefresh(token)
	if err != nil {
		return nil, err
	}
	return a.logins.ExchangeDjangoToken(c.Request.Context(), external, middleware.RequestInfo(c))
}

// renew returns the session for which a new access token may be issued in exchange for token, which has to have the claim
// orig_iat and may not have expired, as in djangorestframework-jwt. For a token that Django issued it opens a session.
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
	return a.renewExternal(c, token)
}

func (a *authenticator) renewExternal(c *gin.Context, token string) (*models.Session, error) {
	external, err := a.django.VerifyAccess(token)
	if err != nil {
		return nil, err
	}
	if !external.Renewable {
		return nil, tokens.ErrTokenInvalid
	}
	opened, err := a.logins.ExchangeDjangoToken(c.Request.Context(), external, middleware.RequestInfo(c))
	if err != nil {
		return nil, err
	}
	opened.Session.User = opened.User
	return opened.Session, nil
}

// errWrongType is returned for a refresh token where an access token is required, and the reverse.
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

// check returns nil if a token, of either type and either issuer, would be accepted. It does not redeem it.
func (a *authenticator) check(c *gin.Context, token string) error {
	_, err := a.sessionOf(c, token)
	if !errors.Is(err, errWrongType) {
		return err
	}
	_, err = a.sessions.Inspect(c.Request.Context(), token, middleware.RequestInfo(c))
	if !errors.Is(err, models.ErrRefreshTokenInvalid) {
		return err
	}
	return nil // a refresh token of SimpleJWT, which sessionOf has verified
}
