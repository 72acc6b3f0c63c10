package problems

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// The errors of a request that are found before any rule of the domain is applied.
var (
	ErrCredentialsMissing   = errors.New("the request has no credentials")
	ErrMalformedJSON        = errors.New("the body is not one JSON object")
	ErrMalformedForm        = errors.New("the body is not a form")
	ErrMalformedQuery       = errors.New("the query of the URL can't be parsed")
	ErrUnsupportedMediaType = errors.New("the body is not application/json")
	ErrBodyTooLarge         = errors.New("the body is too large")
	ErrNotFound             = errors.New("there is nothing at this path")
	ErrMethodNotAllowed     = errors.New("the path does not support this method")
	ErrMisdirected          = errors.New("the request is meant for another host")
	ErrNotReady             = errors.New("the service is not ready")
	ErrCrossOrigin          = errors.New("the form comes from another site")
	ErrPermissionDenied     = errors.New("the user does not have the role that this path requires")
	ErrRateLimited          = errors.New("too many requests")                  // a RateLimitedError has the time to wait
	ErrStepUpRequired       = errors.New("the user has to authenticate again") // a StepUpRequiredError has the maximum age
)

// DetailedError is an error of the table whose cause is known more exactly than the table says. Detail is the sentence for the
// client, which must not repeat what may be a secret.
type DetailedError struct {
	Err    error
	Detail string
}

// Because returns err with a sentence that names its cause.
func Because(err error, detail string) error { return &DetailedError{Err: err, Detail: detail} }

func (e *DetailedError) Error() string { return e.Err.Error() + ": " + e.Detail }

// Unwrap returns the error of the table.
func (e *DetailedError) Unwrap() error { return e.Err }

// MaxBodyBytes is the maximum length of a request's body. A longer one is refused with ErrBodyTooLarge.
const MaxBodyBytes = 64 * 1024

// RateLimitedError is an ErrRateLimited with the time after which the next request may pass.
type RateLimitedError struct {
	RetryAfter time.Duration
}

func (e *RateLimitedError) Error() string {
	return fmt.Sprintf("%s; the next one is allowed in %s", ErrRateLimited, e.RetryAfter)
}

// Is makes the error an ErrRateLimited.
func (e *RateLimitedError) Is(target error) bool { return target == ErrRateLimited }

// Seconds returns RetryAfter in whole seconds, rounded up, and at least 1.
func (e *RateLimitedError) Seconds() int { return max(int(math.Ceil(e.RetryAfter.Seconds())), 1) }

// StepUpRequiredError is an ErrStepUpRequired with the maximum age of the user's authentication.
type StepUpRequiredError struct {
	MaxAge time.Duration
}

func (e *StepUpRequiredError) Error() string {
	return fmt.Sprintf("%s; at most %s ago", ErrStepUpRequired, e.MaxAge)
}

// Is makes the error an ErrStepUpRequired.
func (e *StepUpRequiredError) Is(target error) bool { return target == ErrStepUpRequired }
