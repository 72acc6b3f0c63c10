package django

import (
	"errors"
	"strings"

	"github.com/gin-gonic/gin"

	"latchkey/middleware"
	"latchkey/models"
	"latchkey/problems"
	"latchkey/tokens"
)

// authenticator verifies and redeems tokens of Latchkey and, until a date, those that Django issued.
type authenticator struct {
	access   *tokens.AccessTokens
	django   *tokens.DjangoTokens // nil if none are accepted
	users    *models.UserManager
	sessions *models.SessionManager
	logins   *models.LoginManager
	scheme   string
}

// Errors of an Authorization header of our scheme that is not the scheme and one token.
var (
	errNoCredentials = errors.New("the Authorization header has no credentials")
	errSpaces        = errors.New("the credentials in the Authorization header contain spaces")
)

// authenticate lets a request pass if it has an access token of a live session, which Latchkey or Django issued, and stores the
// session for middleware.Session and middleware.User.
func (a *authenticator) authenticate(c *gin.Context) error {
	token, err := a.headerToken(c)
	if err != nil {
		return err
	}
	session, err := a.sessionOf(c, token)
	if err != nil {
		return err
	}
	middleware.SetSession(c, session)
	return nil
}

// inspect refuses a request to a view that needs no user for the tokens that Django refuses there too: it authenticates whoever
// sends one. It lets those pass that only Latchkey refuses, whose clients may be about to log in again.
func (a *authenticator) inspect(c *gin.Context) error {
	err := a.authenticate(c)
	for _, own := range []error{problems.ErrCredentialsMissing, models.ErrSessionRevoked, models.ErrSessionExpired} {
		if errors.Is(err, own) {
			return nil
		}
	}
	return err
}

// headerToken returns the token of the request's Authorization header. Errors are problems.ErrCredentialsMissing,
// errNoCredentials, errSpaces and those of middleware.BearerToken.
func (a *authenticator) headerToken(c *gin.Context) (string, error) {
	headers := c.Request.Header.Values("Authorization")
	if len(headers) != 1 {
		return middleware.BearerToken(c, a.scheme)
	}
	words := strings.Fields(headers[0])
	switch {
	case len(words) == 0 || !strings.EqualFold(words[0], a.scheme):
		return "", problems.ErrCredentialsMissing
	case len(words) == 1:
		return "", errNoCredentials
	case len(words) > 2:
		return "", errSpaces
	}
	return words[1], nil
}

// ownSession is middleware.SessionOf with one more error, models.ErrUserNotFound, by which Django tells a user who is deleted
// from one who is inactive.
func (a *authenticator) ownSession(c *gin.Context, claims tokens.Claims) (*models.Session, error) {
	session, err := middleware.SessionOf(c, a.sessions, claims)
	if errors.Is(err, models.ErrAccountInactive) {
		if _, missing := a.users.ByLegacyID(c.Request.Context(), claims.Subject); missing != nil {
			return nil, missing
		}
	}
	return session, err
}

// sessionOf returns the live session of an access token that Latchkey or Django issued.
func (a *authenticator) sessionOf(c *gin.Context, token string) (*models.Session, error) {
	claims, err := a.access.Verify(token)
	if err == nil {
		return a.ownSession(c, claims)
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
		session, err := a.ownSession(c, claims)
		if err != nil {
			return nil, err
		}
		return session, a.sessions.Touch(c.Request.Context(), session)
	case err == nil:
		return nil, errNotRenewable
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
		return nil, errNotRenewable
	}
	opened, err := a.logins.ExchangeDjangoToken(c.Request.Context(), external, middleware.RequestInfo(c))
	if err != nil {
		return nil, err
	}
	opened.Session.User = opened.User
	return opened.Session, nil
}

// errNotRenewable is returned for an access token without the claim orig_iat where one has to be renewed.
var errNotRenewable = errors.New("the token has no orig_iat")

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
