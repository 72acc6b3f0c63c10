package testkit

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// Mail is a letter in the development mailbox.
type Mail struct {
	To      string   `json:"to"`
	Subject string   `json:"subject"`
	Text    string   `json:"text"`
	Links   []string `json:"links"`
	Code    string   `json:"code"`
}

// Mails has everything sent that is due, and gives back the mailbox, newest first.
func (a *App) Mails(t testing.TB) (mails []Mail) {
	t.Helper()
	a.DoJobs(t)
	answer := a.Do(t, Call{Method: http.MethodGet, Path: "/dev/mail", Header: map[string]string{"Accept": "application/json"}})
	require.Equal(t, http.StatusOK, answer.Status, answer.Body)
	require.NoError(t, json.Unmarshal([]byte(answer.Body), &mails))
	return mails
}

// Mail is the newest letter to an address.
func (a *App) Mail(t testing.TB, to string) Mail {
	t.Helper()
	for _, mail := range a.Mails(t) {
		if mail.To == to {
			return mail
		}
	}
	require.Failf(t, "no mail", "to %s", to)
	return Mail{}
}

// Token is the one in the letter's link.
func (m Mail) Token(t testing.TB) string {
	t.Helper()
	require.NotEmpty(t, m.Links, m.Text)
	link, err := url.Parse(m.Links[0])
	require.NoError(t, err)
	token := link.Query().Get("token")
	require.NotEmpty(t, token, m.Links[0])
	return token
}
