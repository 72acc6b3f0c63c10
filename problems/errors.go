package problems

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// What can be wrong with a request before any rule of the domain is asked.
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
	ErrRateLimited          = errors.New("too many requests")                  // a RateLimitedError says when to come back
	ErrStepUpRequired       = errors.New("the user has to authenticate again") // a StepUpRequiredError says how recently
)

// MaxBodyBytes is how long a request's body may be. One that is longer ends in ErrBodyTooLarge.
const MaxBodyBytes = 64 * 1024

// RateLimitedError is an ErrRateLimited that knows when the next request may pass.
type RateLimitedError struct {
	RetryAfter time.Duration
}

func (e *RateLimitedError) Error() string {
	return fmt.Sprintf("%s; the next may come in %s", ErrRateLimited, e.RetryAfter)
}

// Is makes the error an ErrRateLimited.
func (e *RateLimitedError) Is(target error) bool { return target == ErrRateLimited }

// Seconds returns after how many whole seconds a request that waits is not too early; at least one.
func (e *RateLimitedError) Seconds() int { return max(int(math.Ceil(e.RetryAfter.Seconds())), 1) }

// StepUpRequiredError is an ErrStepUpRequired that knows how recently the user must have authenticated.
type StepUpRequiredError struct {
	MaxAge time.Duration
}

func (e *StepUpRequiredError) Error() string {
	return fmt.Sprintf("%s; at most %s ago", ErrStepUpRequired, e.MaxAge)
}

// Is makes the error an ErrStepUpRequired.
func (e *StepUpRequiredError) Is(target error) bool { return target == ErrStepUpRequired }
