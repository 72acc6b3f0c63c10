// Package routes owns the table of contents of the service: every path, who may call it, and its handler. A family of routes that
// stands apart, such as controllers/django, registers its own.
package routes

import (
	"github.com/gin-gonic/gin"

	"latchkey/api"
	"latchkey/controllers"
	"latchkey/middleware"
	"latchkey/web"
)

// Controllers have the handlers of the routes.
type Controllers struct {
	Documents Documents
	Health    *controllers.Health
	WellKnown *controllers.WellKnown
	Auth      *controllers.Auth
	Profile   *controllers.Profile
	Password  *controllers.Password
	Sessions  *controllers.Sessions
	Tokens    *controllers.Tokens
	Email     *controllers.Email
	Account   *controllers.Account
	Pages     *web.Pages
	DevMail   *web.DevMail // nil unless mail is kept in the development mailbox
	Families  []Family
}

// Documents describe the API.
type Documents struct {
	Contract *api.Contract
	Docs     *api.Docs // nil if the page is turned off
	Errors   *api.Errors
}

// Family registers the routes of one folder below controllers, with the rate limits of the service.
type Family func(engine *gin.Engine, limit Limits)

// Policies are the middleware before the handlers: Global on every route, User where a user has to be logged in, Token where an
// access token is needed whose session the handler looks at, and the rate limits of single routes.
type Policies struct {
	Global []gin.HandlerFunc
	User   []gin.HandlerFunc
	Token  gin.HandlerFunc
	Limit  Limits
}

// Limits are the rate limits of what is expensive or could be used to guess: Mail is for routes that send email, Secret for those
// that check a secret other than at a login, Export for one that reads much.
type Limits struct {
	Login   gin.HandlerFunc
	Signup  gin.HandlerFunc
	Refresh gin.HandlerFunc
	Mail    gin.HandlerFunc
	Secret  gin.HandlerFunc
	Export  gin.HandlerFunc
}

// Register adds every route of the service to engine.
func Register(engine *gin.Engine, to Controllers, policy Policies) {
	engine.Use(policy.Global...)
	registerService(engine, to)
	registerAPI(engine, to, policy)
	registerPages(engine, to, policy.Limit)
	for _, register := range to.Families {
		register(engine, policy.Limit)
	}
}

// get registers a handler for GET, and for HEAD, whose response is the same without its body (RFC 9110, section 9.3.2). net/http
// drops what the handler writes.
func get(on gin.IRoutes, path string, handlers ...gin.HandlerFunc) {
	on.GET(path, handlers...)
	on.HEAD(path, handlers...)
}

func registerService(engine *gin.Engine, to Controllers) {
	handle := controllers.Handle

	get(engine, middleware.LivePath, handle(to.Health.Live))
	get(engine, middleware.ReadyPath, handle(to.Health.Ready))

	get(engine, "/.well-known/jwks.json", handle(to.WellKnown.JWKS))
	get(engine, "/.well-known/openid-configuration", handle(to.WellKnown.Discovery))

	get(engine, "/openapi.yaml", to.Documents.Contract.YAML)
	get(engine, "/openapi.json", to.Documents.Contract.JSON)
	get(engine, "/errors", to.Documents.Errors.Page)
	if to.Documents.Docs != nil {
		get(engine, "/docs", to.Documents.Docs.Page)
		get(engine, "/docs/:file", to.Documents.Docs.File)
	}
}

func registerAPI(engine *gin.Engine, to Controllers, policy Policies) {
	handle, limit := controllers.Handle, policy.Limit

	anyone := engine.Group("/api/v1")
	anyone.POST("/signup", middleware.CountSignup, limit.Signup, handle(to.Auth.Signup))
	anyone.POST("/login", middleware.CountLogin, limit.Login, handle(to.Auth.Login))
	anyone.POST("/token/refresh", middleware.CountRefresh, limit.Refresh, handle(to.Tokens.Refresh))
	anyone.POST("/token/verify", handle(to.Tokens.Verify))
	anyone.POST("/logout", handle(to.Sessions.Logout)) // by access token or refresh token
	anyone.POST("/email/verify", limit.Secret, handle(to.Email.Verify))
	anyone.POST("/email/resend", limit.Mail, handle(to.Email.Resend))
	anyone.POST("/email/undo", limit.Secret, handle(to.Email.Undo))
	anyone.POST("/password/forgot", limit.Mail, handle(to.Password.Forgot))
	anyone.POST("/password/reset", limit.Secret, handle(to.Password.Reset))

	anyone.DELETE("/profile", policy.Token, limit.Secret, handle(to.Account.Delete)) // also by the session that it has ended

	user := engine.Group("/api/v1", policy.User...)
	get(user, "/profile", handle(to.Profile.Show))
	user.PATCH("/profile", handle(to.Profile.Update))
	user.PUT("/profile", handle(to.Profile.Replace))
	get(user, "/profile/export", limit.Export, handle(to.Account.Export))
	user.POST("/email/change", limit.Secret, limit.Mail, handle(to.Email.Change))
	user.POST("/password/change", limit.Secret, handle(to.Password.Change))
	get(user, "/sessions", handle(to.Sessions.List))
	user.DELETE("/sessions/:id", handle(to.Sessions.Delete))
}

// registerPages adds the pages for people. Opening one changes nothing; only submitting its form does.
func registerPages(engine *gin.Engine, to Controllers, limit Limits) {
	handle := controllers.Handle

	page := engine.Group("/", to.Pages.Errors, middleware.RefuseCrossOrigin())
	get(page, "/verify-email", handle(to.Pages.ShowVerify))
	page.POST("/verify-email", limit.Secret, handle(to.Pages.Verify))
	page.POST("/verify-email/again", limit.Mail, handle(to.Pages.VerifyAgain))
	get(page, "/reset-password", handle(to.Pages.ShowReset))
	page.POST("/reset-password", limit.Secret, handle(to.Pages.Reset))
	page.POST("/reset-password/again", limit.Mail, handle(to.Pages.ResetAgain))
	get(page, "/undo-email-change", handle(to.Pages.ShowUndo))
	page.POST("/undo-email-change", limit.Secret, handle(to.Pages.Undo))

	if to.DevMail != nil {
		local := engine.Group("/", middleware.RequireLocal())
		get(local, "/dev/mail", handle(to.DevMail.List))
		local.DELETE("/dev/mail", handle(to.DevMail.Empty))
	}
}
