package controllers

import (
	"net/http"

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
	signup SignupMode
}

// SignupMode is how the service responds to a sign-up.
type SignupMode int

// SignupOpens opens a session, or responds that the email is taken. SignupConfirms opens none, because the address has to be
// confirmed first. SignupHides responds the same whether or not the email is taken.
const (
	SignupOpens SignupMode = iota
	SignupConfirms
	SignupHides
)

// NewAuth returns the controller of sign-up and login.
func NewAuth(
	users *models.UserManager, logins *models.LoginManager, access *tokens.AccessTokens, signup SignupMode,
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

// clientName is the name of an app or a device, as the list of sessions shows it.
type clientName struct {
	ClientName string `json:"client_name"`
}

// Signup creates an account and opens its first session. In the mode SignupHides it opens none, and creates the account if the
// address has none yet.
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
	if err != nil || a.signup == SignupConfirms {
		return a.accept(c, err, "Your account has been created. Confirm the address with the email that is on its way, then log in.")
	}
	opened, err := a.logins.Open(c.Request.Context(), user, from)
	if err != nil {
		return err
	}
	return a.respond(c, http.StatusCreated, opened)
}

// accept responds to a sign-up that opens no session.
func (a *Auth) accept(c *gin.Context, err error, detail string) error {
	if err != nil {
		return err
	}
	respondAccepted(c, detail)
	return nil
}

// PreferredLanguage returns the first language of the Accept-Language header (RFC 9110, section 12.5.4), or "" if it names none.
func PreferredLanguage(c *gin.Context) string {
	tags, _, err := language.ParseAcceptLanguage(c.GetHeader("Accept-Language"))
	if err != nil || len(tags) == 0 || tags[0].String() == "mul" { // which is what an asterisk becomes
		return ""
	}
	return tags[0].String()
}

// Login opens a session for an email and a password, and responds with its tokens and the user.
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
	opened, err := a.logins.Login(c.Request.Context(), attempt)
	if err != nil {
		return err
	}
	return a.respond(c, http.StatusOK, opened)
}

// respond writes the tokens: the device token for apps in the body, and for browsers in a cookie.
func (a *Auth) respond(c *gin.Context, status int, opened *models.SessionTokens) error {
	SetDeviceCookie(c, opened.DeviceToken)
	return respondWithTokens(c, status, a.access, opened)
}
