package routes_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	smtpmock "github.com/mocktools/go-smtp-mock/v2"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/testkit"
)

// For ten minutes the mail server can't be reached. Sign-ups work nevertheless, and no email is lost.
func TestMail_WaitsForTheMailServer(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		port := testkit.Port(t)
		app := testkit.NewApp(t, db, "MAIL_FROM=no-reply@example.com", "SMTP_URL=smtp://127.0.0.1:"+strconv.Itoa(port)+"?tls=none")
		app.Signup(t, annAddress)
		app.Signup(t, "bob@example.com")
		for range 10 {
			app.DoJobs(t)
			app.Clock.Advance(time.Minute)
		}
		unsent, err := app.Server.Jobs.Unsent(t.Context())
		require.NoError(t, err)
		require.Len(t, unsent, 2)
		require.NotContains(t, unsent[0].LastError, "ann@", "the queue stores no address")

		server := smtpmock.New(smtpmock.ConfigurationAttr{PortNumber: port, MultipleMessageReceiving: true})
		require.NoError(t, server.Start())
		t.Cleanup(func() { require.NoError(t, server.Stop()) })
		app.Clock.Advance(10 * time.Minute)
		app.DoJobs(t)
		unsent, err = app.Server.Jobs.Unsent(t.Context())
		require.NoError(t, err)
		require.Empty(t, unsent)
		require.Len(t, server.Messages(), 2)
		require.Equal(t, http.StatusNotFound, app.Get(t, "/dev/mail", "").Status, "mail that is sent is not in the development mailbox")
	})
}
