package middleware

import (
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"latchkey/models"
	"latchkey/tokens"
)

const (
	claimsKey = "latchkey.claims"
	userKey   = "latchkey.user"
)

// Authenticate lets a request pass whose Authorization header holds a valid access token after scheme (RFC 6750,
// section 2.1; the scheme in any case, RFC 9110, section 11.1). It does not ask the database.
func Authenticate(access *tokens.AccessTokens, scheme string) gin.HandlerFunc {
	return func(c *gin.Context) {
		token, err := bearerToken(c.Request.Header.Values("Authorization"), scheme)
		if err != nil {
			fail(c, err)
			return
		}
		claims, err := access.Verify(token)
		if err != nil {
			fail(c, err)
			return
		}
		c.Set(claimsKey, claims)
		c.Next()
	}
}

// bearerToken takes the token out of the request's Authorization headers. Two of them are refused, because a proxy in
// front may have looked at the other one.
func bearerToken(headers []string, scheme string) (string, error) {
	if len(headers) > 1 {
		return "", tokens.ErrTokenInvalid
	}
	if len(headers) == 0 {
		return "", ErrCredentialsMissing
	}
	given, token, _ := strings.Cut(strings.TrimSpace(headers[0]), " ")
	token = strings.TrimLeft(token, " ")
	if !strings.EqualFold(given, scheme) || token == "" {
		return "", ErrCredentialsMissing
	}
	return token, nil
}

// LoadUser lets an authenticated request pass whose user is still active, and keeps the user for User.
func LoadUser(users *models.UserManager) gin.HandlerFunc {
	return func(c *gin.Context) {
		id, err := uuid.Parse(Claims(c).Subject)
		if err != nil {
			fail(c, tokens.ErrTokenInvalid)
			return
		}
		user, err := users.Active(c.Request.Context(), id)
		if err != nil {
			fail(c, err)
			return
		}
		c.Set(userKey, user)
		c.Next()
	}
}

// Claims are those of the request's access token, on routes behind Authenticate.
func Claims(c *gin.Context) tokens.Claims {
	return c.MustGet(claimsKey).(tokens.Claims)
}

// User is whose access token the request holds, on routes behind LoadUser.
func User(c *gin.Context) *models.User {
	return c.MustGet(userKey).(*models.User)
}
