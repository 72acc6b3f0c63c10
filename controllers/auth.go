package controllers

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/text/language"

	"latchkey/middleware"
	"latchkey/models"
	"latchkey/tokens"
)

// Auth serves sign-up and login, which need no access token.
type Auth struct {
	users  *models.UserManager
	logins *models.LoginManager
	access *tokens.AccessTokens
	signup SignupAnswer
}

// SignupAnswer is what a sign-up learns.
type SignupAnswer int

// SignupTells answers a session, or that the email is taken. SignupAsks opens no session, because the address has to be
// confirmed first. SignupHides answers the same whether or not the email is taken.
const (
	SignupTells SignupAnswer = iota
	SignupAsks
	SignupHides
)

// NewAuth constructs the resource of sign-up and login.
func NewAuth(
	users *models.UserManager, logins *models.LoginManager, access *tokens.AccessTokens, signup SignupAnswer,
) *Auth {
	return &Auth{users: users, logins: logins, access: access, signup: signup}
}

type signupRequest struct {
	Email     string `json:"email"`
	Password  string `json:"password"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	clientName
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
func (a *Auth) Signup(c *gin.Context) error {
	var request signupRequest
	if err := Bind(c, &request); err != nil {
		return err
	}
	if err := middleware.LimitEmail(c, request.Email); err != nil {
		return err
	}
	from := middleware.RequestInfo(c)
	from.ClientName = request.ClientName
	input := models.NewUser{
		Email: request.Email, Password: request.Password, FirstName: request.FirstName, LastName: request.LastName,
		Locale: PreferredLanguage(c), From: from,
	}
	if a.signup == SignupHides {
		return a.accept(c, a.users.SignUp(c.Request.Context(), input),
			"If this email address had no account, it has one now. An email with more is on its way.")
	}
	user, err := a.users.CreateUser(c.Request.Context(), input)
	if err != nil || a.signup == SignupAsks {
		return a.accept(c, err, "Your account has been created. Confirm the address with the email that is on its way, then log in.")
	}
	grant, err := a.logins.Open(c.Request.Context(), user, from)
	if err != nil {
		return err
	}
	return a.answer(c, http.StatusCreated, grant)
}

// accept answers a sign-up that opens no session.
func (a *Auth) accept(c *gin.Context, err error, detail string) error {
	if err != nil {
		return err
	}
	c.JSON(http.StatusAccepted, mailed{detail})
	return nil
}

// PreferredLanguage is the one that the client wants most (RFC 9110, section 12.5.4), or nothing.
func PreferredLanguage(c *gin.Context) string {
	tags, _, err := language.ParseAcceptLanguage(c.GetHeader("Accept-Language"))
	if err != nil || len(tags) == 0 || tags[0].String() == "mul" { // which is what an asterisk becomes
		return ""
	}
	return tags[0].String()
}

// Login answers an email and a password with a session's tokens and the user.
func (a *Auth) Login(c *gin.Context) error {
	var request loginRequest
	if err := Bind(c, &request); err != nil {
		return err
	}
	from := middleware.RequestInfo(c)
	from.ClientName = request.ClientName
	attempt := a.logins.Prepare(models.LoginRequest{
		Email: request.Email, Password: request.Password, DeviceToken: DeviceToken(c, request.DeviceToken), From: from,
	})
	if err := middleware.LimitAccount(c, attempt.Source()); err != nil {
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

// DeviceToken is the one in the body or else that of the cookie.
func DeviceToken(c *gin.Context, given string) string {
	if given != "" {
		return given
	}
	cookie, err := c.Request.Cookie(deviceCookie)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// answer writes the tokens: the device token for apps in the body, and for browsers in a cookie.
func (a *Auth) answer(c *gin.Context, status int, grant *models.SessionTokens) error {
	KeepDevice(c, grant)
	return answerGrant(c, status, a.access, grant)
}

// KeepDevice keeps the device token of a login in a cookie that no script reads.
func KeepDevice(c *gin.Context, grant *models.SessionTokens) {
	http.SetCookie(c.Writer, &http.Cookie{
		Name: deviceCookie, Value: grant.DeviceToken, Path: "/", MaxAge: int(deviceMaxAge / time.Second),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}
