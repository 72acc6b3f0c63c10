package middleware

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"latchkey/problems"
)

// LimitBody refuses a body of more than problems.MaxBodyBytes: before a byte of it is read where its length is announced, and
// otherwise where reading gets there. Reading past the limit fails with *http.MaxBytesError.
func LimitBody() gin.HandlerFunc {
	return func(c *gin.Context) {
		if c.Request.ContentLength > problems.MaxBodyBytes {
			Fail(c, problems.ErrBodyTooLarge)
			return
		}
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, problems.MaxBodyBytes)
		c.Next()
	}
}

// RequireOwnHost refuses a request whose target is an absolute URL (RFC 9112, section 3.2.2) on another host than
// ours: a client speaks to us as if we were its proxy.
func RequireOwnHost(host string) gin.HandlerFunc {
	return func(c *gin.Context) {
		if target := c.Request.URL.Host; target != "" && !strings.EqualFold(target, host) {
			Fail(c, problems.ErrMisdirected)
			return
		}
		c.Next()
	}
}

// RefuseCrossOrigin refuses forms that the page of another site had a browser send. A browser that says nothing of the site,
// because it is old or the connection in clear, sends the origin "null" from pages that tell no referrer, as ours: that
// passes. Who posts these forms has no cookie of ours, so that nothing is gained by another's browser.
func RefuseCrossOrigin() gin.HandlerFunc {
	protection := http.NewCrossOriginProtection()
	return func(c *gin.Context) {
		silent := c.GetHeader("Sec-Fetch-Site") == "" && c.GetHeader("Origin") == "null"
		if !silent && protection.Check(c.Request) != nil {
			Fail(c, problems.ErrCrossOrigin)
			return
		}
		c.Next()
	}
}

// NotFound answers a path that is not a route.
func NotFound(c *gin.Context) {
	Fail(c, problems.ErrNotFound)
}

// MethodNotAllowed answers a route's path with a method that it does not have. Gin has set Allow (RFC 9110, section
// 15.5.6).
func MethodNotAllowed(c *gin.Context) {
	Fail(c, problems.ErrMethodNotAllowed)
}

// Fail leaves err for Errors to write and keeps every later handler from running.
func Fail(c *gin.Context, err error) {
	_ = c.Error(err)
	c.Abort()
}
