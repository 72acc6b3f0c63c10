package controllers

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"latchkey/middleware"
	"latchkey/models"
)

// Password is where a user changes his password.
type Password struct {
	users *models.UserManager
}

// NewPassword makes the resource of the user's own password.
func NewPassword(users *models.UserManager) *Password {
	return &Password{users: users}
}

type changeRequest struct {
	CurrentPassword string `json:"current_password" bind:"required"`
	NewPassword     string `json:"new_password" bind:"required"`
}

// Change replaces the password and ends the user's other sessions.
func (p *Password) Change(c *gin.Context) error {
	var request changeRequest
	if err := bind(c, &request); err != nil {
		return err
	}
	user := middleware.User(c)
	if err := middleware.LimitAccount(c, user.ID.String()); err != nil {
		return err
	}
	err := p.users.ChangePassword(c.Request.Context(), user, models.PasswordChange{
		Current: request.CurrentPassword, New: request.NewPassword,
		KeepSession: middleware.Session(c).ID, Client: middleware.Client(c),
	})
	if err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
