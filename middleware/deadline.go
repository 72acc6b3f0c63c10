package middleware

import (
	"context"
	"time"

	"github.com/gin-gonic/gin"
)

// Deadline ends the context of a request after limit. What then still waits for the database fails with
// database.ErrUnavailable; a commit that has begun continues without the request.
func Deadline(limit time.Duration) gin.HandlerFunc {
	return func(c *gin.Context) {
		ctx, cancel := context.WithTimeout(c.Request.Context(), limit)
		defer cancel()
		c.Request = c.Request.WithContext(ctx)
		c.Next()
	}
}
