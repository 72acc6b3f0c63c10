//go:build torture

package torture

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	smtpmock "github.com/mocktools/go-smtp-mock/v2"
	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// The mail server refuses connections, or takes them and says nothing. Sign-ups take no longer, and every mail arrives once it is
// back. What happens to a mail that the server took before it died is TestSMTP_Send_WhatWasTakenIsSent, and ten minutes of an
// absent server are TestMail_WaitsForTheMailServer.
func TestF6_WithoutAMailServerSignupsAreAsQuickAndMailsArriveLater(t *testing.T) {
	for _, silent := range []bool{false, true} {
		name := map[bool]string{false: "away", true: "silent"}[silent]
		t.Run(name, func(t *testing.T) {
			server := newPostgres(t)
			port := testkit.Port(t)
			network := newProxy(t, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
			service := newReplica(t, server.url("latchkey"), "MAIL_FROM=no-reply@example.com", "SMTP_URL=smtp://"+network.addr+"?tls=none")
			mails := smtpmock.New(smtpmock.ConfigurationAttr{PortNumber: port, MultipleMessageReceiving: true})
			require.NoError(t, mails.Start())
			load := newLoad(t, 20, service.addr)
			load.operations = []string{signup}
			load.lasting(5 * time.Second)
			normal := percentile(load.ledger.waits, 99)
			load.ledger.waits = nil
			if silent {
				network.be(halfOpen)
			} else {
				require.NoError(t, mails.Stop())
			}
			load.lasting(10 * time.Second)
			during := percentile(load.ledger.waits, 99)
			kept := delivered(mails)
			if silent {
				network.be(pass)
				network.reset()
			} else {
				mails = smtpmock.New(smtpmock.ConfigurationAttr{PortNumber: port, MultipleMessageReceiving: true})
				require.NoError(t, mails.Start())
			}
			t.Cleanup(func() { _ = mails.Stop() })
			returned := time.Now()
			owed := load.ledger.count(acknowledged)
			require.Eventually(t, func() bool {
				return server.query(t, "latchkey", "SELECT count(*) FROM river_job WHERE kind = 'mail' AND state <> 'completed'") == "0"
			}, testkit.Patience, 250*time.Millisecond, "every mail is sent")
			took := time.Since(returned)
			arrived := delivered(mails)
			if !silent {
				arrived += kept
			}
			result := check(t, testkit.OpenAt(t, server.url("latchkey")), service.addr, load.ledger)
			load.ledger.requireOnlyUnavailable(t)
			require.Equal(t, owed, arrived, "each mail arrives once")
			within(t, normal*12/10+50*time.Millisecond, during, "p99 of sign-ups")
			within(t, 2*time.Minute, took, "every mail is sent")
			summarize(t, fmt.Sprintf("F6 mail server %s for 10 s, %v, sign-up p99 %v before and %v during, %d of %d mails delivered %.0f s after its return",
				name, result, normal.Round(time.Millisecond), during.Round(time.Millisecond), arrived, owed, took.Seconds()))
		})
	}
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
