package middleware

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// Log logs one line for each request after its response: the client, the route, the status, the error and the duration. Of the
// URL it logs only the route's pattern, and of the headers none, because both can contain secrets.
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

// knownMethod returns a method of HTTP, or "(other)": a client can send any text as the method.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions, http.MethodTrace, http.MethodConnect:
		return method
	default:
		return "(other)"
	}
}
