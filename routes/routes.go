// Package routes owns the table of contents of the service: every path, who may call it, and which handler answers.
package routes

import (
	"github.com/gin-gonic/gin"

	"latchkey/api"
	"latchkey/controllers"
	"latchkey/web"
)

// Controllers are the resources that the routes lead to.
type Controllers struct {
	Contract  *api.Contract
	Health    *controllers.Health
	WellKnown *controllers.WellKnown
	Accounts  *controllers.Accounts
	Profile   *controllers.Profile
	Password  *controllers.Password
	Sessions  *controllers.Sessions
	Tokens    *controllers.Tokens
	DevMail   *web.DevMail // nil where mail is sent
}

// Policies are what a request passes before a handler: Global on every route, User where an account is needed.
type Policies struct {
	Global []gin.HandlerFunc
	User   []gin.HandlerFunc
}

// Register adds every route of the service to engine.
func Register(engine *gin.Engine, to Controllers, policy Policies) {
	handle := controllers.Handle
	engine.Use(policy.Global...)

	engine.GET("/healthz", handle(to.Health.Live))
	engine.HEAD("/healthz", handle(to.Health.Live))
	engine.GET("/readyz", handle(to.Health.Ready))
	engine.HEAD("/readyz", handle(to.Health.Ready))

	engine.GET("/.well-known/jwks.json", handle(to.WellKnown.JWKS))
	engine.GET("/.well-known/openid-configuration", handle(to.WellKnown.Discovery))

	engine.GET("/openapi.yaml", to.Contract.YAML)
	engine.GET("/openapi.json", to.Contract.JSON)

	anyone := engine.Group("/api/v1")
	anyone.POST("/signup", handle(to.Accounts.Signup))
	anyone.POST("/login", handle(to.Accounts.Login))
	anyone.POST("/token/refresh", handle(to.Tokens.Refresh))
	anyone.POST("/token/verify", handle(to.Tokens.Verify))
	anyone.POST("/logout", handle(to.Sessions.Logout)) // by access token or refresh token

	user := engine.Group("/api/v1", policy.User...)
	user.GET("/profile", handle(to.Profile.Show))
	user.PATCH("/profile", handle(to.Profile.Update))
	user.PUT("/profile", handle(to.Profile.Replace))
	user.POST("/password/change", handle(to.Password.Change))
	user.GET("/sessions", handle(to.Sessions.List))
	user.DELETE("/sessions/:id", handle(to.Sessions.Delete))

	if to.DevMail != nil {
		engine.GET("/dev/mail", handle(to.DevMail.List))
		engine.DELETE("/dev/mail", handle(to.DevMail.Empty))
	}
}
