package torture

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// The first start is killed at a random moment. The next one works, with one signing key.
func TestF23_AKilledFirstStartIsNoObstacle(t *testing.T) {
	beside(t)
	for range f23Rounds {
		testkit.EachURL(t, func(t *testing.T, url string) {
			service := prepare(t, testkit.Built(t), url)
			service.process = testkit.StartProgram(t, service.program, service.environ, "serve")
			time.Sleep(time.Duration(rand.Int64N(int64(300 * time.Millisecond))))
			service.kill(t)
			service.start(t)
			got := ask(service.addr, http.MethodPost, "signup", "", testkit.Credentials("ann@example.com"))
			require.Equal(t, http.StatusCreated, got.status, "%v", got.err)
			requireWhole(t, testkit.OpenAt(t, url))
			service.kill(t)
		})
	}
	summarize(t, fmt.Sprintf("F23 %d first starts killed at random on each database: the next one serves, with one key", f23Rounds))
}

// The creation of the superuser is killed at a random moment. Repeated, there is one.
func TestF23_AKilledCreatesuperuserLeavesOneAtMost(t *testing.T) {
	beside(t)
	testkit.EachURL(t, func(t *testing.T, url string) {
		first := prepare(t, testkit.Built(t), url)
		require.Zero(t, testkit.Start(t, first.environ, "migrate", "up").Wait(t))
		db := testkit.OpenAt(t, url)
		for round := range f23Rounds {
			environ := append(first.environ, fmt.Sprintf("SUPERUSER_EMAIL=root%d@example.com", round), "SUPERUSER_PASSWORD="+testkit.Password)
			killed := testkit.Start(t, environ, "createsuperuser", "--no-input")
			time.Sleep(time.Duration(rand.Int64N(int64(150 * time.Millisecond))))
			_ = killed.Command.Process.Kill() // it may have ended
			killed.Wait(t)
			testkit.Start(t, environ, "createsuperuser", "--no-input").Wait(t)
			var there int64
			require.NoError(t, db.Raw("SELECT count(*) FROM users WHERE is_superuser").Scan(&there).Error)
			require.EqualValues(t, round+1, there)
		}
		summarize(t, fmt.Sprintf("F23 %d createsuperuser killed at random on %s: repeated, each made one", f23Rounds, kindOf(url)))
	})
}
