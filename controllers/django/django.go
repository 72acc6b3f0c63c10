// Package django owns the paths of a migrated Django project: their requests, responses and errors have the form of Django's
// libraries. They are not in the contract, because they are meant to be removed one day (docs/adr/0020-moving-in.md): delete this
// folder, its file in server and its line there. No other package knows these paths.
package django

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"latchkey/controllers"
	"latchkey/middleware"
	"latchkey/models"
	"latchkey/problems"
	"latchkey/tokens"
)

// Controller serves the paths of a migrated Django project: those of its own views, of SimpleJWT and of djangorestframework-jwt.
type Controller struct {
	users  *models.UserManager
	logins *models.LoginManager
	tokens *authenticator
}

// Tokens are what the paths accept and issue. Access issues and verifies our access tokens, Issued verifies the tokens that
// Django issued, or is nil if they are not accepted, and Scheme is that of the Authorization header.
type Tokens struct {
	Access *tokens.AccessTokens
	Issued *tokens.DjangoTokens
	Scheme string
}

// New returns the controller of Django's paths.
func New(
	users *models.UserManager, logins *models.LoginManager, sessions *models.SessionManager, accepted Tokens,
) *Controller {
	return &Controller{users: users, logins: logins, tokens: &authenticator{
		access: accepted.Access, django: accepted.Issued, users: users, sessions: sessions, logins: logins, scheme: accepted.Scheme,
	}}
}

// userID returns the user's primary key in the Django project, or the UUID of a user who was not in it.
func userID(user *models.User) any {
	if user.LegacyID != nil {
		return *user.LegacyID
	}
	return user.ID.String()
}

// username returns the username in the Django project, or the email of a user who had none there.
func username(user *models.User) string {
	if user.LegacyUsername != nil {
		return *user.LegacyUsername
	}
	return user.Email
}

// issue returns an access token that also has the claims of the tokens of Django's libraries.
func (d *Controller) issue(user *models.User, session *models.Session) (string, error) {
	return d.sign(user, session, 0)
}

// issueRenewable returns an access token that TokenRefresh accepts.
func (d *Controller) issueRenewable(user *models.User, session *models.Session) (string, error) {
	return d.sign(user, session, tokens.NumericDate(session.CreatedAt.Unix()))
}

func (d *Controller) sign(user *models.User, session *models.Session, original tokens.NumericDate) (string, error) {
	id, err := json.Marshal(userID(user))
	if err != nil {
		return "", err
	}
	issued, err := d.tokens.access.Issue(tokens.Claims{
		Subject: user.ID.String(), SessionID: session.ID.String(), Roles: user.Roles(),
		DjangoUserID: jsontext.Value(id), Username: username(user), Email: user.Email, OriginallyAt: original,
	})
	return issued.Token, err
}

// credentials are an email or a username, and a password.
type credentials struct {
	email    string
	username string
	password string
}

// credentials reads email, or username, and password.
func (f *form) credentials() (credentials, error) {
	var given credentials
	if f.has("username") && !f.has("email") {
		given.username = f.required("username")
	} else {
		given.email = f.required("email")
	}
	given.password = f.required("password")
	return given, f.err()
}

// plainCredentials reads email and password unchanged. complete is false unless both are strings.
func (f *form) plainCredentials() (given credentials, complete bool) {
	complete = json.Unmarshal(f.members["email"], &given.email) == nil &&
		json.Unmarshal(f.members["password"], &given.password) == nil
	return given, complete
}

func (d *Controller) login(c *gin.Context, given credentials) (*models.SessionTokens, error) {
	email, err := d.emailOf(c, given)
	if err != nil {
		return nil, err
	}
	attempt := d.logins.Prepare(models.LoginRequest{
		Email: email, Password: given.password, DeviceToken: controllers.DeviceToken(c, ""), From: middleware.RequestInfo(c),
	})
	if err := middleware.LimitAccount(c, attempt.Source()); err != nil {
		return nil, err
	}
	opened, err := d.logins.Login(c.Request.Context(), attempt)
	if tooLong := (*models.ValidationError)(nil); errors.As(err, &tooLong) {
		return nil, models.ErrInvalidCredentials // Django has no limit, so to its clients this is a wrong password
	}
	if err != nil {
		return nil, err
	}
	controllers.SetDeviceCookie(c, opened.DeviceToken)
	return opened, nil
}

