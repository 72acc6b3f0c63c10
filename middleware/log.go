package middleware

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// Log writes one line for each request once it is answered: who asked for what, how it ended and why, and how long it
// took. Only the route's pattern is written, never the query or a header, because secrets travel in those.
func Log(log *slog.Logger, now func() time.Time) gin.HandlerFunc {
	return func(c *gin.Context) {
		start := now()
		c.Next()
		attributes := []slog.Attr{
			slog.String("request_id", RequestID(c)),
			slog.String("method", knownMethod(c.Request.Method)),
			slog.String("route", route(c)),
			slog.Int("status", c.Writer.Status()),
			slog.Int("bytes", max(c.Writer.Size(), 0)),
			slog.Duration("took", now().Sub(start)),
			slog.String("client", c.ClientIP()),
		}
		if last := c.Errors.Last(); last != nil {
			attributes = append(attributes, slog.String("error", last.Err.Error()))
		}
		log.LogAttrs(c.Request.Context(), logLevel(c.Writer.Status()), "request", attributes...)
	}
}

func logLevel(status int) slog.Level {
	if status >= http.StatusInternalServerError {
		return slog.LevelError
	}
	return slog.LevelInfo
}

// knownMethod keeps made-up methods, which a client can fill with anything, out of the log.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions, http.MethodTrace, http.MethodConnect:
		return method
	default:
		return "(other)"
	}
}
