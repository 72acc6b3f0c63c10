// Package problems owns the errors of the API: the body of an error response (RFC 9457), the one table from errors to statuses
// and codes, and the errors of a request itself. It does not own when an error is written; middleware.Errors writes it.
package problems

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"latchkey/database"
	"latchkey/models"
)

// Problem is the body of an error response (RFC 9457, section 3.1). A client branches on Code; Errors has one entry
// for each error of a field of the request.
type Problem struct {
	Type      string       `json:"type"`
	Title     string       `json:"title"`
	Status    int          `json:"status"`
	Detail    string       `json:"detail"`
	Code      string       `json:"code"`
	RequestID string       `json:"request_id"`
	Errors    []FieldError `json:"errors,omitempty"`
}

// FieldError is one error of one field of the request.
type FieldError struct {
	Field   string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

const mediaType = "application/problem+json"

// Write writes the problem as the response.
func (p Problem) Write(c *gin.Context) {
	body, err := json.Marshal(p)
	if err != nil {
		c.Status(http.StatusInternalServerError)
		return
	}
	c.Data(p.Status, mediaType, body)
}

// Describe returns the problem that a client gets for err, with its status, code, detail and field errors. For an error that is
// not in the table it is Internal.
func Describe(err error) Problem {
	var invalid *models.ValidationError
	if errors.As(err, &invalid) {
		return validation(invalid)
	}
	if errors.Is(err, context.Canceled) {
		return Problem{Status: statusClientGone, Code: codeClientGone, Detail: "The client closed the connection before the response."}
	}
	if errors.Is(err, context.DeadlineExceeded) { // of the request
		err = errors.Join(database.ErrUnavailable, err)
	}
	for _, row := range table() {
		if errors.Is(err, row.err) {
			return Problem{Status: row.status, Code: row.code, Detail: detail(err, row)}
		}
	}
	return Internal()
}

// detail returns the sentence that names the cause of err, or else that of its row.
func detail(err error, found row) string {
	if detailed := (*DetailedError)(nil); errors.As(err, &detailed) {
		return detailed.Detail
	}
	return found.detail
}

// Internal returns the problem that reveals nothing about an error.
func Internal() Problem {
	return Problem{Status: http.StatusInternalServerError, Code: codeInternal,
		Detail: "Something went wrong on our side. The operator can find the cause by the request id."}
}

func validation(invalid *models.ValidationError) Problem {
	problem := Problem{Status: http.StatusBadRequest, Code: CodeValidation,
		Detail: "Some fields of the request are not valid; errors lists them."}
	for _, fieldError := range invalid.Errors {
		problem.Errors = append(problem.Errors, FieldError(fieldError))
	}
	return problem
}

// SetRetryAfter sets the header Retry-After (RFC 9110, section 10.2.3) if err is temporary: to the whole seconds, at least one,
// after which to repeat the request. Clients that were refused together are told different times, so that they don't return
// together.
func SetRetryAfter(c *gin.Context, err error) {
	var limited *RateLimitedError
	var guessed *models.TooManyGuessesError
	switch {
	case errors.As(err, &limited):
		c.Header("Retry-After", strconv.Itoa(limited.Seconds()))
	case errors.As(err, &guessed):
		c.Header("Retry-After", strconv.Itoa((&RateLimitedError{RetryAfter: guessed.RetryAfter}).Seconds()))
	case Describe(err).Status == http.StatusServiceUnavailable:
		c.Header("Retry-After", strconv.Itoa(1+rand.IntN(3))) //nolint:gosec // not a secret
	}
}
