package controllers

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"latchkey/middleware"
	"latchkey/models"
	"latchkey/problems"
)

// Email serves the confirmation and the change of email addresses.
type Email struct {
	verifications *models.VerificationManager
	sessions      *Sessions
}

// NewEmail returns the controller of email addresses, which identifies users as sessions does.
func NewEmail(verifications *models.VerificationManager, sessions *Sessions) *Email {
	return &Email{verifications: verifications, sessions: sessions}
}

// emailProofRequest proves that an email was received: by its token, or by the address that it was sent to and its code, with the
// device token of an earlier login.
type emailProofRequest struct {
	Token       string `json:"token"`
	Email       string `json:"email"`
	Code        string `json:"code"`
	DeviceToken string `json:"device_token"`
}

// proof returns the proof that the request has, or a *models.ValidationError. It counts each use of a code, which could be a
// guess, against the account of the address.
func (r emailProofRequest) proof(c *gin.Context, verifications *models.VerificationManager) (models.EmailProof, error) {
	proof, err := models.ReadEmailProof(r.Token, r.Email, r.Code)
	proof.DeviceToken = DeviceToken(c, r.DeviceToken)
	if err != nil || proof.Token != "" {
		return proof, err
	}
	return proof, middleware.LimitAccount(c, verifications.Source(proof))
}

type confirmRequest struct {
	emailProofRequest
	CurrentPassword string `json:"current_password"`
}

// Verify confirms an address: that of a sign-up, or the new address of an account, if the request comes from that account's
// owner.
func (e *Email) Verify(c *gin.Context) error {
	var request confirmRequest
	if err := Bind(c, &request); err != nil {
		return err
	}
	proof, err := request.proof(c, e.verifications)
	if err != nil {
		return err
	}
	owner := models.Owner{Password: request.CurrentPassword}
	session, unidentified := e.sessions.identify(c, "")
	if unidentified == nil {
		owner.UserID = session.UserID
	}
	err = e.verifications.VerifyEmail(c.Request.Context(), proof, owner, middleware.RequestInfo(c))
	if errors.Is(err, models.ErrOwnerUnknown) && !errors.Is(unidentified, problems.ErrCredentialsMissing) {
		return cmp.Or(unidentified, err) // such as an access token that has expired, where another one would do
	}
	if err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

type addressRequest struct {
	Email string `json:"email" bind:"required"`
}

// acceptedResponse is the same whether or not an email was sent.
type acceptedResponse struct {
	Detail string `json:"detail"`
}

func respondAccepted(c *gin.Context, detail string) {
	c.JSON(http.StatusAccepted, acceptedResponse{detail})
}

// Resend sends another email to confirm an address, if it has an account and is not confirmed.
func (e *Email) Resend(c *gin.Context) error {
	var request addressRequest
	if err := Bind(c, &request); err != nil {
		return err
	}
	if err := middleware.LimitMail(c, middleware.MailToVerify, request.Email); err != nil {
		return err
	}
	if err := e.verifications.SendVerification(c.Request.Context(), request.Email); err != nil {
		return err
	}
	respondAccepted(c, "If this address has an account and is not confirmed, an email is on its way.")
	return nil
}

type emailChangeRequest struct {
	NewEmail        string `json:"new_email" bind:"required"`
	CurrentPassword string `json:"current_password" bind:"required"`
}

// Change sends an email to the new address. The address changes once that is confirmed.
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
		NewEmail: request.NewEmail, Password: request.CurrentPassword,
		Session: middleware.Session(c), From: middleware.RequestInfo(c),
	})
	if err != nil {
		return err
	}
	respondAccepted(c, "An email is on its way to the new address. The address changes when it is confirmed.")
	return nil
}

type undoRequest struct {
	Token string `json:"token" bind:"required"`
}

// Undo restores the address that an account had before a change.
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
