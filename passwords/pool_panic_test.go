package passwords

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A format that panics, as often as there are workers and more, keeps neither a worker nor its memory.
func TestPool_AFormatThatPanicsKeepsNoMemory(t *testing.T) {
	pool, err := NewPool(Options{Parameters: FastParameters(), Concurrency: 2})
	require.NoError(t, err)
	defer pool.Close()
	broken := decoded{matches: func(*lane, string) bool { panic("a broken format") }}
	for range 5 {
		require.Error(t, pool.work(t.Context(), func(memory *lane) { broken.matches(memory, "secret") }))
		require.Len(t, pool.lanes, 2)
	}
	_, err = pool.Hash(t.Context(), "secret")
	require.NoError(t, err)
}
