package controllers

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"latchkey/models"
	"latchkey/tokens"
)

// Tokens answers questions about access tokens.
type Tokens struct {
	users  *models.UserManager
	access *tokens.AccessTokens
}

// NewTokens makes the resource of tokens.
func NewTokens(users *models.UserManager, access *tokens.AccessTokens) *Tokens {
	return &Tokens{users: users, access: access}
}

type verifyRequest struct {
	Token string `json:"token" bind:"required"`
}

// verifyResponse is RFC 7662's (section 2.2): of a token that is not active nothing else is said.
type verifyResponse struct {
	Active bool `json:"active"`
	*tokens.Claims
}

// Verify says whether a token would be accepted now, and if so, what it says.
func (t *Tokens) Verify(c *gin.Context) error {
	var request verifyRequest
	if err := bind(c, &request); err != nil {
		return err
	}
	claims, err := t.verify(c, request.Token)
	switch {
	case errors.Is(err, tokens.ErrTokenInvalid), errors.Is(err, tokens.ErrTokenExpired),
		errors.Is(err, models.ErrAccountInactive):
		c.JSON(http.StatusOK, verifyResponse{})
		return nil
	case err != nil:
		return err
	}
	c.JSON(http.StatusOK, verifyResponse{Active: true, Claims: &claims})
	return nil
}

func (t *Tokens) verify(c *gin.Context, token string) (tokens.Claims, error) {
	claims, err := t.access.Verify(token)
	if err != nil {
		return tokens.Claims{}, err
	}
	id, err := uuid.Parse(claims.Subject)
	if err != nil {
		return tokens.Claims{}, tokens.ErrTokenInvalid
	}
	_, err = t.users.Active(c.Request.Context(), id)
	return claims, err
}