// emailOf returns the email of the user with this username. An unknown username is returned as if it were an email, so that the
// login takes as long to fail.
func (d *Controller) emailOf(c *gin.Context, given credentials) (string, error) {
	if given.username == "" {
		return given.email, nil
	}
	user, err := d.users.ByUsername(c.Request.Context(), given.username)
	if errors.Is(err, models.ErrUserNotFound) {
		return given.username, nil
	}
	if err != nil {
		return "", err
	}
	return user.Email, nil
}

type userResponse struct {
	ID         any       `json:"id"`
	Email      string    `json:"email"`
	FirstName  string    `json:"first_name"`
	LastName   string    `json:"last_name"`
	DateJoined time.Time `json:"date_joined"`
}

func newUserResponse(user *models.User) userResponse {
	return userResponse{
		ID: userID(user), Email: user.Email, FirstName: user.FirstName, LastName: user.LastName, DateJoined: user.DateJoined,
	}
}

// CreateUser creates an account: POST /user/create/.
func (d *Controller) CreateUser(c *gin.Context) error {
	form, err := read(c)
	if err != nil {
		return err
	}
	input := models.NewUser{
		Email: form.requiredEmail("email"), Password: form.required("password"), Locale: controllers.PreferredLanguage(c),
		From: middleware.RequestInfo(c),
	}
	for name, field := range map[string]*string{"first_name": &input.FirstName, "last_name": &input.LastName} {
		if text := form.optional(name); text != nil {
			*field = *text
		}
	}
	if err := form.err(); err != nil {
		return err
	}
	if err := middleware.LimitEmail(c, input.Email); err != nil {
		return err
	}
	user, err := d.users.CreateUser(c.Request.Context(), input)
	if err != nil {
		return err
	}
	c.JSON(http.StatusCreated, newUserResponse(user))
	return nil
}

type obtainResponse struct {
	Name  string `json:"name"`
	Token string `json:"token"`
}

type errorResponse struct {
	Error string `json:"error"`
}

// ObtainToken logs in: POST /user/obtain_token/. Like the view that it replaces, it responds with 200 if credentials are missing.
func (d *Controller) ObtainToken(c *gin.Context) error {
	form, err := read(c)
	if err != nil {
		return err
	}
	given, complete := form.plainCredentials()
	if !complete {
		middleware.SetOutcome(c, problems.CodeValidation)
		c.JSON(http.StatusOK, errorResponse{"please provide a email and a password"})
		return nil
	}
	opened, err := d.login(c, given)
	if err != nil {
		return err
	}
	token, err := d.issueRenewable(opened.User, opened.Session)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, obtainResponse{Name: opened.User.FirstName + " " + opened.User.LastName, Token: token})
	return nil
}

// ShowUser responds with the authenticated user: GET /user/update/.
func (d *Controller) ShowUser(c *gin.Context) error {
	c.JSON(http.StatusOK, newUserResponse(middleware.User(c)))
	return nil
}

// refuseChanges adds an error for an email that is not the user's, and for a password.
func (f *form) refuseChanges(user *models.User) {
	const message = "This field can't be changed here."
	if email := f.given("email", notEmail); email != nil {
		switch same, err := models.CanonicalEmail(*email); {
		case err != nil:
			f.addError("email", models.CodeInvalid, notEmail)
		case same != user.Email:
			f.addError("email", controllers.CodeReadOnly, message)
		}
	}
	if f.given("password", notText) != nil {
		f.addError("password", controllers.CodeReadOnly, message)
	}
}

// UpdateUser changes names: PUT and PATCH /user/update/. The fields are under "user" or at the top level.
func (d *Controller) UpdateUser(c *gin.Context) error {
	form, err := read(c)
	if err != nil {
		return err
	}
	if form, err = form.inner("user"); err != nil {
		return err
	}
	user := middleware.User(c)
	change := models.ProfileChange{FirstName: form.optional("first_name"), LastName: form.optional("last_name")}
	form.refuseChanges(user)
	if err := form.err(); err != nil {
		return err
	}
	changed, err := d.users.UpdateProfile(c.Request.Context(), user.ID, change)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, newUserResponse(changed))
	return nil
}
