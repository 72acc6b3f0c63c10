package middleware

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"

	"github.com/gin-gonic/gin"

	"latchkey/models"
	"latchkey/tokens"
)

// What can be wrong with a request before any rule of the domain is asked.
var (
	ErrCredentialsMissing   = errors.New("the request has no credentials")
	ErrMalformedJSON        = errors.New("the body is not one JSON object")
	ErrMalformedForm        = errors.New("the body is not a form")
	ErrUnsupportedMediaType = errors.New("the body is not application/json")
	ErrBodyTooLarge         = errors.New("the body is too large")
	ErrNotFound             = errors.New("there is nothing at this path")
	ErrMethodNotAllowed     = errors.New("the path does not know this method")
	ErrMisdirected          = errors.New("the request is meant for another host")
	ErrNotReady             = errors.New("the service is not ready")
	ErrCrossOrigin          = errors.New("the form comes from another site")
)

// answer is what one error looks like from outside.
type answer struct {
	err    error
	status int
	code   string
	detail string
}

// answers is the one table from errors to answers. Its first matching row counts.
func answers() []answer {
	return []answer{
		{ErrCredentialsMissing, http.StatusUnauthorized, "credentials_missing",
			"Authentication credentials were not provided. Send the access token in the Authorization header."},
		{tokens.ErrTokenExpired, http.StatusUnauthorized, "token_expired",
			"The access token expired. Use the refresh token to get a new one."},
		{tokens.ErrTokenInvalid, http.StatusUnauthorized, "token_invalid",
			"The access token is malformed, was not issued by this service, or is not meant for it."},
		{models.ErrAccountInactive, http.StatusUnauthorized, "account_inactive",
			"The account is inactive or has been deleted."},
		{models.ErrRefreshTokenInvalid, http.StatusUnauthorized, "refresh_token_invalid",
			"The refresh token is malformed or was not issued by this service. Log in again."},
		{models.ErrRefreshTokenReused, http.StatusUnauthorized, "refresh_token_reused",
			"The refresh token had been used before, so the session was ended. Log in again."},
		{models.ErrSessionExpired, http.StatusUnauthorized, "session_expired",
			"The session was not used for too long or is too old. Log in again."},
		{models.ErrSessionRevoked, http.StatusUnauthorized, "session_revoked",
			"The session has been ended. Log in again."},
		{models.ErrSessionNotFound, http.StatusNotFound, "session_not_found",
			"You have no live session of this id."},
		{models.ErrInvalidCredentials, http.StatusUnauthorized, "invalid_credentials",
			"No active account was found with this email and password."},
		{models.ErrEmailUnverified, http.StatusForbidden, "email_unverified",
			"The address of this account has to be confirmed first. Use the newest mail, or ask for another."},
		{models.ErrOneTimeTokenUsed, http.StatusBadRequest, "one_time_token_used",
			"The token was used before."},
		{models.ErrOneTimeTokenExpired, http.StatusBadRequest, "one_time_token_expired",
			"The token is too old. Ask for another mail."},
		{models.ErrOneTimeTokenInvalid, http.StatusBadRequest, "one_time_token_invalid",
			"The token is incomplete or for something else, or a newer mail has taken its place."},
		{models.ErrCodeInvalid, http.StatusBadRequest, "code_invalid",
			"The code does not go with this address, or is not good any more. Ask for another mail."},
		{models.ErrLastSuperuser, http.StatusConflict, "last_superuser",
			"The last active superuser can't leave. Make another user one first."},
		{ErrCrossOrigin, http.StatusForbidden, "cross_origin",
			"The form was sent from the page of another site."},
		{ErrMalformedJSON, http.StatusBadRequest, "malformed_json",
			"The body must be exactly one valid JSON object in UTF-8."},
		{ErrUnsupportedMediaType, http.StatusUnsupportedMediaType, "unsupported_media_type",
			"Send the body as JSON, with the header Content-Type: application/json."},
		{ErrBodyTooLarge, http.StatusRequestEntityTooLarge, "body_too_large",
			fmt.Sprintf("The body may have at most %d KiB.", MaxBodyBytes/1024)},
		{ErrNotFound, http.StatusNotFound, "not_found", "There is nothing at this path."},
		{ErrMethodNotAllowed, http.StatusMethodNotAllowed, "method_not_allowed",
			"This path does not answer this method; the Allow header lists those that it does."},
		{ErrMisdirected, http.StatusMisdirectedRequest, "misdirected_request",
			"The request names a host that this service does not answer for."},
		{ErrNotReady, http.StatusServiceUnavailable, "not_ready",
			"The service can't answer requests now. Try again in a moment."},
		{models.ErrOverloaded, http.StatusServiceUnavailable, "overloaded",
			"The service is busy. Try again in a moment."},
		{ErrRateLimited, http.StatusTooManyRequests, "rate_limited",
			"Too many requests. Try again after as many seconds as the Retry-After header says."},
	}
}

const (
	codeValidation = "validation_error"
	codeInternal   = "internal_error"
	codeGone       = "client_gone" // in the log and the metrics alone: nobody is left to read it
)

