package controllers

import (
	"errors"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"latchkey/middleware"
	"latchkey/models"
	"latchkey/tokens"
)

// Tokens refreshes and verifies tokens.
type Tokens struct {
	sessions *models.SessionManager
	access   *tokens.AccessTokens
}

// NewTokens returns the controller of tokens.
func NewTokens(sessions *models.SessionManager, access *tokens.AccessTokens) *Tokens {
	return &Tokens{sessions: sessions, access: access}
}

type refreshRequest struct {
	RefreshToken string `json:"refresh_token" bind:"required"`
}

// Refresh redeems a refresh token, and responds with a new pair of tokens and the current state of the user.
func (t *Tokens) Refresh(c *gin.Context) error {
	var request refreshRequest
	if err := Bind(c, &request); err != nil {
		return err
	}
	if err := middleware.LimitAccount(c, t.sessions.SessionID(request.RefreshToken)); err != nil {
		return err
	}
	refreshed, err := t.sessions.Refresh(c.Request.Context(), request.RefreshToken, middleware.RequestInfo(c))
	if err != nil {
		return err
	}
	if refreshed.WasAhead {
		middleware.SetOutcome(c, middleware.OutcomeAhead)
	}
	return respondWithTokens(c, http.StatusOK, t.access, refreshed)
}

type verifyRequest struct {
	Token string `json:"token" bind:"required"`
}

// verifyResponse is the introspection response of RFC 7662, section 2.2. For an inactive token it has nothing but active.
type verifyResponse struct {
	Active bool `json:"active"`
	*tokens.Claims
}

// Verify responds with whether an access token would be accepted now and, if so, with its claims.
func (t *Tokens) Verify(c *gin.Context) error {
	var request verifyRequest
	if err := Bind(c, &request); err != nil {
		return err
	}
	claims, err := t.verify(c, request.Token)
	if isInactive(err) {
		c.JSON(http.StatusOK, verifyResponse{})
		return nil
	}
	if err != nil {
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
	_, err = middleware.SessionOf(c, t.sessions, claims)
	return claims, err
}

// isInactive reports whether err means that the token would be refused. Any other error means that it could not be checked.
func isInactive(err error) bool {
	return slices.ContainsFunc([]error{
		tokens.ErrTokenInvalid, tokens.ErrTokenExpired,
		models.ErrAccountInactive, models.ErrSessionExpired, models.ErrSessionRevoked,
	}, func(refusal error) bool { return errors.Is(err, refusal) })
}
