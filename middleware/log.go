package middleware

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// The paths of the probes: whether the process runs, and whether it can do its work.
const (
	LivePath  = "/healthz"
	ReadyPath = "/readyz"
)

// Log logs one line for each request after its response: the client, the route, the status, the error and the duration. Of the
// URL it logs only the route's pattern, and of the headers none, because both can contain secrets.
func Log(log *slog.Logger, now func() time.Time) gin.HandlerFunc {
	return func(c *gin.Context) {
		start := now()
		defer func() { logRequest(c, log, now().Sub(start)) }() // after a panic too, by which a response is cut off
		c.Next()
	}
}

func logRequest(c *gin.Context, log *slog.Logger, took time.Duration) {
	attributes := []slog.Attr{
		slog.String("request_id", RequestID(c)),
		slog.String("method", knownMethod(c.Request.Method)),
		slog.String("route", route(c)),
		slog.Int("status", status(c)),
		slog.Int("bytes", max(c.Writer.Size(), 0)),
		slog.Duration("took", took),
		slog.String("client", ClientAddress(c)),
	}
	if last := c.Errors.Last(); last != nil {
		attributes = append(attributes, slog.String("error", last.Err.Error()))
	}
	log.LogAttrs(c.Request.Context(), logLevel(c), "request", attributes...)
}

// logLevel returns the level of a request's line. A probe is asked every few seconds, and the service logs once when its
// readiness changes; a 503 is no fault of this program.
func logLevel(c *gin.Context) slog.Level {
	switch status := status(c); {
	case c.FullPath() == LivePath, c.FullPath() == ReadyPath:
		return slog.LevelDebug
	case status == http.StatusServiceUnavailable:
		return slog.LevelWarn
	case status >= http.StatusInternalServerError:
		return slog.LevelError
	default:
		return slog.LevelInfo
	}
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
