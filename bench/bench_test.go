// Package bench owns the benchmarks of the service as a whole: what a request costs on its way through all packages. Benchmarks
// of single functions are beside those functions.
package bench

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/config"
	"latchkey/database"
	"latchkey/database/scratch"
	"latchkey/middleware"
	"latchkey/server"
	"latchkey/testkit"
	"latchkey/tokens"
)

// BenchmarkBearerCheck measures the check of an access token alone, which precedes every query of a protected request.
func BenchmarkBearerCheck(b *testing.B) {
	for _, algorithm := range []tokens.Algorithm{tokens.HS256, tokens.RS256, tokens.ES256, tokens.EdDSA} {
		b.Run(string(algorithm), func(b *testing.B) {
			access := newAccessTokens(b, algorithm)
			issued, err := access.Issue(tokens.Claims{Subject: "0199a5c2-7f00-7abc-8def-0123456789ab"})
			require.NoError(b, err)
			gin.SetMode(gin.ReleaseMode)
			engine := gin.New()
			engine.GET("/", middleware.Authenticate(access, "Bearer"), func(c *gin.Context) { c.Status(http.StatusOK) })
			measure(b, engine, request("/", issued.Token), http.StatusOK)
		})
	}
}

// BenchmarkProfile measures a profile request through the whole engine: log, bearer check, session and user from the database,
// JSON.
func BenchmarkProfile(b *testing.B) {
	eachDB(b, func(b *testing.B, db *gorm.DB) {
		engine := newEngine(b, db, time.Now)
		measure(b, engine, request("/api/v1/profile", signup(b, engine)), http.StatusOK)
	})
}

// BenchmarkProfileParallel measures profile requests of as many concurrent clients as there are cores.
func BenchmarkProfileParallel(b *testing.B) {
	eachDB(b, func(b *testing.B, db *gorm.DB) {
		engine := newEngine(b, db, time.Now)
		token := signup(b, engine)
		b.ReportAllocs()
		b.ResetTimer()
		b.RunParallel(func(each *testing.PB) {
			request := request("/api/v1/profile", token)
			for each.Next() {
				recorder := httptest.NewRecorder()
				engine.ServeHTTP(recorder, request)
				if recorder.Code != http.StatusOK {
					b.Errorf("%d: %s", recorder.Code, recorder.Body)
					return
				}
			}
		})
	})
}

// BenchmarkRefusal measures what refusing a token costs, as a multiple of refusing a forged one: 60 KB of dots must not cost
// more.
func BenchmarkRefusal(b *testing.B) {
	now := time.Now()
	db := openMigrated(b, "sqlite:"+filepath.Join(b.TempDir(), "bench.db"))
	engine := newEngine(b, db, func() time.Time { return now })
	token := signup(b, engine)
	signature := strings.LastIndexByte(token, '.') + 1
	now = now.Add(time.Minute)
	var forged float64
	for _, refused := range []struct{ name, token string }{
		{"forged", token[:signature] + strings.Repeat("A", len(token)-signature)},
		{"missing", ""},
		{"garbage", "garbage"},
		{"60KBOfDots", strings.Repeat(".", 60_000)},
		{"60KBOfLetters", strings.Repeat("a", 60_000)},
		{"60KBInOnePart", token + strings.Repeat("A", 60_000)},
	} {
		b.Run(refused.name, func(b *testing.B) {
			measure(b, engine, request("/api/v1/profile", refused.token), http.StatusUnauthorized)
			cost := float64(b.Elapsed()) / float64(b.N)
			if refused.name == "forged" {
				forged = cost
			}
			b.ReportMetric(cost/forged, "x-forged")
		})
	}
}

// measure measures a request, which has to get this status. The allocations of the response's recorder are counted too.
func measure(b *testing.B, engine *gin.Engine, request *http.Request, status int) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		recorder := httptest.NewRecorder()
		engine.ServeHTTP(recorder, request)
		if recorder.Code != status {
			b.Fatalf("%d: %s", recorder.Code, recorder.Body)
		}
	}
}

func request(path, token string) *http.Request {
	request := httptest.NewRequest(http.MethodGet, path, nil)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return request
}

// signup creates an account, and returns an access token.
func signup(b *testing.B, engine *gin.Engine) string {
	b.Helper()
	body := strings.NewReader(`{"email":"ann@example.com","password":"` + testkit.Password + `"}`)
	request := httptest.NewRequest(http.MethodPost, "/api/v1/signup", body)
	request.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	engine.ServeHTTP(recorder, request)
	require.Equal(b, http.StatusCreated, recorder.Code, "%s", recorder.Body)
	return testkit.Response{Body: recorder.Body.String()}.Text(b, "access_token")
}

// newEngine returns the engine of the service as it runs, except that the log is discarded, tokens outlive the benchmark and,
// unless environ turns them on, there are no rate limits.
func newEngine(b *testing.B, db *gorm.DB, now func() time.Time, environ ...string) *gin.Engine {
	b.Helper()
	return newService(b, db, now, environ...).Engine
}

// newService returns the service of newEngine, whose jobs and tasks run when the benchmark says so.
func newService(b *testing.B, db *gorm.DB, now func() time.Time, environ ...string) *server.Server {
	b.Helper()
	settings, err := config.Load(append([]string{
		"SECRET_KEY=" + testkit.SecretKey, "JWT_EXPIRATION_DELTA=24h", "RATE_LIMITS=off",
	}, environ...), b.TempDir())
	require.NoError(b, err)
	log := slog.New(slog.NewJSONHandler(io.Discard, &slog.HandlerOptions{Level: settings.Log.Level}))
	service, err := server.New(b.Context(), settings,
		server.Resources{DB: db, Hasher: testkit.FastHasher(b), Log: log, Now: now})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, service.Close()) })
	return service
}

func newAccessTokens(b *testing.B, algorithm tokens.Algorithm) *tokens.AccessTokens {
	b.Helper()
	key, err := tokens.GenerateKey(algorithm)
	require.NoError(b, err)
	keys, err := tokens.NewKeySet(key)
	require.NoError(b, err)
	return tokens.NewAccessTokens(func() tokens.KeySet { return keys }, tokens.AccessTokenOptions{
		Issuer: "https://auth.example.com", Audience: "https://api.example.com", Lifetime: 24 * time.Hour,
	}, time.Now)
}

// eachDB runs a benchmark on an SQLite file and, if PostgreSQL is installed, on a throwaway server of it.
func eachDB(b *testing.B, run func(*testing.B, *gorm.DB)) {
	b.Run(database.SQLite, func(b *testing.B) {
		run(b, openMigrated(b, "sqlite:"+filepath.Join(b.TempDir(), "bench.db")))
	})
	b.Run(database.Postgres, func(b *testing.B) {
		cluster, err := scratch.Start(b.Context())
		if errors.Is(err, scratch.ErrNotInstalled) || errors.Is(err, scratch.ErrUnsupported) {
			b.Skip(err)
		}
		require.NoError(b, err)
		defer cluster.Close()
		url, err := cluster.CreateDatabase(b.Context())
		require.NoError(b, err)
		run(b, openMigrated(b, url))
	})
}

func openMigrated(b *testing.B, url string) *gorm.DB {
	b.Helper()
	log := slog.New(slog.DiscardHandler)
	migrator, err := database.NewMigrator(url, log)
	require.NoError(b, err)
	_, err = migrator.Up(b.Context())
	require.NoError(b, errors.Join(err, migrator.Close()))
	db, err := database.Open(url, database.Options{Logger: log})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, database.Close(db)) })
	return db
}
