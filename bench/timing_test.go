package bench

import (
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"latchkey/models"
)

// BenchmarkLoginTiming measures failed logins to a known and to an unknown email in turn, and prints Welch's t of their times:
// within ±4.5 they can't be told apart. The hasher is fast, so that differences in the queries show. Run it with -benchtime
// 20000x.
func BenchmarkLoginTiming(b *testing.B) {
	eachDB(b, func(b *testing.B, db *gorm.DB) {
		now := time.Now()
		engine := newEngine(b, db, func() time.Time { return now })
		signup(b, engine)
		var known, unknown moments
		for i := 0; b.Loop(); i++ {
			now = now.Add(models.FailureMemory) // each failure counts as the first
			if i%2 == 0 {
				known.add(failedLogin(b, engine, "ann@example.com"))
				unknown.add(failedLogin(b, engine, "bob@example.com"))
			} else {
				unknown.add(failedLogin(b, engine, "bob@example.com"))
				known.add(failedLogin(b, engine, "ann@example.com"))
			}
		}
		b.ReportMetric(known.welch(unknown), "t")
		b.ReportMetric(known.mean/unknown.mean, "known/unknown")
	})
}

func failedLogin(b *testing.B, engine *gin.Engine, email string) float64 {
	b.Helper()
	body := strings.NewReader(`{"email":"` + email + `","password":"a wrong guess"}`)
	request := httptest.NewRequest(http.MethodPost, "/api/v1/login", body)
	request.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	began := time.Now()
	engine.ServeHTTP(recorder, request)
	took := time.Since(began)
	if recorder.Code != http.StatusUnauthorized {
		b.Fatalf("%d: %s", recorder.Code, recorder.Body)
	}
	return float64(took)
}

// moments are the mean and the squared deviations of a sample, after Welford.
type moments struct{ n, mean, squares float64 }

func (m *moments) add(x float64) {
	m.n++
	off := x - m.mean
	m.mean += off / m.n
	m.squares += off * (x - m.mean)
}

func (m *moments) welch(other moments) float64 {
	spread := m.squares/(m.n-1)/m.n + other.squares/(other.n-1)/other.n
	return (m.mean - other.mean) / math.Sqrt(spread)
}
