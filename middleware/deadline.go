package middleware

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

const nextPartKey = "latchkey.next_part"

// Deadline ends the context of a request after limit. What then still waits for the database fails with
// database.ErrUnavailable; a commit that has begun continues without the request.
func Deadline(limit time.Duration) gin.HandlerFunc {
	return func(c *gin.Context) {
		client := c.Request.Context()
		c.Set(nextPartKey, func() (context.Context, context.CancelFunc) { return nextPart(client, c.Writer, limit) })
		ctx, cancel := context.WithTimeout(client, limit)
		defer cancel()
		c.Request = c.Request.WithContext(ctx)
		c.Next()
	}
}

// NextPart returns the context in which to read the next part of a response that has any number of them: it ends as that of a
// request which begins now. The client has as long again to read what is written before the next part.
func NextPart(c *gin.Context) (context.Context, context.CancelFunc) {
	if next, isBounded := c.MustGet(nextPartKey).(func() (context.Context, context.CancelFunc)); isBounded {
		return next()
	}
	return context.WithCancel(c.Request.Context())
}

func nextPart(client context.Context, writer http.ResponseWriter, limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(client, limit)
	if deadline, isBounded := ctx.Deadline(); isBounded {
		// A server that can't move its deadline keeps the one for the whole response.
		_ = http.NewResponseController(writer).SetWriteDeadline(deadline.Add(limit))
	}
	return ctx, cancel
}
