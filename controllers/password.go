package controllers

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"latchkey/middleware"
	"latchkey/models"
)

// Password serves password changes and resets.
type Password struct {
	users         *models.UserManager
	verifications *models.VerificationManager
}

// NewPassword returns the controller of passwords.
func NewPassword(users *models.UserManager, verifications *models.VerificationManager) *Password {
	return &Password{users: users, verifications: verifications}
}

type changeRequest struct {
	CurrentPassword string `json:"current_password" bind:"required"`
	NewPassword     string `json:"new_password" bind:"required"`
}

// Change replaces the password and ends the user's other sessions.
func (p *Password) Change(c *gin.Context) error {
	var request changeRequest
	if err := Bind(c, &request); err != nil {
		return err
	}
	user := middleware.User(c)
	if err := middleware.LimitAccount(c, user.ID.String()); err != nil {
		return err
	}
	err := p.users.ChangePassword(c.Request.Context(), user, models.PasswordChange{
		Current: request.CurrentPassword, New: request.NewPassword,
		Session: middleware.Session(c), From: middleware.RequestInfo(c),
	})
	if err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// Forgot sends an email to reset the password with, if the address has an account.
func (p *Password) Forgot(c *gin.Context) error {
	var request addressRequest
	if err := Bind(c, &request); err != nil {
		return err
	}
	if err := middleware.LimitMail(c, middleware.MailToReset, request.Email); err != nil {
		return err
	}
	if err := p.verifications.ForgotPassword(c.Request.Context(), request.Email); err != nil {
		return err
	}
	respondAccepted(c, "If this address has an account, an email is on its way.")
	return nil
}

type resetRequest struct {
	emailProofRequest
	NewPassword string `json:"new_password" bind:"required"`
}

// Reset replaces the password for a proof that an email was received, and ends every session. The device that it comes from is
// known from then on.
func (p *Password) Reset(c *gin.Context) error {
	var request resetRequest
	if err := Bind(c, &request); err != nil {
		return err
	}
	proof, err := request.proof(c, p.verifications)
	if err != nil {
		return err
	}
	device, err := p.verifications.ResetPassword(c.Request.Context(), proof, request.NewPassword, middleware.RequestInfo(c))
	if err != nil {
		return err
	}
	SetDeviceCookie(c, device)
	c.Status(http.StatusNoContent)
	return nil
}
