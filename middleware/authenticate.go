package middleware

import (
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"latchkey/models"
	"latchkey/problems"
	"latchkey/tokens"
)

const (
	claimsKey  = "latchkey.claims"
	sessionKey = "latchkey.session"
)

// Authenticate lets a request pass if its Authorization header has a valid access token after scheme (RFC 6750, section 2.1),
// which is matched in any case (RFC 9110, section 11.1). It does not query the database.
func Authenticate(access *tokens.AccessTokens, scheme string) gin.HandlerFunc {
	return func(c *gin.Context) {
		claims, err := Bearer(c, access, scheme)
		if err != nil {
			Fail(c, err)
			return
		}
		c.Set(claimsKey, claims)
		c.Next()
	}
}

// Bearer verifies the access token in the request's Authorization header and returns its claims. Errors are
// problems.ErrCredentialsMissing, tokens.ErrTokenInvalid and tokens.ErrTokenExpired.
func Bearer(c *gin.Context, access *tokens.AccessTokens, scheme string) (tokens.Claims, error) {
	token, err := BearerToken(c, scheme)
	if err != nil {
		return tokens.Claims{}, err
	}
	return access.Verify(token)
}

// BearerToken returns the token of the request's Authorization header, unverified. Two headers are refused, because a proxy in
// front may have read the other one. Errors are problems.ErrCredentialsMissing and tokens.ErrTokenInvalid.
func BearerToken(c *gin.Context, scheme string) (string, error) {
	headers := c.Request.Header.Values("Authorization")
	if len(headers) > 1 {
		return "", tokens.ErrTokenInvalid
	}
	if len(headers) == 0 {
		return "", problems.ErrCredentialsMissing
	}
	given, token, _ := strings.Cut(strings.TrimSpace(headers[0]), " ")
	token = strings.TrimLeft(token, " ")
	if !strings.EqualFold(given, scheme) || token == "" {
		return "", problems.ErrCredentialsMissing
	}
	return token, nil
}

// LoadSession lets an authenticated request pass if its session is live and its user active, and stores both for Session and
// User.
func LoadSession(sessions *models.SessionManager) gin.HandlerFunc {
	return func(c *gin.Context) {
		session, err := SessionOf(c, sessions, Claims(c))
		if err != nil {
			Fail(c, err)
			return
		}
		SetSession(c, session)
		c.Next()
	}
}

// SessionOf returns the live session that an access token's claims name. Errors are tokens.ErrTokenInvalid and those of
// models.SessionManager.Authenticated.
func SessionOf(c *gin.Context, sessions *models.SessionManager, claims tokens.Claims) (*models.Session, error) {
	userID, err := uuid.Parse(claims.Subject)
	if err != nil {
		return nil, tokens.ErrTokenInvalid
	}
	sessionID, err := uuid.Parse(claims.SessionID)
	if err != nil {
		return nil, tokens.ErrTokenInvalid
	}
	return sessions.Authenticated(c.Request.Context(), sessionID, userID)
}

// Claims returns those of the request's access token, on routes behind Authenticate.
func Claims(c *gin.Context) tokens.Claims {
	return c.MustGet(claimsKey).(tokens.Claims)
}

// SetSession stores the session of an authenticated request for Session and User.
func SetSession(c *gin.Context, session *models.Session) { c.Set(sessionKey, session) }

// Session returns the session of the request's access token, on routes behind LoadSession.
func Session(c *gin.Context) *models.Session {
	return c.MustGet(sessionKey).(*models.Session)
}

// User returns the user whose access token the request has, on routes behind LoadSession.
func User(c *gin.Context) *models.User {
	return Session(c).User
}

// RequestInfo returns the user agent and the address that the request came from, and its id.
func RequestInfo(c *gin.Context) models.RequestInfo {
	return models.RequestInfo{UserAgent: c.Request.UserAgent(), IP: ClientAddress(c), RequestID: RequestID(c)}
}
