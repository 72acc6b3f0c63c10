package controllers

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"latchkey/middleware"
	"latchkey/models"
	"latchkey/tokens"
)

// Accounts answers those who have no access token yet: who signs up and who logs in.
type Accounts struct {
	users    *models.UserManager
	sessions *models.SessionManager
	access   *tokens.AccessTokens
}

// NewAccounts makes the resource of sign-up and login.
func NewAccounts(
	users *models.UserManager, sessions *models.SessionManager, access *tokens.AccessTokens,
) *Accounts {
	return &Accounts{users: users, sessions: sessions, access: access}
}

type signupRequest struct {
	Email     string `json:"email"`
	Password  string `json:"password"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	clientName
}

type loginRequest struct {
	Email    string `json:"email" bind:"required"`
	Password string `json:"password" bind:"required"`
	clientName
}

// clientName is what an app calls itself or its device, for the list of sessions.
type clientName struct {
	ClientName string `json:"client_name"`
}

// Signup creates an account and logs it in.
func (a *Accounts) Signup(c *gin.Context) error {
	var request signupRequest
	if err := bind(c, &request); err != nil {
		return err
	}
	user, err := a.users.CreateUser(c.Request.Context(), models.NewUser{
		Email: request.Email, Password: request.Password, FirstName: request.FirstName, LastName: request.LastName,
	})
	if err != nil {
		return err
	}
	return a.open(c, http.StatusCreated, user, request.ClientName)
}

// Login answers an email and a password with a session's tokens and the user.
func (a *Accounts) Login(c *gin.Context) error {
	var request loginRequest
	if err := bind(c, &request); err != nil {
		return err
	}
	user, err := a.users.Authenticate(c.Request.Context(), request.Email, request.Password)
	if err != nil {
		return err
	}
	return a.open(c, http.StatusOK, user, request.ClientName)
}

func (a *Accounts) open(c *gin.Context, status int, user *models.User, name string) error {
	client := middleware.Client(c)
	client.Name = name
	grant, err := a.sessions.Open(c.Request.Context(), user, client)
	if err != nil {
		return err
	}
	return answerGrant(c, status, a.access, grant)
}
