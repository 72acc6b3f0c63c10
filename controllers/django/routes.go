package django

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"latchkey/controllers"
	"latchkey/middleware"
	"latchkey/problems"
)

// Limits are the rate limits of logins, sign-ups and refreshes.
type Limits struct {
	Login   gin.HandlerFunc
	Signup  gin.HandlerFunc
	Refresh gin.HandlerFunc
}

// view is what answers at a path, as a view of Django REST Framework does: it authenticates before it looks at the method.
type view struct {
	path     string
	dialect  dialect
	identify func(*gin.Context) error // nil if the view looks at no Authorization header
	get      gin.HandlerFunc          // of HEAD too, or nil
	put      gin.HandlerFunc          // of PATCH too, or nil
	post     []gin.HandlerFunc
	metadata metadata // the answer to OPTIONS
}

func (d *Controller) views(limit Limits) []view {
	handle := controllers.Handle
	login := func(handler func(*gin.Context) error) []gin.HandlerFunc {
		return []gin.HandlerFunc{middleware.CountLogin, limit.Login, handle(handler)}
	}
	refresh := func(handler func(*gin.Context) error) []gin.HandlerFunc {
		return []gin.HandlerFunc{middleware.CountRefresh, limit.Refresh, handle(handler)}
	}
	return []view{
		{path: "/user/create/", identify: d.tokens.inspect, metadata: describeView("Create User"),
			post: []gin.HandlerFunc{middleware.CountSignup, limit.Signup, handle(d.CreateUser)}},
		{path: "/user/obtain_token/", identify: d.tokens.inspect, metadata: describeView("Obtain Token"), post: login(d.ObtainToken)},
		{path: "/user/update/", identify: d.tokens.authenticate, metadata: describeView("Update User"),
			get: handle(d.ShowUser), put: handle(d.UpdateUser)},

		{path: "/api/token/", dialect: simpleJWT, post: login(d.TokenPair),
			metadata: describeView("Token Obtain Pair").posting(credentialFields())},
		{path: "/api/token/refresh/", dialect: simpleJWT, post: refresh(d.PairRefresh),
			metadata: describeView("Token Refresh").posting(refreshFields())},
		{path: "/api/token/verify/", dialect: simpleJWT, post: []gin.HandlerFunc{handle(d.PairVerify)},
			metadata: describeView("Token Verify").posting(tokenFields())},

		{path: "/api-token-auth/", dialect: drfJWT, post: login(d.TokenAuth),
			metadata: describeView("Obtain Json Web Token").posting(credentialFields())},
		{path: "/api-token-refresh/", dialect: drfJWT, post: refresh(d.TokenRefresh),
			metadata: describeView("Refresh Json Web Token").posting(tokenFields())},
		{path: "/api-token-verify/", dialect: drfJWT, post: []gin.HandlerFunc{handle(d.TokenVerify)},
			metadata: describeView("Verify Json Web Token").posting(tokenFields())},
	}
}

// check returns what the view has against a request's Authorization header.
func (v view) check(c *gin.Context) error {
	if v.identify == nil {
		return nil
	}
	return v.identify(c)
}

// allow returns the view's methods, in the order and form of Django REST Framework.
func (v view) allow() string {
	var methods []string
	if v.get != nil {
		methods = append(methods, http.MethodGet)
	}
	if v.post != nil {
		methods = append(methods, http.MethodPost)
	}
	if v.put != nil {
		methods = append(methods, http.MethodPut, http.MethodPatch)
	}
	if v.get != nil {
		methods = append(methods, http.MethodHead)
	}
	return strings.Join(append(methods, http.MethodOptions), ", ")
}

// Register adds the paths of Django's clients to engine, and answers there for methods and paths that Django does not have.
func (d *Controller) Register(engine *gin.Engine, limit Limits) {
	all := d.views(limit)
	for _, v := range all {
		group := engine.Group(v.path, d.prepare(v)...)
		if v.get != nil {
			group.GET("", v.get)
			group.HEAD("", v.get)
		}
		if v.post != nil {
			group.POST("", v.post...)
		}
		if v.put != nil {
			group.PUT("", v.put)
			group.PATCH("", v.put)
		}
		group.OPTIONS("", func(c *gin.Context) { c.JSON(http.StatusOK, v.metadata) })
	}
	engine.NoMethod(d.refuseMethod(all), middleware.MethodNotAllowed)
	engine.NoRoute(d.refusePath(all), middleware.NotFound)
}

// prepare returns what every request to a view passes.
func (d *Controller) prepare(v view) []gin.HandlerFunc {
	return []gin.HandlerFunc{
		func(c *gin.Context) { c.Header("Allow", v.allow()) },
		d.errors(v.dialect),
		func(c *gin.Context) {
			if err := v.check(c); err != nil {
				middleware.Fail(c, err)
			}
		},
	}
}

// refuseMethod answers requests to a view by a method that it does not have, once the view knows whose they are.
func (d *Controller) refuseMethod(all []view) gin.HandlerFunc {
	return func(c *gin.Context) {
		i := slices.IndexFunc(all, func(v view) bool { return v.path == c.Request.URL.Path })
		if i < 0 {
			return
		}
		err := all[i].check(c)
		if err == nil {
			err = problems.ErrMethodNotAllowed
		}
		_ = c.Error(err)
		c.Header("Allow", all[i].allow())
		d.write(c, all[i].dialect, err)
	}
}

// refusePath answers requests to paths beside those of the views: like Django's CommonMiddleware it redirects to a view that only
// lacks its slash, whatever the method, and it has nothing below the views' prefixes.
func (d *Controller) refusePath(all []view) gin.HandlerFunc {
	return func(c *gin.Context) {
		path := c.Request.URL.Path
		isBelow := false
		for _, v := range all {
			if v.path == path+"/" {
				target := *c.Request.URL
				target.Path, target.RawPath = v.path, ""
				c.Header("Location", target.RequestURI())
				c.Data(http.StatusMovedPermanently, "text/html; charset=utf-8", nil)
				c.Abort()
				return
			}
			isBelow = isBelow || strings.HasPrefix(path+"/", v.prefix())
		}
		if isBelow {
			_ = c.Error(problems.ErrNotFound)
			d.write(c, views, problems.ErrNotFound)
		}
	}
}

// prefix returns what the paths of the view's library begin with.
func (v view) prefix() string {
	for _, prefix := range []string{"/user/", "/api/token/"} {
		if strings.HasPrefix(v.path, prefix) {
			return prefix
		}
	}
	return v.path
}
