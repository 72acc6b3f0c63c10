package passwords_test

import (
	"cmp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"latchkey/passwords"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newPool returns a pool whose wait is longer than any machine is busy; workers_test.go tests the end of the wait with synctest.
func newPool(t testing.TB, options passwords.Options) *passwords.Pool {
	t.Helper()
	options.Wait = cmp.Or(options.Wait, time.Hour)
	pool, err := passwords.NewPool(options)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

func fastPool(t testing.TB) *passwords.Pool {
	return newPool(t, passwords.Options{Parameters: passwords.FastParameters()})
}
