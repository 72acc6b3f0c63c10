package django

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"latchkey/middleware"
	"latchkey/models"
	"latchkey/problems"
	"latchkey/tokens"
)

// response is an error as a client of Django REST Framework expects it.
type response struct {
	status int
	body   any
}

type detailBody struct {
	Detail string `json:"detail"`
	Code   string `json:"code,omitempty"`
}

// dialect is the library whose error messages a path uses.
type dialect int

// views is for the project's own views behind djangorestframework-jwt's authentication; simpleJWT and drfJWT are for the paths of
// the libraries.
const (
	views dialect = iota
	simpleJWT
	drfJWT
)

// errors writes the errors of a view in the form of Django REST Framework. middleware.Log logs them.
func (d *Controller) errors(dialect dialect) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Next()
		if last := c.Errors.Last(); last != nil && !c.Writer.Written() {
			d.write(c, dialect, last.Err)
		}
	}
}

func (d *Controller) write(c *gin.Context, dialect dialect, err error) {
	c.Abort()
	response := describe(dialect, err)
	if response.status == http.StatusUnauthorized {
		c.Header("WWW-Authenticate", d.tokens.scheme+` realm="api"`)
	}
	problems.SetRetryAfter(c, err)
	if code := ownCode(err); code != "" {
		middleware.SetOutcome(c, code)
	}
	c.JSON(response.status, body(c, err, response))
}

// ownCode returns the code under which the metrics count an error that only these paths know, or "".
func ownCode(err error) string {
	switch {
	case errors.Is(err, errWrongType), errors.Is(err, errNotRenewable), errors.Is(err, models.ErrUserNotFound):
		return "token_invalid"
	case errors.Is(err, errNoCredentials), errors.Is(err, errSpaces):
		return "credentials_missing"
	case errors.Is(err, problems.ErrMalformedForm):
		return "malformed_form"
	default:
		return ""
	}
}

// body returns the body of the response to err. Two messages have details: the content type of the request, and the time to wait.
func body(c *gin.Context, err error, response response) any {
	var limited *problems.RateLimitedError
	switch {
	case errors.Is(err, problems.ErrUnsupportedMediaType):
		return detailBody{Detail: fmt.Sprintf("Unsupported media type %q in request.", c.GetHeader("Content-Type"))}
	case errors.Is(err, problems.ErrMethodNotAllowed):
		return detailBody{Detail: fmt.Sprintf("Method %q not allowed.", c.Request.Method)}
	case errors.As(err, &limited):
		wait, unit := limited.Seconds(), "seconds"
		if wait == 1 {
			unit = "second"
		}
		return detailBody{Detail: fmt.Sprintf("Request was throttled. Expected available in %d %s.", wait, unit)}
	default:
		return response.body
	}
}

func describe(dialect dialect, err error) response {
	var invalid *models.ValidationError
	if errors.As(err, &invalid) {
		return response{http.StatusBadRequest, fieldMessages(invalid)}
	}
	for _, each := range rowsOf(dialect) {
		if errors.Is(err, each.err) {
			return each.response
		}
	}
	problem := problems.Describe(err)
	return response{problem.Status, detailBody{Detail: problem.Detail}}
}

// fieldMessages returns the messages by field. Some are Django's own.
func fieldMessages(invalid *models.ValidationError) map[string][]string {
	fields := map[string][]string{}
	for _, field := range invalid.Errors {
		message := field.Message
		switch {
		case field.Field == "email" && field.Code == models.CodeTaken:
			message = "user with this email already exists."
		case field.Code == models.CodeTooLong:
			message = "Ensure this field has no more than 150 characters."
		}
		fields[field.Field] = append(fields[field.Field], message)
	}
	return fields
}

type row struct {
	err error
	response
}

