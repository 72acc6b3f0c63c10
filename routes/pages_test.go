package routes_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

func TestPages_AcceptFormsFromBrowsersThatSendNoSite(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		token := app.Mail(t, annAddress).Token(t)
		other := form(app, t, "/verify-email", map[string]string{"Origin": "https://evil.example"}, "token", token)
		require.Equal(t, http.StatusForbidden, other.Status)
		require.Equal(t, http.StatusOK, form(app, t, "/verify-email", map[string]string{"Origin": "null"}, "token", token).Status)
	})
}

// Programs that scan mail open its links. Only then does the reader.
func TestPages_OpeningALinkChangesNothing(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		link, err := url.Parse(app.Mail(t, annAddress).Links[0])
		require.NoError(t, err)
		for _, agent := range []string{"", "Mozilla/5.0", "SafeLinks", "facebookexternalhit/1.1"} {
			for _, method := range []string{http.MethodHead, http.MethodGet} {
				answer := app.Do(t, testkit.Call{Method: method, Path: link.RequestURI(),
					Header: map[string]string{"User-Agent": agent, "Purpose": "prefetch", "Sec-Purpose": "prefetch;prerender"}})
				require.Equal(t, http.StatusOK, answer.Status)
				require.Equal(t, "no-referrer", answer.Header.Get("Referrer-Policy"))
				require.Contains(t, answer.Header.Get("Content-Security-Policy"), "default-src 'none'")
			}
		}
		require.False(t, isVerified(t, app, annAddress))
		crossSite := form(app, t, "/verify-email", map[string]string{"Sec-Fetch-Site": "cross-site"}, "token", link.Query().Get("token"))
		require.Equal(t, http.StatusForbidden, crossSite.Status)
		require.False(t, isVerified(t, app, annAddress))
		require.Equal(t, http.StatusOK, form(app, t, "/verify-email", nil, "token", link.Query().Get("token")).Status)
		require.True(t, isVerified(t, app, annAddress))
		again := form(app, t, "/verify-email", nil, "token", link.Query().Get("token"))
		require.Equal(t, http.StatusOK, again.Status)
		require.Contains(t, again.Body, "Your email address is confirmed")
	})
}

func form(app *testkit.App, t *testing.T, path string, header map[string]string, fields ...string) testkit.Response {
	t.Helper()
	values := url.Values{}
	for pair := range slices.Chunk(fields, 2) {
		values.Set(pair[0], pair[1])
	}
	return app.Do(t, testkit.Call{
		Method: http.MethodPost, Path: path, Type: "application/x-www-form-urlencoded", Body: values.Encode(), Header: header,
	})
}

func TestPages_ExplainErrors(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		succeeds(t, app, "password/forgot", "", "email", annAddress)
		mail := mailWithLink(t, app, "/reset-password")
		weak := form(app, t, "/reset-password", nil, "token", mail.Token(t), "new_password", "short")
		require.Equal(t, http.StatusBadRequest, weak.Status)
		require.Contains(t, weak.Body, "at least 8")
		require.Contains(t, weak.Body, mail.Token(t), "so that the user can try again")
		code := form(app, t, "/reset-password", nil, "email", `"><script>`, "code", "123456", "new_password", newPassword)
		require.Contains(t, code.Body, "is wrong or too old")
		require.NotContains(t, code.Body, "<script>")
		require.Contains(t, form(app, t, "/undo-email-change", nil, "token", "x").Body, "incomplete")
		require.Contains(t, app.Get(t, "/reset-password", "").Body, `name="code"`)
		require.Equal(t, 200, form(app, t, "/reset-password", nil, "email", annAddress, "code", mail.Code, "new_password", newPassword).Status)
		require.True(t, tryLogin(t, app, annAddress, newPassword).ok())
	})
}

func TestPages_AreInTheLanguageOfTheBrowser(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		german := map[string]string{"Accept-Language": "de-CH, fr;q=0.7"}
		page := app.Do(t, testkit.Call{Method: http.MethodGet, Path: "/reset-password", Header: german})
		require.Equal(t, "de", page.Header.Get("Content-Language"))
		require.Contains(t, page.Header.Values("Vary"), "Accept-Language")
		require.Contains(t, page.Body, `<html lang="de">`)
		app.Signup(t, annAddress)
		succeeds(t, app, "password/forgot", "", "email", annAddress)
		token := mailWithLink(t, app, "/reset-password").Token(t)
		weak := form(app, t, "/reset-password", german, "token", token, "new_password", "kurz")
		require.Contains(t, weak.Body, "mindestens 8 Zeichen")
		require.Contains(t, weak.Body, `aria-invalid="true"`)
		klingon := app.Do(t, testkit.Call{Method: http.MethodGet, Path: "/reset-password",
			Header: map[string]string{"Accept-Language": "tlh, *;q=0.1"}})
		require.Equal(t, "en", klingon.Header.Get("Content-Language"))
	})
}

