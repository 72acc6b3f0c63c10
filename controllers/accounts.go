package controllers

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/middleware"
	"latchkey/models"
	"latchkey/tokens"
)

// Accounts answers those who have no access token yet: who signs up and who logs in.
type Accounts struct {
	users  *models.UserManager
	logins *models.LoginManager
	access *tokens.AccessTokens
	signup SignupAnswer
}

// SignupAnswer is what a sign-up learns.
type SignupAnswer int

// SignupTells answers a session, or that the email is taken; SignupHides answers the same to both.
const (
	SignupTells SignupAnswer = iota
	SignupHides
)

// NewAccounts makes the resource of sign-up and login.
func NewAccounts(
	users *models.UserManager, logins *models.LoginManager, access *tokens.AccessTokens, signup SignupAnswer,
) *Accounts {
	return &Accounts{users: users, logins: logins, access: access, signup: signup}
}

type signupRequest struct {
	Email     string `json:"email"`
	Password  string `json:"password"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	clientName
}

type signupAcceptedResponse struct {
	Detail string `json:"detail"`
}

type loginRequest struct {
	Email       string `json:"email" bind:"required"`
	Password    string `json:"password" bind:"required"`
	DeviceToken string `json:"device_token"`
	clientName
}

// clientName is what an app calls itself or its device, for the list of sessions.
type clientName struct {
	ClientName string `json:"client_name"`
}

// Signup creates an account and logs it in, or, where sign-up hides who has an account, creates it if there is none.
func (a *Accounts) Signup(c *gin.Context) error {
	var request signupRequest
	if err := bind(c, &request); err != nil {
		return err
	}
	if err := middleware.LimitEmail(c, request.Email); err != nil {
		return err
	}
	client := middleware.Client(c)
	client.Name = request.ClientName
	input := models.NewUser{
		Email: request.Email, Password: request.Password, FirstName: request.FirstName, LastName: request.LastName,
		Client: client,
	}
	if a.signup == SignupHides {
		return a.accept(c, input)
	}
	user, err := a.users.CreateUser(c.Request.Context(), input)
	if err != nil {
		return err
	}
	grant, err := a.logins.Open(c.Request.Context(), user, client)
	if err != nil {
		return err
	}
	return a.answer(c, http.StatusCreated, grant)
}

func (a *Accounts) accept(c *gin.Context, input models.NewUser) error {
	if _, _, err := a.users.CreateOrFind(c.Request.Context(), input); err != nil {
		return err
	}
	c.JSON(http.StatusAccepted, signupAcceptedResponse{Detail: "If this email address had no account, it has one now."})
	return nil
}

// Login answers an email and a password with a session's tokens and the user.
func (a *Accounts) Login(c *gin.Context) error {
	var request loginRequest
	if err := bind(c, &request); err != nil {
		return err
	}
	client := middleware.Client(c)
	client.Name = request.ClientName
	attempt := models.LoginAttempt{
		Email: request.Email, Password: request.Password, DeviceToken: deviceToken(c, request.DeviceToken), Client: client,
	}
	if err := middleware.LimitAccount(c, a.logins.Source(attempt)); err != nil {
		return err
	}
	grant, err := a.logins.Login(c.Request.Context(), attempt)
	if err != nil {
		return err
	}
	return a.answer(c, http.StatusOK, grant)
}

const (
	deviceCookie = "latchkey_device"
	deviceMaxAge = 400 * 24 * time.Hour // what browsers allow (RFC 6265bis, section 5.5)
)

// deviceToken is the one in the body or else that of the cookie.
func deviceToken(c *gin.Context, given string) string {
	if given != "" {
		return given
	}
	cookie, err := c.Request.Cookie(deviceCookie)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// answer gives the device token to apps in the body and to browsers in a cookie that no script reads.
func (a *Accounts) answer(c *gin.Context, status int, grant *models.Grant) error {
	keepDevice(c, grant)
	return answerGrant(c, status, a.access, grant)
}

func keepDevice(c *gin.Context, grant *models.Grant) {
	http.SetCookie(c.Writer, &http.Cookie{
		Name: deviceCookie, Value: grant.DeviceToken, Path: "/", MaxAge: int(deviceMaxAge / time.Second),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}
