package middleware

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/problems"
)

// Errors writes the response of every request whose handler or middleware left an error in the context, and of every one that
// panics, which it logs. A group of routes may write its errors in a form of its own first. An error that the table of
// problems does not know becomes an opaque 500; Log logs the error itself. Problem types are URLs under publicURL; scheme is the
// authentication scheme of the challenges.
func Errors(log *slog.Logger, publicURL, scheme string) gin.HandlerFunc {
	writer := errorWriter{log: log, publicURL: publicURL, challenge: challenge{scheme: scheme}}
	return func(c *gin.Context) {
		defer func() {
			if cause := recover(); cause != nil {
				writer.recovered(c, cause)
			}
		}()
		c.Next()
		if last := c.Errors.Last(); last != nil && !c.Writer.Written() {
			writer.write(c, last.Err)
		}
	}
}

const cutOffKey = "latchkey.cut_off"

// CutOff breaks the connection of a response that has begun and can't be completed, so that no client takes what it has got for
// all of it. Log and Measure know the request by the status that err has.
func CutOff(c *gin.Context, err error) {
	_ = c.Error(err)
	c.Set(cutOffKey, true)
	panic(http.ErrAbortHandler)
}

// status returns the status of the response, or the one that it would have had if it had not been cut off.
func status(c *gin.Context) int {
	if last := c.Errors.Last(); last != nil && c.GetBool(cutOffKey) {
		return problems.Describe(last.Err).Status
	}
	return c.Writer.Status()
}

type errorWriter struct {
	log       *slog.Logger
	publicURL string
	challenge challenge
}

func (w errorWriter) recovered(c *gin.Context, cause any) {
	if err, isError := cause.(error); isError && errors.Is(err, http.ErrAbortHandler) {
		panic(http.ErrAbortHandler) // net/http's own signal to close the connection without a response
	}
	w.log.ErrorContext(c.Request.Context(), "panic", "request_id", RequestID(c),
		"panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
	SetOutcome(c, problems.Internal().Code)
	w.problem(c, problems.Internal())
}

func (w errorWriter) write(c *gin.Context, err error) {
	problem := problems.Describe(err)
	if problem.Status == http.StatusUnauthorized {
		c.Header("WWW-Authenticate", w.challenge.header(problem.Code)+maxAge(err))
	}
	problems.SetRetryAfter(c, err)
	w.problem(c, problem)
}

func (w errorWriter) problem(c *gin.Context, p problems.Problem) {
	c.Abort()
	if c.Writer.Written() {
		return
	}
	p.Type = w.publicURL + "/errors#" + p.Code
	p.Title = http.StatusText(p.Status)
	p.RequestID = RequestID(c)
	p.Write(c)
}

// challenge builds WWW-Authenticate headers (RFC 6750, section 3).
type challenge struct {
	scheme string
}

// header returns the challenge for a code. The challenge to a request without credentials has no error code (section 3.1).
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
	case "step_up_required":
		return ch.scheme + realm + `, error="insufficient_user_authentication", ` +
			`error_description="More recent authentication is required"`
	default:
		return ch.scheme + realm
	}
}

// maxAge returns the parameter that says, in seconds, how recently the user must have authenticated (RFC 9470, section 3).
func maxAge(err error) string {
	var required *problems.StepUpRequiredError
	if !errors.As(err, &required) {
		return ""
	}
	return fmt.Sprintf(", max_age=%q", strconv.Itoa(int(required.MaxAge/time.Second)))
}
