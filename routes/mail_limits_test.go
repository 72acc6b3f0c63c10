package routes_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// manySenders are limits under which no sender is the one who is limited.
func manySenders() []string {
	return []string{
		limitsOn, behindProxy, "RATE_LIMIT_MAIL=1000/1m", "RATE_LIMIT_SIGNUP=1000/1m", "RATE_LIMIT_SECRET=1000/1m",
		"RATE_LIMIT_SECRET_ACCOUNT=1000/1m", "RATE_LIMIT_MAIL_ACCOUNT=5/15m",
	}
}

// mailsTo counts the mails to addresses that contain text.
func mailsTo(t *testing.T, app *testkit.App, text string) (n int) {
	t.Helper()
	for _, mail := range app.Mails(t) {
		if strings.Contains(mail.To, text) {
			n++
		}
	}
	return n
}

func TestMailLimit_OneMailboxGetsFewOfWhatStrangersCause(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		var strangers []string
		for i := range 25 {
			strangers = append(strangers, app.Signup(t, fmt.Sprintf("victim+%d@example.com", i)))
		}
		app.Signup(t, "v.i.c.t.i.m@gmail.com")
		for i := range 10 {
			app.Signup(t, fmt.Sprintf("v.ictim+%d@googlemail.com", i))
		}
		require.Equal(t, 5, mailsTo(t, app, "@example.com"), "sign-ups")
		require.Equal(t, 5, mailsTo(t, app, "mail.com"), "dots that the provider ignores")

		// Whether the address has an account makes no difference.
		app.Signup(t, "taken@example.org")
		for _, address := range []string{"free@example.org", "taken@example.org"} {
			before := mailsTo(t, app, address)
			for _, stranger := range strangers[:20] {
				succeeds(t, app, "email/change", stranger, "new_email", address, "current_password", testkit.Password)
			}
			require.Equal(t, 5, mailsTo(t, app, address)-before, address)
		}
	}, manySenders()...)
}

// Nothing that strangers have sent keeps the owner of an address from the mail that resets their password, or verifies it.
func TestMailLimit_StrangersKeepNobodyFromTheirResetMail(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		for _, ann := range []string{"ann@example.com", "ann+latchkey@example.net"} {
			app.Signup(t, ann)
			succeeds(t, app, "email/verify", "", "token", app.Mail(t, ann).Token(t))
			name, domain, _ := strings.Cut(ann, "@")
			for i := range 10 {
				app.Signup(t, fmt.Sprintf("%s+%d@%s", name, i, domain))
				ask(t, app, "email/resend", "", "email", ann)
				ask(t, app, "password/forgot", "", "email", fmt.Sprintf("%s+%d@%s", name, i, domain))
			}
			app.Mails(t)
			require.Equal(t, http.StatusAccepted, app.Post(t, "/api/v1/password/forgot", object([]string{"email", ann})).Status)
			mail := app.Mail(t, ann)
			require.Contains(t, mail.Links[0], "/reset-password?")
			for range 10 { // further ones are not sent, and leave the last one valid
				ask(t, app, "password/forgot", "", "email", ann)
				app.Mails(t) // one after the other, so that the newest mail has the newest token
			}
			succeeds(t, app, "password/reset", "", "token", app.Mail(t, ann).Token(t), "new_password", newPassword)
		}
	}, manySenders()...)
}

// A mail that is tried again has been counted already.
func TestMailLimit_CountsAMailOnce(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t), limitsOn, "RATE_LIMIT_MAIL_ACCOUNT=1/24h")
	app.Signup(t, "ann+tag@example.com")
	unsent, err := app.Server.Jobs.Unsent(t.Context())
	require.NoError(t, err)
	require.Len(t, unsent, 1)
	mail := unsent[0].Mail
	for attempt := 1; attempt <= 3; attempt++ {
		mail.Attempt = attempt
		require.NoError(t, app.Server.Work.Mail(t.Context(), mail))
	}
	mail.Attempt = 1
	require.NoError(t, app.Server.Work.Mail(t.Context(), mail))
	require.Equal(t, 1, strings.Count(app.Log.String(), "its recipient has got as many as they may"))
}
