package middleware

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/gin-gonic/gin"

	"latchkey/problems"
)

// LimitBody refuses a body of more than problems.MaxBodyBytes: before reading it if the request has a Content-Length, and
// otherwise once the limit is reached. Reading past the limit fails with *http.MaxBytesError.
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

// CloseChunked closes the connection after the response to a request with Transfer-Encoding. If it also had a Content-Length,
// which net/http removes, a proxy in front may believe that what follows on the connection is another client's request
// (RFC 9112, section 6.1).
func CloseChunked() gin.HandlerFunc {
	return func(c *gin.Context) {
		if len(c.Request.TransferEncoding) > 0 {
			c.Header("Connection", "close")
		}
		c.Next()
	}
}

// RequireLocal hides a route from all but clients on this machine that ask for it by a name of this machine. Such a name can't be
// made to lead here by another site's DNS, nor is it that of a tunnel which ends here.
func RequireLocal() gin.HandlerFunc {
	return func(c *gin.Context) {
		if !PeerAddress(c).IsLoopback() || !isLocalName(c.Request.Host) {
			Fail(c, problems.ErrNotFound)
			return
		}
		c.Next()
	}
}

// isLocalName reports whether the host of a request is localhost or a loopback address, with or without a port.
func isLocalName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || err == nil && address.Unmap().IsLoopback()
}

// RequireOwnHost refuses a request whose target is an absolute URL (RFC 9112, section 3.2.2) on a host other than host: the
// client takes this service for its proxy.
func RequireOwnHost(host string) gin.HandlerFunc {
	return func(c *gin.Context) {
		if target := c.Request.URL.Host; target != "" && !strings.EqualFold(target, host) {
			Fail(c, problems.ErrMisdirected)
			return
		}
		c.Next()
	}
}

// RefuseCrossOrigin refuses forms that a page of another site had the browser send. A browser that does not send
// Sec-Fetch-Site, because it is old or the connection is unencrypted, sends the origin "null" from pages that send no referrer,
// as ours do; such a request passes. These forms need no cookie, so another site would gain nothing by having a visitor's
// browser send one.
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

// NotFound refuses a path that is not a route.
func NotFound(c *gin.Context) {
	if path := c.Request.URL.Path; strings.Contains(path, "//") || len(path) > 1 && strings.HasSuffix(path, "/") {
		Fail(c, problems.Because(problems.ErrNotFound,
			"There is no resource at this path. Perhaps it has a slash too many: at its end, or two in a row."))
		return
	}
	Fail(c, problems.ErrNotFound)
}

// MethodNotAllowed refuses a method that the route's path does not support. Gin has set Allow (RFC 9110, section 15.5.6).
func MethodNotAllowed(c *gin.Context) {
	Fail(c, problems.ErrMethodNotAllowed)
}

// Fail leaves err in the context for Errors to write, and keeps all later handlers from running.
func Fail(c *gin.Context, err error) {
	_ = c.Error(err)
	c.Abort()
}
