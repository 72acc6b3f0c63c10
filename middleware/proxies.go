package middleware

import (
	"log/slog"
	"net/netip"
	"slices"
	"sync"

	"github.com/gin-gonic/gin"
)

// WarnOfProxies logs once that a proxy which is not trusted forwards requests: all of its clients are taken for one.
func WarnOfProxies(log *slog.Logger, trusted []netip.Prefix) gin.HandlerFunc {
	var once sync.Once
	return func(c *gin.Context) {
		if c.GetHeader("X-Forwarded-For") == "" || isTrusted(c.RemoteIP(), trusted) {
			return
		}
		once.Do(func() {
			log.WarnContext(c.Request.Context(), "X-Forwarded-For is ignored, because TRUSTED_PROXIES does not name the peer that "+
				"sent it; if the peer is your proxy, all of its clients share one address and one rate limit", "peer", c.RemoteIP())
		})
	}
}

func isTrusted(peer string, trusted []netip.Prefix) bool {
	address, err := netip.ParseAddr(peer)
	return err == nil && slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(address.Unmap()) })
}
