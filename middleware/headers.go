package middleware

import (
	"strings"

	"github.com/gin-gonic/gin"
)

const secureKey = "latchkey.secure"

// IsSecure reports whether clients reach the service by https, on routes behind Harden.
func IsSecure(c *gin.Context) bool { return c.GetBool(secureKey) }

// Harden sets the headers that keep responses from being cached, framed and sniffed for content. A handler whose response may be
// cached overrides Cache-Control. Strict-Transport-Security is sent when publicURL is https.
func Harden(publicURL string) gin.HandlerFunc {
	secure := strings.HasPrefix(publicURL, "https://")
	return func(c *gin.Context) {
		c.Set(secureKey, secure)
		header := c.Writer.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		if secure {
			header.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
		}
		c.Next()
	}
}