// statusClientGone is the status that nginx logs for a client that hung up before the answer.
const statusClientGone = 499

// Statuses are the codes of all problems, each with the status that it is answered with.
func Statuses() map[string]int {
	statuses := map[string]int{codeValidation: http.StatusBadRequest, codeInternal: http.StatusInternalServerError}
	for _, row := range answers() {
		statuses[row.code] = row.status
	}
	return statuses
}

// problemCodeKey is where the context of a request keeps the code that it was answered with.
const problemCodeKey = "latchkey.problem_code"

// Errors answers every request whose handler or middleware left an error in the context, and every one that panics,
// which it logs.
// It is the only writer of error bodies, but for those of Django's paths (see Django.Errors). An error that the table does
// not know becomes an opaque 500; Log writes what it was.
// Problem types are addresses under publicURL; scheme is the authentication scheme of the challenges.
func Errors(log *slog.Logger, publicURL, scheme string) gin.HandlerFunc {
	writer := errorWriter{log: log, publicURL: publicURL, challenge: challenge{scheme: scheme}}
	return func(c *gin.Context) {
		defer func() {
			if cause := recover(); cause != nil {
				writer.recovered(c, cause)
			}
		}()
		c.Next()
		if last := c.Errors.Last(); last != nil && !c.Writer.Written() { // Django's paths have a writer of their own
			writer.write(c, last.Err)
		}
	}
}

type errorWriter struct {
	log       *slog.Logger
	publicURL string
	challenge challenge
}

func (w errorWriter) recovered(c *gin.Context, cause any) {
	if err, isError := cause.(error); isError && errors.Is(err, http.ErrAbortHandler) {
		panic(http.ErrAbortHandler) // net/http's own signal to drop the connection without a word
	}
	// The value of a panic can quote what a client sent, so its type and the stack have to do.
	w.log.ErrorContext(c.Request.Context(), "panic", "request_id", RequestID(c),
		"type", fmt.Sprintf("%T", cause), "stack", string(debug.Stack()))
	w.problem(c, opaque())
}

func (w errorWriter) write(c *gin.Context, err error) {
	problem := Describe(err)
	if problem.Status == http.StatusUnauthorized {
		c.Header("WWW-Authenticate", w.challenge.header(problem.Code))
	}
	SetRetryAfter(c, err)
	w.problem(c, problem)
}

// SetRetryAfter tells the client of an error that passes with time after how many seconds to come back (RFC 9110, section
// 10.2.3), at least one.
func SetRetryAfter(c *gin.Context, err error) {
	var limited *RateLimitedError
	switch {
	case errors.As(err, &limited):
		c.Header("Retry-After", strconv.Itoa(max(seconds(limited.RetryAfter), 1)))
	case Describe(err).Status == http.StatusServiceUnavailable:
		c.Header("Retry-After", "1")
	}
}

// Describe is the problem that err is to a client: status, code and detail, and the faults of fields.
func Describe(err error) Problem {
	var invalid *models.ValidationError
	if errors.As(err, &invalid) {
		return validationProblem(invalid)
	}
	for _, row := range answers() {
		if errors.Is(err, row.err) {
			return Problem{Status: row.status, Code: row.code, Detail: row.detail}
		}
	}
	if errors.Is(err, context.Canceled) {
		return Problem{Status: statusClientGone, Code: codeGone, Detail: "The client closed the connection before the answer."}
	}
	return opaque()
}

func opaque() Problem {
	return Problem{Status: http.StatusInternalServerError, Code: codeInternal,
		Detail: "Something went wrong on our side. The request id helps the operator to find out what."}
}

func validationProblem(invalid *models.ValidationError) Problem {
	problem := Problem{Status: http.StatusBadRequest, Code: codeValidation,
		Detail: "Some fields of the request are not valid; errors lists them."}
	for _, fault := range invalid.Errors {
		problem.Errors = append(problem.Errors, FieldProblem(fault))
	}
	return problem
}

func (w errorWriter) problem(c *gin.Context, p Problem) {
	c.Abort()
	if c.Writer.Written() {
		return
	}
	p.Type = w.publicURL + "/errors#" + p.Code
	p.Title = http.StatusText(p.Status)
	p.RequestID = RequestID(c)
	c.Set(problemCodeKey, p.Code)
	p.write(c)
}

// challenge builds WWW-Authenticate headers (RFC 6750, section 3).
type challenge struct {
	scheme string
}

// header is the challenge that goes with a code. A request without credentials is told no error code (section 3.1).
func (ch challenge) header(code string) string {
	const realm = ` realm="latchkey"`
	const invalid = realm + `, error="invalid_token", error_description=`
	switch code {
	case "token_expired":
		return ch.scheme + invalid + `"The access token expired"`
	case "token_invalid":
		return ch.scheme + invalid + `"The access token is invalid"`
	case "account_inactive":
		return ch.scheme + invalid + `"The account is inactive"`
	case "session_expired":
		return ch.scheme + invalid + `"The session expired"`
	case "session_revoked":
		return ch.scheme + invalid + `"The session was ended"`
	default:
		return ch.scheme + realm
	}
}
