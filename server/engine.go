package server

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gin-contrib/cors"
	"github.com/gin-gonic/gin"

	"latchkey/config"
	"latchkey/middleware"
	"latchkey/ratelimit"
	"latchkey/routes"
)

// newEngine constructs Gin's engine without the defaults that a service must not have: trusting proxies, redirecting,
// guessing paths.
func newEngine() (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.UseRawPath = true
	engine.RedirectTrailingSlash = false
	engine.HandleMethodNotAllowed = true
	engine.NoRoute(middleware.NotFound)
	engine.NoMethod(middleware.MethodNotAllowed)
	return engine, engine.SetTrustedProxies(nil) // middleware.IdentifyClient reads what they send
}

// newPolicies constructs the middleware of the routes: what every request passes, what a user's requests pass, and the limits.
func newPolicies(p parts, counting ratelimit.Counting, metrics *middleware.Metrics) (routes.Policies, error) {
	limit, err := rateLimits(p.settings, counting, metrics)
	authenticate := middleware.Authenticate(p.access, p.settings.JWT.AuthHeaderPrefix)
	return routes.Policies{
		Global: globalPolicies(p.settings, p.Resources, metrics),
		User:   []gin.HandlerFunc{authenticate, middleware.LoadSession(p.Sessions)},
		Token:  authenticate,
		Limit:  limit,
	}, err
}

// globalPolicies are what every request passes, in this order.
func globalPolicies(settings config.Settings, with Resources, metrics *middleware.Metrics) []gin.HandlerFunc {
	log, publicURL := with.Log, settings.Server.PublicURL
	_, host, _ := strings.Cut(publicURL, "://")
	return []gin.HandlerFunc{
		middleware.IdentifyRequest(),
		middleware.IdentifyClient(log, middleware.Proxies{
			Trusted: settings.Server.ProxyNetworks(), Header: settings.Server.TrustedProxiesHeader,
		}),
		middleware.Log(log, with.Now),
		metrics.Measure(with.Now),
		middleware.Errors(log, publicURL, settings.JWT.AuthHeaderPrefix),
		middleware.Harden(publicURL),
		middleware.CloseChunked(),
		middleware.RequireOwnHost(host),
		crossOrigin(settings.Server.CORSAllowedOrigins),
		middleware.LimitBody(),
		middleware.Deadline(settings.Server.RequestTimeout),
	}
}

// crossOrigin returns middleware that lets pages of these origins call the API. Responses to other origins bear none of its
// headers, so that browsers withhold them.
func crossOrigin(origins []string) gin.HandlerFunc {
	allows := func(origin string) bool { return slices.Contains(origins, strings.ToLower(origin)) }
	return func(c *gin.Context) {
		if len(origins) == 0 {
			return
		}
		if !allows(c.GetHeader("Origin")) {
			c.Writer.Header().Add("Vary", "Origin")
			return
		}
		cors.New(cors.Config{
			AllowOriginFunc: allows,
			AllowMethods: []string{
				http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
			},
			AllowHeaders: requestedHeaders(c),
			ExposeHeaders: []string{
				"X-Request-ID", "Retry-After", "WWW-Authenticate", "RateLimit", "RateLimit-Policy",
			},
			MaxAge: time.Hour,
		})(c)
	}
}

// maxRequestedHeaders bounds what a preflight may ask for. Tracing and monitoring add a handful.
const maxRequestedHeaders = 64

// headerName matches the name of a header (RFC 9110, section 5.1).
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$")

// requestedHeaders returns the headers that a preflight asks for, all of which are allowed: what tracing, monitoring and the
// libraries of clients add is their own affair, and no cookie is at stake. If the list is not one of names, it is what the API
// reads.
func requestedHeaders(c *gin.Context) []string {
	asked := strings.Split(c.GetHeader("Access-Control-Request-Headers"), ",")
	for i := range asked {
		asked[i] = strings.TrimSpace(asked[i])
	}
	isNoName := func(name string) bool { return !headerName.MatchString(name) }
	if len(asked) > maxRequestedHeaders || slices.ContainsFunc(asked, isNoName) {
		return []string{"Authorization", "Content-Type", "X-Request-ID"}
	}
	return asked
}
