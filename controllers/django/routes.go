package django

import (
	"github.com/gin-gonic/gin"

	"latchkey/controllers"
	"latchkey/middleware"
)

// Limits are the rate limits of logins, sign-ups and refreshes.
type Limits struct {
	Login   gin.HandlerFunc
	Signup  gin.HandlerFunc
	Refresh gin.HandlerFunc
}

// Register adds the paths of Django's clients to engine.
func (d *Controller) Register(engine *gin.Engine, limit Limits) {
	handle := controllers.Handle

	project := engine.Group("/user", d.errors(views))
	project.POST("/create/", middleware.CountSignup, limit.Signup, handle(d.CreateUser))
	project.POST("/obtain_token/", middleware.CountLogin, limit.Login, handle(d.ObtainToken))
	user := project.Group("/update/", d.tokens.authenticate)
	user.GET("", handle(d.ShowUser))
	user.PUT("", handle(d.UpdateUser))
	user.PATCH("", handle(d.UpdateUser))

	simple := engine.Group("/api/token", d.errors(simpleJWT))
	simple.POST("/", middleware.CountLogin, limit.Login, handle(d.TokenPair))
	simple.POST("/refresh/", middleware.CountRefresh, limit.Refresh, handle(d.PairRefresh))
	simple.POST("/verify/", handle(d.PairVerify))

	drf := engine.Group("/", d.errors(drfJWT))
	drf.POST("/api-token-auth/", middleware.CountLogin, limit.Login, handle(d.TokenAuth))
	drf.POST("/api-token-refresh/", middleware.CountRefresh, limit.Refresh, handle(d.TokenRefresh))
	drf.POST("/api-token-verify/", handle(d.TokenVerify))
}
