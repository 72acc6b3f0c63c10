package middleware

import (
	"regexp"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
)

const (
	requestIDHeader = "X-Request-ID"
	requestIDKey    = "latchkey.request_id"
)

// requestIDPattern matches the ids that a proxy in front may give a request. It fits the ids of every tracing system, and
// excludes what could forge a line of the log.
var requestIDPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{7,63}$`)

// IdentifyRequest gives each request an id, the proxy's X-Request-ID or else a new UUID, and sets it as a header of the response.
func IdentifyRequest() gin.HandlerFunc {
	return func(c *gin.Context) {
		id := c.GetHeader(requestIDHeader)
		if !requestIDPattern.MatchString(id) {
			id = uuid.Must(uuid.NewV7()).String()
		}
		c.Set(requestIDKey, id)
		c.Header(requestIDHeader, id)
		c.Next()
	}
}

// RequestID returns the id of the request.
func RequestID(c *gin.Context) string {
	return c.GetString(requestIDKey)
}
