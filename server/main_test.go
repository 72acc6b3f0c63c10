package server_test

import (
	"errors"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/database"
	"latchkey/testkit"
)

const ann = "ann@example.com"

func TestMain(m *testing.M) { os.Exit(testkit.Run(m)) }

// post sends the credentials of email to a path of the API, and returns the response.
func post(t *testing.T, address, path, email string) *http.Response {
	t.Helper()
	body := strings.NewReader(testkit.Credentials(email))
	response, err := http.Post("http://"+address+"/api/v1/"+path, "application/json", body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response
}

// eachMigrated runs a test on a migrated database of both kinds.
func eachMigrated(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	testkit.EachURL(t, func(t *testing.T, url string) {
		migrator, err := database.NewMigrator(url, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		_, err = migrator.Up(t.Context())
		require.NoError(t, errors.Join(err, migrator.Close()))
		test(t, url)
	})
}
