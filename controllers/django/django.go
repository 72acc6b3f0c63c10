// Package django owns the paths of a Django project that moved here, in the shapes of Django's libraries, errors too. They are
// not in the contract, which is of what is to stay (docs/adr/0020-moving-in.md). Nothing else knows of them: without this
// folder, its file in server and its line there they are gone.
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

// Controller serves the paths of a Django project that moved here as that project did: those of its own views, of SimpleJWT and
// of djangorestframework-jwt.
type Controller struct {
	users  *models.UserManager
	logins *models.LoginManager
	tokens *authenticator
}

// Tokens are what the paths accept and issue: access tokens of ours, under Scheme in the Authorization header, and those of
// Django, unless Issued is nil.
type Tokens struct {
	Access *tokens.AccessTokens
	Issued *tokens.DjangoTokens
	Scheme string
}

// New constructs the controller of Django's paths.
func New(
	users *models.UserManager, logins *models.LoginManager, sessions *models.SessionManager, accepted Tokens,
) *Controller {
	return &Controller{users: users, logins: logins, tokens: &authenticator{
		access: accepted.Access, django: accepted.Issued, sessions: sessions, logins: logins, scheme: accepted.Scheme,
	}}
}

// userID is the primary key of old, and a UUID for whom never had one.
func userID(user *models.User) any {
	if user.LegacyID != nil {
		return *user.LegacyID
	}
	return user.ID.String()
}

// username is the username of old, and the email of whom never had another one.
func username(user *models.User) string {
	if user.LegacyUsername != nil {
		return *user.LegacyUsername
	}
	return user.Email
}

// issue makes an access token that also says what Django's libraries put into theirs.
func (d *Controller) issue(user *models.User, session *models.Session) (string, error) {
	return d.sign(user, session, 0)
}

// issueRenewable makes one that TokenRefresh takes.
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

// credentials are what somebody logs in with: an email or a username, and a password.
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

// plainCredentials reads email and password as they are, if both are texts.
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
	grant, err := d.logins.Login(c.Request.Context(), attempt)
	if tooLong := (*models.ValidationError)(nil); errors.As(err, &tooLong) {
		return nil, models.ErrInvalidCredentials // to Django a password like any other
	}
	if err != nil {
		return nil, err
	}
	controllers.KeepDevice(c, grant)
	return grant, nil
}

// emailOf finds the email that goes with a username. One that nobody has is taken for an email, to cost as much to refuse.
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

// CreateUser signs up: POST /user/create/.
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

// ObtainToken logs in: POST /user/obtain_token/. Without credentials it answers 200, as the view that it stands for.
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
	grant, err := d.login(c, given)
	if err != nil {
		return err
	}
	token, err := d.issueRenewable(grant.User, grant.Session)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, obtainResponse{Name: grant.User.FirstName + " " + grant.User.LastName, Token: token})
	return nil
}

// ShowUser answers the user who asks: GET /user/update/.
func (d *Controller) ShowUser(c *gin.Context) error {
	c.JSON(http.StatusOK, newUserResponse(middleware.User(c)))
	return nil
}

// refuseChanges faults an email that is not the user's, and a password.
func (f *form) refuseChanges(user *models.User) {
	const message = "This field can't be changed here."
	if email := f.given("email", notEmail); email != nil {
		switch same, err := models.CanonicalEmail(*email); {
		case err != nil:
			f.fault("email", models.CodeInvalid, notEmail)
		case same != user.Email:
			f.fault("email", controllers.CodeReadOnly, message)
		}
	}
	if f.given("password", notText) != nil {
		f.fault("password", controllers.CodeReadOnly, message)
	}
}

// UpdateUser changes names: PUT and PATCH /user/update/, with the fields under "user" or by themselves.
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
