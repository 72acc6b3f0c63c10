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

// Authenticate lets a request pass whose Authorization header holds a valid access token after scheme (RFC 6750,
// section 2.1; the scheme in any case, RFC 9110, section 11.1). It does not ask the database.
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

// Bearer verifies the access token in the request's Authorization header and gives back its claims. Errors are
// problems.ErrCredentialsMissing, tokens.ErrTokenInvalid and tokens.ErrTokenExpired.
func Bearer(c *gin.Context, access *tokens.AccessTokens, scheme string) (tokens.Claims, error) {
	token, err := BearerToken(c, scheme)
	if err != nil {
		return tokens.Claims{}, err
	}
	return access.Verify(token)
}

// BearerToken returns the token of the request's Authorization header, unverified. Two headers are refused, because a proxy in
// front may have looked at the other one. Errors are problems.ErrCredentialsMissing and tokens.ErrTokenInvalid.
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

// LoadSession lets an authenticated request pass whose session is live and whose user is active, and keeps both for
// Session and User.
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

// SessionOf reads the live session that an access token's claims name.
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

// Claims are those of the request's access token, on routes behind Authenticate.
func Claims(c *gin.Context) tokens.Claims {
	return c.MustGet(claimsKey).(tokens.Claims)
}

// SetSession keeps the session of an authenticated request for Session and User.
func SetSession(c *gin.Context, session *models.Session) { c.Set(sessionKey, session) }

// Session is the request's, on routes behind LoadSession.
func Session(c *gin.Context) *models.Session {
	return c.MustGet(sessionKey).(*models.Session)
}

// User is whose access token the request holds, on routes behind LoadSession.
func User(c *gin.Context) *models.User {
	return Session(c).User
}

// RequestInfo is where the request comes from, as far as it tells.
func RequestInfo(c *gin.Context) models.RequestInfo {
	return models.RequestInfo{UserAgent: c.Request.UserAgent(), IP: c.ClientIP(), RequestID: RequestID(c)}
}
