package middleware

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"latchkey/models"
	"latchkey/problems"
	"latchkey/tokens"
)

// djangoAnswer is what an error looks like to a client of Django REST Framework.
type djangoAnswer struct {
	status int
	body   any
}

type djangoDetail struct {
	Detail   string               `json:"detail"`
	Code     string               `json:"code,omitempty"`
	Messages []djangoTokenMessage `json:"messages,omitempty"`
}

type djangoTokenMessage struct {
	TokenClass string `json:"token_class"`
	TokenType  string `json:"token_type"`
	Message    string `json:"message"`
}

type djangoError struct {
	Error string `json:"error"`
}

// DjangoDialect is which library's words a path answers errors in.
type DjangoDialect int

// Views are the project's own, SimpleJWT and DRFJWT the libraries'.
const (
	DjangoViews DjangoDialect = iota
	DjangoSimpleJWT
	DjangoDRFJWT
)

// Errors answers the errors of a group of routes in Django REST Framework's shapes. It is the only writer of these, as
// the function Errors is of all others, and leaves it the logging.
func (d *Django) Errors(dialect DjangoDialect) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Next()
		last := c.Errors.Last()
		if last == nil || c.Writer.Written() {
			return
		}
		c.Abort()
		answer := djangoDescribe(dialect, last.Err)
		if answer.status == http.StatusUnauthorized {
			c.Header("WWW-Authenticate", d.scheme+` realm="api"`)
		}
		problems.SetRetryAfter(c, last.Err)
		c.JSON(answer.status, djangoBody(c, last.Err, answer))
	}
}

// djangoBody is the body of an answer, with what Django REST Framework says of the request in it.
func djangoBody(c *gin.Context, err error, answer djangoAnswer) any {
	var limited *problems.RateLimitedError
	switch {
	case errors.Is(err, problems.ErrUnsupportedMediaType):
		return djangoDetail{Detail: fmt.Sprintf("Unsupported media type %q in request.", c.GetHeader("Content-Type"))}
	case errors.As(err, &limited):
		wait, unit := limited.Seconds(), "seconds"
		if wait == 1 {
			unit = "second"
		}
		return djangoDetail{Detail: fmt.Sprintf("Request was throttled. Expected available in %d %s.", wait, unit)}
	default:
		return answer.body
	}
}

func djangoDescribe(dialect DjangoDialect, err error) djangoAnswer {
	var invalid *models.ValidationError
	if errors.As(err, &invalid) {
		return djangoAnswer{http.StatusBadRequest, djangoFields(invalid)}
	}
	for _, row := range djangoRows(dialect) {
		if errors.Is(err, row.err) {
			return row.djangoAnswer
		}
	}
	problem := problems.Describe(err)
	return djangoAnswer{problem.Status, djangoDetail{Detail: problem.Detail}}
}

// djangoFields are messages by field. A few have Django's own words.
func djangoFields(invalid *models.ValidationError) map[string][]string {
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

type djangoRow struct {
	err error
	djangoAnswer
}

// djangoRows are the answers of a dialect where they are not what the error is everywhere else.
func djangoRows(dialect DjangoDialect) []djangoRow {
	detail := func(err error, status int, text string) djangoRow {
		return djangoRow{err, djangoAnswer{status, djangoDetail{Detail: text}}}
	}
	rows := []djangoRow{
		detail(problems.ErrCredentialsMissing, http.StatusUnauthorized, "Authentication credentials were not provided."),
		detail(problems.ErrMalformedJSON, http.StatusBadRequest, "JSON parse error - this is not one JSON value in UTF-8"),
		detail(problems.ErrMalformedForm, http.StatusBadRequest, "Form parse error - this is not a form of its content type"),
	}
	switch dialect {
	case DjangoDRFJWT:
		return append(rows, djangoDRFJWTRows()...)
	case DjangoSimpleJWT:
		return append(rows, djangoSimpleJWTRows()...)
	default:
		return append(rows, djangoViewRows()...)
	}
}

func djangoDRFJWTRows() (rows []djangoRow) {
	for _, row := range []struct {
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
		body := map[string][]string{"non_field_errors": {row.message}}
		rows = append(rows, djangoRow{row.err, djangoAnswer{http.StatusBadRequest, body}})
	}
	return rows
}

func djangoSimpleJWTRows() []djangoRow {
	rows := []djangoRow{
		{models.ErrInvalidCredentials, djangoAnswer{http.StatusUnauthorized,
			djangoDetail{Detail: "No active account found with the given credentials"}}},
		{errWrongType, djangoAnswer{http.StatusUnauthorized,
			djangoDetail{Detail: "Token has wrong type", Code: "token_not_valid"}}},
	}
	for _, err := range djangoTokenErrors() {
		rows = append(rows, djangoRow{err, djangoAnswer{http.StatusUnauthorized,
			djangoDetail{Detail: "Token is invalid or expired", Code: "token_not_valid"}}})
	}
	return rows
}

// djangoViewRows are the errors of a project's own views behind SimpleJWT's authentication.
func djangoViewRows() []djangoRow {
	rows := []djangoRow{
		{models.ErrInvalidCredentials, djangoAnswer{http.StatusForbidden,
			djangoError{"can not authenticate with the given credentials or the account has been deactivated"}}},
		{errBadHeader, djangoAnswer{http.StatusUnauthorized, djangoDetail{
			Detail: "Authorization header must contain two space-delimited values", Code: "bad_authorization_header",
		}}},
		{models.ErrAccountInactive, djangoAnswer{http.StatusUnauthorized,
			djangoDetail{Detail: "User is inactive", Code: "user_inactive"}}},
		{models.ErrUserNotFound, djangoAnswer{http.StatusUnauthorized,
			djangoDetail{Detail: "User not found", Code: "user_not_found"}}},
	}
	refused := func(err error, message string) djangoRow {
		return djangoRow{err, djangoAnswer{http.StatusUnauthorized, djangoDetail{
			Detail: "Given token not valid for any token type", Code: "token_not_valid",
			Messages: []djangoTokenMessage{{"AccessToken", "access", message}},
		}}}
	}
	rows = append(rows, refused(errWrongType, "Token has wrong type"))
	for _, err := range djangoTokenErrors() {
		rows = append(rows, refused(err, "Token is invalid or expired"))
	}
	return rows
}

// djangoTokenErrors are what SimpleJWT does not tell apart.
func djangoTokenErrors() []error {
	return []error{
		tokens.ErrTokenInvalid, tokens.ErrTokenExpired, models.ErrSessionExpired, models.ErrSessionRevoked,
		models.ErrRefreshTokenInvalid, models.ErrRefreshTokenReused, models.ErrUserNotFound, models.ErrAccountInactive,
	}
}
