package middleware

import (
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/models"
	"latchkey/problems"
)

// RequireStaff lets a request pass whose user is staff, on routes behind LoadSession. Others get problems.ErrPermissionDenied.
func RequireStaff() gin.HandlerFunc {
	return requireUser(func(user *models.User) bool { return user.IsStaff })
}

// RequireSuperuser lets a request pass whose user is a superuser, on routes behind LoadSession. Others get
// problems.ErrPermissionDenied.
func RequireSuperuser() gin.HandlerFunc {
	return requireUser(func(user *models.User) bool { return user.IsSuperuser })
}

func requireUser(allows func(*models.User) bool) gin.HandlerFunc {
	return func(c *gin.Context) {
		if !allows(User(c)) {
			Fail(c, problems.ErrPermissionDenied)
			return
		}
		c.Next()
	}
}

// RequireFresh lets a request pass whose user authenticated at most maxAge ago, on routes behind LoadSession. Others get a
// *problems.StepUpRequiredError, which tells the client to have the user authenticate again (RFC 9470, section 3).
func RequireFresh(maxAge time.Duration, now func() time.Time) gin.HandlerFunc {
	return func(c *gin.Context) {
		if now().Sub(Session(c).CreatedAt) > maxAge {
			Fail(c, &problems.StepUpRequiredError{MaxAge: maxAge})
			return
		}
		c.Next()
	}
}