// rowsOf returns the errors for which a dialect has a response of its own. All others are as problems.Describe returns them.
func rowsOf(dialect dialect) []row {
	detail := func(err error, status int, text string) row {
		return row{err, response{status, detailBody{Detail: text}}}
	}
	rows := []row{
		detail(problems.ErrCredentialsMissing, http.StatusUnauthorized, "Authentication credentials were not provided."),
		detail(problems.ErrNotFound, http.StatusNotFound, "Not found."),
		detail(problems.ErrMalformedJSON, http.StatusBadRequest, "JSON parse error - this is not one JSON value in UTF-8"),
		detail(problems.ErrMalformedForm, http.StatusBadRequest, "Form parse error - this is not a form of its content type"),
	}
	switch dialect {
	case drfJWT:
		return append(rows, drfJWTRows()...)
	case simpleJWT:
		return append(rows, simpleJWTRows()...)
	default:
		return append(rows, viewRows()...)
	}
}

func drfJWTRows() (rows []row) {
	for _, each := range []struct {
		err     error
		message string
	}{
		{models.ErrInvalidCredentials, "Unable to log in with provided credentials."},
		{tokens.ErrTokenExpired, "Signature has expired."},
		{tokens.ErrTokenInvalid, "Error decoding signature."},
		{errWrongType, "Error decoding signature."},
		{errNotRenewable, "orig_iat field is required."},
		{models.ErrSessionRevoked, "Error decoding signature."},
		{models.ErrRefreshTokenReused, "Error decoding signature."},
		{models.ErrSessionExpired, "Refresh has expired."},
		{models.ErrAccountInactive, "User account is disabled."},
		{models.ErrUserNotFound, "User doesn't exist."},
	} {
		body := map[string][]string{"non_field_errors": {each.message}}
		rows = append(rows, row{each.err, response{http.StatusBadRequest, body}})
	}
	return rows
}

func simpleJWTRows() []row {
	rows := []row{
		{models.ErrInvalidCredentials, response{http.StatusUnauthorized,
			detailBody{Detail: "No active account found with the given credentials"}}},
		{errWrongType, response{http.StatusUnauthorized,
			detailBody{Detail: "Token has wrong type", Code: "token_not_valid"}}},
	}
	for _, err := range tokenErrors() {
		rows = append(rows, row{err, response{http.StatusUnauthorized,
			detailBody{Detail: "Token is invalid or expired", Code: "token_not_valid"}}})
	}
	return rows
}

// viewRows returns the errors of a project's own views behind djangorestframework-jwt's authentication. Of a session that was
// ended, which only Latchkey knows, they say what makes clients ask for a login.
func viewRows() []row {
	rows := []row{{models.ErrInvalidCredentials, response{http.StatusForbidden,
		errorResponse{"can not authenticate with the given credentials or the account has been deactivated"}}}}
	for _, each := range []struct {
		err     error
		message string
	}{
		{errNoCredentials, "Invalid Authorization header. No credentials provided."},
		{errSpaces, "Invalid Authorization header. Credentials string should not contain spaces."},
		{tokens.ErrTokenExpired, "Signature has expired."},
		{models.ErrSessionExpired, "Signature has expired."},
		{models.ErrSessionRevoked, "Signature has expired."},
		{models.ErrRefreshTokenReused, "Signature has expired."},
		{tokens.ErrTokenInvalid, "Error decoding signature."},
		{errWrongType, "Error decoding signature."},
		{models.ErrAccountInactive, "User account is disabled."},
		{models.ErrUserNotFound, "Invalid signature."},
	} {
		rows = append(rows, row{each.err, response{http.StatusUnauthorized, detailBody{Detail: each.message}}})
	}
	return rows
}

// tokenErrors returns the errors that SimpleJWT does not distinguish.
func tokenErrors() []error {
	return []error{
		tokens.ErrTokenInvalid, tokens.ErrTokenExpired, models.ErrSessionExpired, models.ErrSessionRevoked,
		models.ErrRefreshTokenInvalid, models.ErrRefreshTokenReused, models.ErrUserNotFound, models.ErrAccountInactive,
	}
}
