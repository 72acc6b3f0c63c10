package middleware

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"latchkey/models"
)

// Each requirement with each kind of user and age of the login.
func TestRequire_LetsOnlyAllowedUsersPass(t *testing.T) {
	gin.SetMode(gin.TestMode)
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	fresh := RequireFresh(10*time.Minute, func() time.Time { return now })
	plain, staff, root := models.User{}, models.User{IsStaff: true}, models.User{IsStaff: true, IsSuperuser: true}
	superuserAlone := models.User{IsSuperuser: true}
	for name, c := range map[string]struct {
		require gin.HandlerFunc
		user    models.User
		age     time.Duration
		status  int
		code    string
	}{
		"staff: a user":           {RequireStaff(), plain, 0, http.StatusForbidden, "permission_denied"},
		"staff: staff":            {RequireStaff(), staff, 0, http.StatusOK, ""},
		"staff: a superuser only": {RequireStaff(), superuserAlone, 0, http.StatusForbidden, "permission_denied"},
		"superuser: a user":       {RequireSuperuser(), plain, 0, http.StatusForbidden, "permission_denied"},
		"superuser: staff":        {RequireSuperuser(), staff, 0, http.StatusForbidden, "permission_denied"},
		"superuser: a superuser":  {RequireSuperuser(), root, 0, http.StatusOK, ""},
		"fresh: now":              {fresh, plain, 0, http.StatusOK, ""},
		"fresh: just":             {fresh, plain, 10 * time.Minute, http.StatusOK, ""},
		"fresh: too old":          {fresh, root, 10*time.Minute + time.Microsecond, http.StatusUnauthorized, "step_up_required"},
	} {
		t.Run(name, func(t *testing.T) {
			reached := false
			engine := gin.New()
			engine.GET("/", Errors(slog.New(slog.NewTextHandler(io.Discard, nil)), "https://a.example", "Bearer"),
				func(g *gin.Context) {
					g.Set(sessionKey, &models.Session{User: &c.user, CreatedAt: now.Add(-c.age)})
				}, c.require, func(*gin.Context) { reached = true })
			answer := httptest.NewRecorder()
			engine.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
			require.Equal(t, c.status, answer.Code)
			require.Equal(t, c.status == http.StatusOK, reached)
			require.Contains(t, answer.Body.String(), c.code)
			challenge := ""
			if c.code == "step_up_required" {
				challenge = `Bearer realm="latchkey", error="insufficient_user_authentication", ` +
					`error_description="More recent authentication is required", max_age="600"`
			}
			require.Equal(t, challenge, answer.Header().Get("WWW-Authenticate"))
		})
	}
}
