package controllers

import (
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/models"
	"latchkey/tokens"
)

// tokensResponse is the response to a request that opens or refreshes a session: a pair of tokens (RFC 6749, section 5.1) and the
// user.
type tokensResponse struct {
	AccessToken      string       `json:"access_token"`
	TokenType        string       `json:"token_type"`
	ExpiresIn        int          `json:"expires_in"` // seconds
	RefreshToken     string       `json:"refresh_token"`
	RefreshExpiresIn int          `json:"refresh_expires_in"` // seconds
	DeviceToken      string       `json:"device_token,omitempty"`
	User             userResponse `json:"user"`
}

// respondWithTokens issues an access token for a session that was opened or refreshed, and responds with it and the session's
// other tokens.
func respondWithTokens(c *gin.Context, status int, access *tokens.AccessTokens, opened *models.SessionTokens) error {
	issued, err := access.Issue(tokens.Claims{
		Subject: opened.User.ID.String(), SessionID: opened.Session.ID.String(), Roles: opened.User.Roles(),
	})
	if err != nil {
		return err
	}
	c.JSON(status, tokensResponse{
		AccessToken:      issued.Token,
		TokenType:        "Bearer",
		ExpiresIn:        int(issued.ExpiresIn / time.Second),
		RefreshToken:     opened.RefreshToken,
		RefreshExpiresIn: int(opened.RefreshExpiresIn / time.Second),
		DeviceToken:      opened.DeviceToken,
		User:             newUserResponse(opened.User),
	})
	return nil
}