// Whatever the error is, people get a page and not JSON.
func TestPages_ShowErrorsAsPages(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		isPage := func(answer testkit.Response, status int, text string) {
			t.Helper()
			require.Equal(t, status, answer.Status)
			require.Equal(t, "text/html; charset=utf-8", answer.Header.Get("Content-Type"))
			require.Contains(t, answer.Header.Get("Content-Security-Policy"), "default-src 'none'")
			require.Contains(t, answer.Body, text)
		}
		isPage(form(app, t, "/verify-email", map[string]string{"Sec-Fetch-Site": "cross-site"}), 403, "came from another site")
		for range 2 {
			form(app, t, "/verify-email", nil, "token", "x")
		}
		limited := form(app, t, "/verify-email", nil, "token", "x")
		isPage(limited, 429, "too many attempts")
		require.NotEmpty(t, limited.Header.Get("Retry-After"))
		require.NoError(t, app.DB.Migrator().DropTable("one_time_tokens"))
		app.Clock.Advance(time.Hour)
		token := oneTimeToken(uuid.Max)
		broken := form(app, t, "/verify-email", nil, "token", token)
		isPage(broken, 500, "on our side")
		require.Contains(t, broken.Body, broken.Header.Get("X-Request-Id"))
	}, "RATE_LIMITS=on", "RATE_LIMIT_SECRET=2/10m")
}

// A user whose link has expired can request another email on the same page. It is sent to the address of the first one, whatever
// the form has.
func TestPages_OfferAnotherEmailForAnExpiredLink(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		verification := app.Mail(t, annAddress).Token(t)
		succeeds(t, app, "password/forgot", "", "email", annAddress)
		reset := mailWithLink(t, app, "/reset-password").Token(t)
		app.Clock.Advance(25 * time.Hour)
		tokens := map[string]string{"/verify-email": verification, "/reset-password": reset}
		for _, path := range []string{"/verify-email", "/reset-password"} { // in this order, because a reset also confirms the address
			token := tokens[path]
			late := form(app, t, path, nil, "token", token, "new_password", newPassword)
			require.Equal(t, http.StatusBadRequest, late.Status)
			require.Contains(t, late.Body, `action="`+path+`/again"`)
			require.Contains(t, late.Body, token)
			again := form(app, t, path+"/again", nil, "token", token, "email", "thief@example.org")
			require.Equal(t, http.StatusAccepted, again.Status)
			mail := mailWithLink(t, app, path)
			require.Equal(t, annAddress, mail.To)
			require.Equal(t, http.StatusOK, form(app, t, path, nil, "token", mail.Token(t), "new_password", newPassword).Status)
			refused := form(app, t, path+"/again", nil, "token", token[:len(token)-1])
			require.Equal(t, http.StatusBadRequest, refused.Status)
			require.NotContains(t, refused.Body, "/again")
		}
		require.Equal(t, http.StatusForbidden,
			form(app, t, "/verify-email/again", map[string]string{"Sec-Fetch-Site": "cross-site"}, "token", verification).Status)
	})
}

// Who types the code of a mail to a new address is asked for the password once the code was right.
func TestPages_AskForThePasswordOfTheAccountAfterACode(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		const next = "ann@example.org"
		access := app.Signup(t, annAddress)
		succeeds(t, app, "email/change", access, "new_email", next, "current_password", testkit.Password)
		code := app.Mail(t, next).Code
		asked := form(app, t, "/verify-email", nil, "email", next, "code", code)
		require.Equal(t, http.StatusBadRequest, asked.Status)
		require.Contains(t, asked.Body, `name="current_password"`)
		confirmed := form(app, t, "/verify-email", nil, "email", next, "code", code, "current_password", testkit.Password)
		require.Equal(t, http.StatusOK, confirmed.Status)
		require.Equal(t, next, app.Get(t, "/api/v1/profile", access).Text(t, "email"))
	})
}
