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

// What a proxy in front may call a request: enough for every tracing system, too little to forge a log line.
var requestIDPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{7,63}$`)

// IdentifyRequest gives each request an id, the proxy's X-Request-ID or else a new one, and answers with it.
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

// RequestID is the id of the request that c answers.
func RequestID(c *gin.Context) string {
	return c.GetString(requestIDKey)
}
