package commands

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-contrib/cors"
	"github.com/gin-gonic/gin"

	"latchkey/config"
	"latchkey/middleware"
)

// newEngine is Gin without what it does by default and we don't want: trusting proxies, redirecting, guessing paths.
func newEngine(settings config.Settings) (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.UseRawPath = true
	engine.RedirectTrailingSlash = false
	engine.RemoteIPHeaders = []string{"X-Forwarded-For"} // no proxy is told to take X-Real-IP away from a client
	engine.HandleMethodNotAllowed = true
	engine.NoRoute(middleware.NotFound)
	engine.NoMethod(middleware.MethodNotAllowed)
	return engine, engine.SetTrustedProxies(settings.Server.TrustedProxies)
}

// globalPolicies are what every request passes, in this order.
func globalPolicies(settings config.Settings, with Resources, metrics *middleware.Metrics) []gin.HandlerFunc {
	log, publicURL := with.Log, settings.Server.PublicURL
	_, host, _ := strings.Cut(publicURL, "://")
	return []gin.HandlerFunc{
		middleware.IdentifyRequest(),
		middleware.Log(log, with.Now),
		metrics.Measure(with.Now),
		middleware.Errors(log, publicURL, settings.JWT.AuthHeaderPrefix),
		middleware.Harden(publicURL),
		middleware.RequireOwnHost(host),
		crossOrigin(settings.Server.CORSAllowedOrigins),
		middleware.LimitBody(),
	}
}

// crossOrigin lets pages of the given origins call the API. To all others it says nothing, so that their browsers keep
// the answers from them.
func crossOrigin(origins []string) gin.HandlerFunc {
	if len(origins) == 0 {
		return func(*gin.Context) {}
	}
	allow := cors.New(cors.Config{
		AllowOrigins: origins,
		AllowMethods: []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
		AllowHeaders: []string{"Authorization", "Content-Type", "X-Request-ID"},
		ExposeHeaders: []string{
			"X-Request-ID", "Retry-After", "WWW-Authenticate", "RateLimit", "RateLimit-Policy",
		},
		MaxAge: time.Hour,
	})
	return func(c *gin.Context) {
		if slices.Contains(origins, c.GetHeader("Origin")) {
			allow(c)
			return
		}
		c.Writer.Header().Add("Vary", "Origin")
	}
}
