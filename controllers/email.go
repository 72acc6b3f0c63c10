package controllers

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"latchkey/middleware"
	"latchkey/models"
)

// Email is where an address is confirmed and changed.
type Email struct {
	verifications *models.VerificationManager
}

// NewEmail makes the resource of email addresses.
func NewEmail(verifications *models.VerificationManager) *Email {
	return &Email{verifications: verifications}
}

// proofRequest is what a mail holds: its token, or the address that it went to and its code.
type proofRequest struct {
	Token string `json:"token"`
	Email string `json:"email"`
	Code  string `json:"code"`
}

// proof makes sure that there is one, and counts tries to guess a code against the account of the address.
func (r proofRequest) proof(c *gin.Context) (models.EmailProof, error) {
	if r.Token != "" {
		return models.EmailProof{Token: r.Token}, nil
	}
	var missing []models.FieldError
	for _, field := range []struct{ name, value string }{{"email", r.Email}, {"code", r.Code}} {
		if field.value == "" {
			missing = append(missing, models.FieldError{
				Field: field.name, Code: models.CodeRequired, Message: "Send the token from the email, or the email address and the code.",
			})
		}
	}
	if missing != nil {
		return models.EmailProof{}, &models.ValidationError{Errors: missing}
	}
	return models.EmailProof{Email: r.Email, Code: r.Code}, middleware.LimitEmail(c, r.Email)
}

// Verify confirms an address, that of a sign-up or the one that an account is to change to.
func (e *Email) Verify(c *gin.Context) error {
	var request proofRequest
	if err := Bind(c, &request); err != nil {
		return err
	}
	proof, err := request.proof(c)
	if err != nil {
		return err
	}
	if err := e.verifications.VerifyEmail(c.Request.Context(), proof, middleware.RequestInfo(c)); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

type addressRequest struct {
	Email string `json:"email" bind:"required"`
}

// mailed tells nothing about whether there was anybody to write to.
type mailed struct {
	Detail string `json:"detail"`
}

// Resend sends another mail that confirms an address, if there is something to confirm.
func (e *Email) Resend(c *gin.Context) error {
	var request addressRequest
	if err := Bind(c, &request); err != nil {
		return err
	}
	if err := middleware.LimitEmail(c, request.Email); err != nil {
		return err
	}
	if err := e.verifications.SendVerification(c.Request.Context(), request.Email); err != nil {
		return err
	}
	c.JSON(http.StatusAccepted, mailed{"If this address has an account and is not confirmed, an email is on its way."})
	return nil
}

type emailChangeRequest struct {
	NewEmail        string `json:"new_email" bind:"required"`
	CurrentPassword string `json:"current_password" bind:"required"`
}

// Change sends a mail to the new address. The address changes when that is answered.
func (e *Email) Change(c *gin.Context) error {
	var request emailChangeRequest
	if err := Bind(c, &request); err != nil {
		return err
	}
	user := middleware.User(c)
	if err := middleware.LimitAccount(c, user.ID.String()); err != nil {
		return err
	}
	err := e.verifications.RequestEmailChange(c.Request.Context(), user, models.EmailChange{
		NewEmail: request.NewEmail, Password: request.CurrentPassword, From: middleware.RequestInfo(c),
	})
	if err != nil {
		return err
	}
	c.JSON(http.StatusAccepted, mailed{"An email is on its way to the new address. The address changes when it is confirmed."})
	return nil
}

type undoRequest struct {
	Token string `json:"token" bind:"required"`
}

// Undo gives an account the address back that it had before a change.
func (e *Email) Undo(c *gin.Context) error {
	var request undoRequest
	if err := Bind(c, &request); err != nil {
		return err
	}
	if err := e.verifications.UndoEmailChange(c.Request.Context(), request.Token, middleware.RequestInfo(c)); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
