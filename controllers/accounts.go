package controllers

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/models"
	"latchkey/tokens"
)

// Accounts answers those who have no access token yet: who signs up and who logs in.
type Accounts struct {
	users  *models.UserManager
	access *tokens.AccessTokens
}

// NewAccounts makes the resource of sign-up and login.
func NewAccounts(users *models.UserManager, access *tokens.AccessTokens) *Accounts {
	return &Accounts{users: users, access: access}
}

type signupRequest struct {
	Email     string `json:"email"`
	Password  string `json:"password"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
}

type loginRequest struct {
	Email    string `json:"email" bind:"required"`
	Password string `json:"password" bind:"required"`
}

type tokenResponse struct {
	User        userResponse `json:"user"`
	AccessToken string       `json:"access_token"`
	TokenType   string       `json:"token_type"`
	ExpiresIn   int          `json:"expires_in"` // seconds
}

// Signup creates an account and logs it in.
func (a *Accounts) Signup(c *gin.Context) error {
	var request signupRequest
	if err := bind(c, &request); err != nil {
		return err
	}
	user, err := a.users.CreateUser(c.Request.Context(), models.NewUser(request))
	if err != nil {
		return err
	}
	return a.answerTokens(c, http.StatusCreated, user)
}

// Login answers an email and a password with an access token and the user.
func (a *Accounts) Login(c *gin.Context) error {
	var request loginRequest
	if err := bind(c, &request); err != nil {
		return err
	}
	user, err := a.users.Authenticate(c.Request.Context(), request.Email, request.Password)
	if err != nil {
		return err
	}
	return a.answerTokens(c, http.StatusOK, user)
}

func (a *Accounts) answerTokens(c *gin.Context, status int, user *models.User) error {
	issued, err := a.access.Issue(tokens.Claims{Subject: user.ID.String()})
	if err != nil {
		return err
	}
	c.JSON(status, tokenResponse{
		User:        newUserResponse(user),
		AccessToken: issued.Token,
		TokenType:   "Bearer",
		ExpiresIn:   int(issued.ExpiresIn / time.Second),
	})
	return nil
}
