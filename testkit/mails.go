package testkit

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// Mail is an email in the development mailbox.
type Mail struct {
	To      string   `json:"to"`
	Subject string   `json:"subject"`
	Text    string   `json:"text"`
	Links   []string `json:"links"`
	Code    string   `json:"code"`
}

// Mails sends every mail that is due, and returns the mailbox, the newest mail first.
func (a *App) Mails(t testing.TB) (mails []Mail) {
	t.Helper()
	a.DoJobs(t)
	response := a.Do(t, Call{Method: http.MethodGet, Path: "/dev/mail", Header: map[string]string{"Accept": "application/json"}})
	require.Equal(t, http.StatusOK, response.Status, response.Body)
	require.NoError(t, json.Unmarshal([]byte(response.Body), &mails))
	return mails
}

// Mail sends every mail that is due, and returns the newest one to an address.
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

// Token returns the token in the mail's first link.
func (m Mail) Token(t testing.TB) string {
	t.Helper()
	require.NotEmpty(t, m.Links, m.Text)
	link, err := url.Parse(m.Links[0])
	require.NoError(t, err)
	token := link.Query().Get("token")
	require.NotEmpty(t, token, m.Links[0])
	return token
}
