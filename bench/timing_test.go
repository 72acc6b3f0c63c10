package bench

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/models"
	"latchkey/testkit"
)

// BenchmarkLoginTiming measures failed logins to a known and to an unknown email in turn, and prints Welch's t of their times:
// within ±4.5 they can't be told apart. The hasher is fast, so that differences in the queries show. Run it with -benchtime
// 20000x.
func BenchmarkLoginTiming(b *testing.B) {
	eachDB(b, func(b *testing.B, db *gorm.DB) {
		now := time.Now()
		engine := newEngine(b, db, func() time.Time { return now })
		signup(b, engine)
		compare(b, func() { now = now.Add(models.FailureMemory) }, // each failure counts as the first
			func(int) float64 { return failedLogin(b, engine, "ann@example.com") },
			func(int) float64 { return failedLogin(b, engine, "bob@example.com") })
	})
}

// BenchmarkImportedLoginTiming measures failed logins to the accounts of a population, half of which still have the hash that they
// were imported with, and to as many addresses without an account, in turn, and prints Welch's t of their times. Run it with
// -benchtime 20000x.
func BenchmarkImportedLoginTiming(b *testing.B) {
	eachDB(b, func(b *testing.B, db *gorm.DB) {
		now := time.Now()
		service := newService(b, db, func() time.Time { return now })
		signup(b, service.Engine)
		known, unknown := population(b, db), make([]string, 1000)
		for i := range unknown {
			unknown[i] = fmt.Sprintf("unknown%d@example.com", i)
		}
		service.RunTasks(b.Context())
		b.ResetTimer()
		compare(b, func() { now = now.Add(models.FailureMemory) }, // each failure counts as the first
			func(i int) float64 { return failedLogin(b, service.Engine, known[i%len(known)]) },
			func(i int) float64 { return failedLogin(b, service.Engine, unknown[i%len(unknown)]) })
	})
}

// population adds a thousand accounts with the password of the one that is there, every other one with Django's hash of 10,000
// iterations, and returns their addresses.
func population(b *testing.B, db *gorm.DB) (addresses []string) {
	b.Helper()
	var native models.User
	require.NoError(b, db.Take(&native).Error)
	var users []models.User
	for i := range 1000 {
		user := native
		user.ID, user.Email = uuid.Must(uuid.NewV7()), fmt.Sprintf("known%d@example.com", i)
		if i%2 == 0 {
			user.Password = "pbkdf2_sha256$10000$" + uuid.NewString()[:22] + "$DFcUeFQBFEISjJfRat4tpIx2nUzPESwOJWnw2UlU+ls="
		}
		users, addresses = append(users, user), append(addresses, user.Email)
	}
	require.NoError(b, db.CreateInBatches(users, 500).Error)
	return addresses
}

// BenchmarkCodeTiming asks for mails to reset a password, sends them, and measures wrong codes for an address with an account and
// for one without, in turn. It prints Welch's t of their times. Run it with -benchtime 5000x.
func BenchmarkCodeTiming(b *testing.B) {
	eachDB(b, func(b *testing.B, db *gorm.DB) {
		now := time.Now()
		service := newService(b, db, func() time.Time { return now })
		signup(b, service.Engine)
		wrongCode := func(email string) float64 {
			return respond(b, service.Engine, "/api/v1/password/reset",
				`{"email":"`+email+`","code":"000000","new_password":"`+testkit.OtherPassword+`"}`, http.StatusBadRequest)
		}
		prepare := func() {
			now = now.Add(models.FailureMemory)
			for _, email := range []string{"ann@example.com", "bob@example.com"} {
				respond(b, service.Engine, "/api/v1/password/forgot", `{"email":"`+email+`"}`, http.StatusAccepted)
			}
			require.NoError(b, service.Jobs.Drain(b.Context(), service.Work))
			require.NoError(b, service.Work.Cleanups["tokens"](b.Context()))
			wrongCode("eve@example.com") // the first request after the mails is slower than others
		}
		compare(b, prepare,
			func(int) float64 { return wrongCode("ann@example.com") }, func(int) float64 { return wrongCode("bob@example.com") })
	})
}

// compare measures two requests, after prepare, one after the other and every other time in reverse, and reports Welch's t of their times and
// the ratio of their means. Of the first pairs, which fill the caches, it takes no note.
func compare(b *testing.B, prepare func(), one, other func(i int) float64) {
	b.Helper()
	var known, unknown moments
	for i := 0; b.Loop(); i++ {
		prepare()
		var first, second float64
		if i%2 == 0 {
			first, second = one(i/2), other(i/2)
		} else {
			second, first = other(i/2), one(i/2)
		}
		if i >= 100 {
			known.add(first)
			unknown.add(second)
		}
	}
	b.ReportMetric(known.welch(unknown), "t")
	b.ReportMetric(known.mean/unknown.mean, "known/unknown")
}

func failedLogin(b *testing.B, engine *gin.Engine, email string) float64 {
	b.Helper()
	return respond(b, engine, "/api/v1/login", `{"email":"`+email+`","password":"a wrong guess"}`, http.StatusUnauthorized)
}

// respond returns how long a request takes, in nanoseconds, which has to get this status.
func respond(b *testing.B, engine *gin.Engine, path, body string, status int) float64 {
	b.Helper()
	request := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	began := time.Now()
	engine.ServeHTTP(recorder, request)
	took := time.Since(began)
	if recorder.Code != status {
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
