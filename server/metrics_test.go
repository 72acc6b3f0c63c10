package server_test

import (
	"io"
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

var metricsAt = regexp.MustCompile(`msg="serving metrics" url=(\S+)`)

// metrics returns what the server's GET /metrics returns.
func metrics(t *testing.T, server *testkit.Process) string {
	t.Helper()
	response, err := http.Get(metricsAt.FindStringSubmatch(server.Output.String())[1])
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	return string(body)
}

func TestMetrics_AreServedOnlyIfAsked(t *testing.T) {
	t.Parallel()
	server := testkit.Serve(t, testkit.Environ("sqlite:test.db"))
	address := server.Addr(t)
	require.NotContains(t, server.Output.String(), "serving metrics")
	response, err := http.Get("http://" + address + "/metrics")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusNotFound, response.StatusCode)
}
