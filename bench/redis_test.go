package bench

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// BenchmarkRedisAway prints how long requests take whose limits are counted in Redis: while it responds, while it is frozen
// (connections stay open without a response) and once it is dead. It prints the median and the slowest, in milliseconds.
func BenchmarkRedisAway(b *testing.B) {
	redis := testkit.NewRedis(b)
	db := openMigrated(b, "sqlite:"+filepath.Join(b.TempDir(), "bench.db"))
	engine := newEngine(b, db, time.Now, "RATE_LIMITS=on", "REDIS_URL="+redis.URL, "RATE_LIMIT_REFRESH=1000000/1s")
	for _, state := range []struct {
		name  string
		enter func(testing.TB)
	}{
		{"answering", func(testing.TB) {}},
		{"frozen", redis.Freeze},
		{"dead", redis.Stop},
	} {
		state.enter(b)
		b.Run(state.name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				require.Equal(b, http.StatusUnauthorized, refreshNothing(engine))
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(milliseconds(took[len(took)/2]), "median-ms")
			b.ReportMetric(milliseconds(took[len(took)-1]), "slowest-ms")
		})
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func refreshNothing(engine *gin.Engine) int {
	request := httptest.NewRequest(http.MethodPost, "/api/v1/token/refresh", strings.NewReader(`{"refresh_token":"lkr_none"}`))
	request.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	engine.ServeHTTP(recorder, request)
	return recorder.Code
}
