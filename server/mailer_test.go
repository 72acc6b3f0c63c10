package server_test

import (
	"io"
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

// delivered returns how many mails the server accepted.
func delivered(server *smtpmock.Server) (n int) {
	for _, message := range server.Messages() {
		if strings.HasPrefix(message.DataResponse(), "3") && strings.Contains(message.MsgResponse(), "250") {
			n++
		}
	}
	return n
}

// The mail server is down when a user signs up, and then the process is killed: the mail arrives nevertheless, once.
func TestMailer_AMailSurvivesItsServerAndItsProcess(t *testing.T) {
	t.Parallel()
	// A dead leader is replaced after 20 seconds, and a try that died with it is taken for failed after two minutes.
	const patience = testkit.Patience + 3*time.Minute
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
		}, patience, 100*time.Millisecond)
		require.Equal(t, 1, delivered(mailbox))
	})
}

// A server that lacks SMTPUTF8 says so when it is greeted, and then nobody waits for a mail that can't come.
func TestSignup_RefusesAddressesThatTheMailServerDoesNotTake(t *testing.T) {
	t.Parallel()
	port := testkit.Port(t)
	mailServer(t, port)
	program := testkit.Serve(t, testkit.Environ("sqlite://"+t.TempDir()+"/latchkey.db", "AUTO_MIGRATE=true", "EMAIL_VERIFICATION=required",
		"MAIL_FROM=no-reply@example.com", "SMTP_URL=smtp://127.0.0.1:"+strconv.Itoa(port)+"?tls=none"))
	refused, err := http.Post("http://"+program.Addr(t)+"/api/v1/signup", "application/json",
		strings.NewReader(testkit.Credentials("größe@example.com")))
	require.NoError(t, err)
	defer refused.Body.Close()
	body, err := io.ReadAll(refused.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusBadRequest, refused.StatusCode)
	require.Contains(t, string(body), "undeliverable")
	for _, email := range []string{"ann@größe.example", ann} {
		require.Equal(t, http.StatusAccepted, post(t, program.Addr(t), "signup", email).StatusCode, email)
	}
}
