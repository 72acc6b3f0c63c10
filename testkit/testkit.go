// Package testkit owns what the tests of several packages need: databases of both kinds, a fast hasher, a running
// service with a client. Only tests import it.
package testkit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/passwords"
)

// FastHasher returns a pool whose hashes cost next to nothing. It is closed with the test.
func FastHasher(t testing.TB) *passwords.Pool {
	t.Helper()
	pool, err := passwords.NewPool(passwords.Options{Parameters: passwords.FastParameters(), Wait: time.Minute})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}
