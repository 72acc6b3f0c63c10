package controllers

import (
	"errors"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/middleware"
	"latchkey/models"
)

// Account serves data export and account deletion.
type Account struct {
	users    *models.UserManager
	sessions *models.SessionManager
	grace    time.Duration
}

// NewAccount returns the controller of the user's own account, which is deleted after grace.
func NewAccount(users *models.UserManager, sessions *models.SessionManager, grace time.Duration) *Account {
	return &Account{users: users, sessions: sessions, grace: grace}
}

type deletionRequest struct {
	CurrentPassword string `json:"current_password" bind:"required"`
}

// Delete ends all of the user's sessions and schedules the deletion of the account, which a login before then cancels. The
// session that asked for it may ask again: to log in for that would keep the account.
func (a *Account) Delete(c *gin.Context) error {
	session, err := middleware.SessionOf(c, a.sessions, middleware.Claims(c))
	if errors.Is(err, models.ErrDeletionAsked) {
		respondDeletion(c)
		return nil
	}
	if err != nil {
		return err
	}
	var request deletionRequest
	if err := Bind(c, &request); err != nil {
		return err
	}
	user := session.User
	if err := middleware.LimitAccount(c, user.ID.String()); err != nil {
		return err
	}
	err = a.users.RequestDeletion(c.Request.Context(), user, models.AccountDeletion{
		Password: request.CurrentPassword, Session: session, Grace: a.grace, From: middleware.RequestInfo(c),
	})
	if err != nil {
		return err
	}
	respondDeletion(c)
	return nil
}

func respondDeletion(c *gin.Context) {
	respondAccepted(c, "You are signed out everywhere. An email says until when a login keeps the account.")
}

// Export responds with everything that is stored about the user. An error after the response has begun breaks the connection.
func (a *Account) Export(c *gin.Context) error {
	user := middleware.User(c)
	if err := middleware.LimitAccount(c, user.ID.String()); err != nil {
		return err
	}
	data, err := a.users.PersonalData(c.Request.Context(), user.ID)
	if err != nil {
		return err
	}
	if err = writeExport(c, data); err != nil && c.Writer.Written() {
		middleware.CutOff(c, err)
	}
	return err
}
