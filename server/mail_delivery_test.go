package server_test

import (
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	smtpmock "github.com/mocktools/go-smtp-mock/v2"
	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

func mailServer(t *testing.T, port int) *smtpmock.Server {
	t.Helper()
	server := smtpmock.New(smtpmock.ConfigurationAttr{PortNumber: port, MultipleMessageReceiving: true})
	require.NoError(t, server.Start())
	t.Cleanup(func() { _ = server.Stop() })
	return server
}

// delivered counts the mails that the server took.
func delivered(server *smtpmock.Server) (n int) {
	for _, message := range server.Messages() {
		if strings.HasPrefix(message.DataResponse(), "3") && strings.Contains(message.MsgResponse(), "250") {
			n++
		}
	}
	return n
}

// The mail server is away when somebody signs up, and the process is killed: the mail arrives all the same, once.
func TestMailer_AMailSurvivesItsServerAndItsProcess(t *testing.T) {
	t.Parallel()
	const patience = 5 * time.Minute // a dead leader is one for 20 seconds, and a try that died with it is under way for two minutes
	testkit.EachURL(t, func(t *testing.T, url string) {
		port := testkit.Port(t)
		environ := testkit.Environ(url, "AUTO_MIGRATE=true", "MAIL_FROM=no-reply@example.com",
			"SMTP_URL=smtp://127.0.0.1:"+strconv.Itoa(port)+"?tls=none")
		first := testkit.Serve(t, environ)
		require.Equal(t, http.StatusCreated, post(t, first.Addr(t), "signup", ann).StatusCode)
		require.NoError(t, first.Command.Process.Signal(syscall.SIGKILL))
		<-first.Ended

		mailbox := mailServer(t, port)
		second := testkit.Serve(t, environ)
		second.Addr(t)
		db := testkit.OpenAt(t, url)
		require.Eventually(t, func() bool {
			var unsent int64
			err := db.Table("river_job").Where("kind = 'mail' AND state <> 'completed'").Count(&unsent).Error
			return err == nil && unsent == 0
		}, patience, testkit.Patience/1000)
		require.Equal(t, 1, delivered(mailbox))
	})
}
