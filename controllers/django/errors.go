package django

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"latchkey/models"
	"latchkey/problems"
	"latchkey/tokens"
)

// answer is what an error looks like to a client of Django REST Framework.
type answer struct {
	status int
	body   any
}

type detailBody struct {
	Detail   string         `json:"detail"`
	Code     string         `json:"code,omitempty"`
	Messages []tokenMessage `json:"messages,omitempty"`
}

type tokenMessage struct {
	TokenClass string `json:"token_class"`
	TokenType  string `json:"token_type"`
	Message    string `json:"message"`
}

// dialect is which library's words a path answers errors in.
type dialect int

// views are the project's own, simpleJWT and drfJWT the libraries'.
const (
	views dialect = iota
	simpleJWT
	drfJWT
)

// errors writes the errors of a group of routes in Django REST Framework's shapes. It leaves the logging to middleware.Errors.
func (d *Controller) errors(dialect dialect) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Next()
		last := c.Errors.Last()
		if last == nil || c.Writer.Written() {
			return
		}
		c.Abort()
		answer := describe(dialect, last.Err)
		if answer.status == http.StatusUnauthorized {
			c.Header("WWW-Authenticate", d.tokens.scheme+` realm="api"`)
		}
		problems.SetRetryAfter(c, last.Err)
		c.JSON(answer.status, body(c, last.Err, answer))
	}
}

// body is the body of an answer, with what Django REST Framework says of the request in it.
func body(c *gin.Context, err error, answer answer) any {
	var limited *problems.RateLimitedError
	switch {
	case errors.Is(err, problems.ErrUnsupportedMediaType):
		return detailBody{Detail: fmt.Sprintf("Unsupported media type %q in request.", c.GetHeader("Content-Type"))}
	case errors.As(err, &limited):
		wait, unit := limited.Seconds(), "seconds"
		if wait == 1 {
			unit = "second"
		}
		return detailBody{Detail: fmt.Sprintf("Request was throttled. Expected available in %d %s.", wait, unit)}
	default:
		return answer.body
	}
}

func describe(dialect dialect, err error) answer {
	var invalid *models.ValidationError
	if errors.As(err, &invalid) {
		return answer{http.StatusBadRequest, fieldMessages(invalid)}
	}
	for _, each := range rowsOf(dialect) {
		if errors.Is(err, each.err) {
			return each.answer
		}
	}
	problem := problems.Describe(err)
	return answer{problem.Status, detailBody{Detail: problem.Detail}}
}

// fieldMessages are messages by field. A few have Django's own words.
func fieldMessages(invalid *models.ValidationError) map[string][]string {
	fields := map[string][]string{}
	for _, fault := range invalid.Errors {
		message := fault.Message
		switch {
		case fault.Field == "email" && fault.Code == models.CodeTaken:
			message = "user with this email already exists."
		case fault.Code == models.CodeTooLong:
			message = "Ensure this field has no more than 150 characters."
		}
		fields[fault.Field] = append(fields[fault.Field], message)
	}
	return fields
}

type row struct {
	err error
	answer
}

// rowsOf are the answers of a dialect where they are not what the error is everywhere else.
func rowsOf(dialect dialect) []row {
	detail := func(err error, status int, text string) row {
		return row{err, answer{status, detailBody{Detail: text}}}
	}
	rows := []row{
		detail(problems.ErrCredentialsMissing, http.StatusUnauthorized, "Authentication credentials were not provided."),
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
		{models.ErrSessionRevoked, "Error decoding signature."},
		{models.ErrRefreshTokenReused, "Error decoding signature."},
		{models.ErrSessionExpired, "Refresh has expired."},
		{models.ErrAccountInactive, "User account is disabled."},
		{models.ErrUserNotFound, "User doesn't exist."},
	} {
		body := map[string][]string{"non_field_errors": {each.message}}
		rows = append(rows, row{each.err, answer{http.StatusBadRequest, body}})
	}
	return rows
}

func simpleJWTRows() []row {
	rows := []row{
		{models.ErrInvalidCredentials, answer{http.StatusUnauthorized,
			detailBody{Detail: "No active account found with the given credentials"}}},
		{errWrongType, answer{http.StatusUnauthorized,
			detailBody{Detail: "Token has wrong type", Code: "token_not_valid"}}},
	}
	for _, err := range tokenErrors() {
		rows = append(rows, row{err, answer{http.StatusUnauthorized,
			detailBody{Detail: "Token is invalid or expired", Code: "token_not_valid"}}})
	}
	return rows
}

// viewRows are the errors of a project's own views behind SimpleJWT's authentication.
func viewRows() []row {
	rows := []row{
		{models.ErrInvalidCredentials, answer{http.StatusForbidden,
			errorResponse{"can not authenticate with the given credentials or the account has been deactivated"}}},
		{errBadHeader, answer{http.StatusUnauthorized, detailBody{
			Detail: "Authorization header must contain two space-delimited values", Code: "bad_authorization_header",
		}}},
		{models.ErrAccountInactive, answer{http.StatusUnauthorized,
			detailBody{Detail: "User is inactive", Code: "user_inactive"}}},
		{models.ErrUserNotFound, answer{http.StatusUnauthorized,
			detailBody{Detail: "User not found", Code: "user_not_found"}}},
	}
	refused := func(err error, message string) row {
		return row{err, answer{http.StatusUnauthorized, detailBody{
			Detail: "Given token not valid for any token type", Code: "token_not_valid",
			Messages: []tokenMessage{{"AccessToken", "access", message}},
		}}}
	}
	rows = append(rows, refused(errWrongType, "Token has wrong type"))
	for _, err := range tokenErrors() {
		rows = append(rows, refused(err, "Token is invalid or expired"))
	}
	return rows
}

// tokenErrors are what SimpleJWT does not tell apart.
func tokenErrors() []error {
	return []error{
		tokens.ErrTokenInvalid, tokens.ErrTokenExpired, models.ErrSessionExpired, models.ErrSessionRevoked,
		models.ErrRefreshTokenInvalid, models.ErrRefreshTokenReused, models.ErrUserNotFound, models.ErrAccountInactive,
	}
}
