package testkit_test

import (
	"net"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

func TestPort_RefusesConnectionsUntilTheTestsServerListens(t *testing.T) {
	t.Parallel()
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(testkit.Port(t)))
	for range 2 { // a server may be started again
		_, err := net.Dial("tcp", address)
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		listener, err := net.Listen("tcp", address)
		require.NoError(t, err)
		connection, err := net.Dial("tcp", address)
		require.NoError(t, err)
		require.NoError(t, connection.Close())
		require.NoError(t, listener.Close())
	}
}
