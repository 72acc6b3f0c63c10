package controllers

import (
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/models"
	"latchkey/tokens"
)

// grantResponse is what opens or refreshes a session: a pair of tokens (RFC 6749, section 5.1) and the user.
type grantResponse struct {
	AccessToken      string       `json:"access_token"`
	TokenType        string       `json:"token_type"`
	ExpiresIn        int          `json:"expires_in"` // seconds
	RefreshToken     string       `json:"refresh_token"`
	RefreshExpiresIn int          `json:"refresh_expires_in"` // seconds
	DeviceToken      string       `json:"device_token,omitempty"`
	User             userResponse `json:"user"`
}

func answerGrant(c *gin.Context, status int, access *tokens.AccessTokens, grant *models.SessionTokens) error {
	issued, err := access.Issue(tokens.Claims{
		Subject: grant.User.ID.String(), SessionID: grant.Session.ID.String(), Roles: grant.User.Roles(),
	})
	if err != nil {
		return err
	}
	c.JSON(status, grantResponse{
		AccessToken:      issued.Token,
		TokenType:        "Bearer",
		ExpiresIn:        int(issued.ExpiresIn / time.Second),
		RefreshToken:     grant.RefreshToken,
		RefreshExpiresIn: int(grant.RefreshExpiresIn / time.Second),
		DeviceToken:      grant.DeviceToken,
		User:             newUserResponse(grant.User),
	})
	return nil
}
