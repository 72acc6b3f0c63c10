package routes_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// A user resets a forgotten password on a phone, in a browser without scripts, from the email to the login.
func TestPages_ResetAPasswordInABrowserWithoutScripts(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t))
	browser := phone(t)
	app.Signup(t, annAddress)
	succeeds(t, app, "password/forgot", "", "email", annAddress)
	app.Mails(t)
	visit(t, browser, app.URL+"/dev/mail")
	testkit.Screenshot(t, browser, "mailbox")
	link := attribute(t, browser, `a[href*="/reset-password"]`, "href")

	visit(t, browser, onApp(t, app, link))
	isAccessible(t, browser)
	testkit.Screenshot(t, browser, "reset")
	require.NoError(t, chromedp.Do(browser, chromedp.SendKeys(chromedp.CSS("#new_password"), "short\n")))
	shows(t, browser, `[role="alert"]`, "too short")
	isAccessible(t, browser)
	testkit.Screenshot(t, browser, "reset-refused")
	require.NoError(t, chromedp.Do(browser, chromedp.SendKeys(chromedp.CSS("#new_password"), newPassword+"\n")))
	shows(t, browser, `[role="status"]`, "Your password has been changed")
	testkit.Screenshot(t, browser, "reset-done")
	require.True(t, tryLogin(t, app, annAddress, newPassword).ok())
}

func TestPages_ConfirmAnAddressInABrowser(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t))
	browser := phone(t)
	app.Signup(t, annAddress)
	mail := app.Mail(t, annAddress)
	visit(t, browser, app.URL+"/verify-email")
	isAccessible(t, browser)
	testkit.Screenshot(t, browser, "verify-by-code")
	require.NoError(t, chromedp.Do(browser,
		chromedp.SendKeys(chromedp.CSS("#email"), annAddress), chromedp.SendKeys(chromedp.CSS("#code"), mail.Code+"\n")))
	shows(t, browser, `[role="status"]`, "is confirmed")
	require.True(t, isVerified(t, app, annAddress))
}

// The page behind the mail to a new address says which account it is for, and asks for its password.
func TestPages_ConfirmANewAddressInABrowser(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t))
	browser := phone(t)
	const next = "ann@example.org"
	access := app.Signup(t, annAddress)
	succeeds(t, app, "email/change", access, "new_email", next, "current_password", testkit.Password)
	link := onApp(t, app, app.Mail(t, next).Links[0])
	for _, scheme := range []string{"dark", "light"} {
		require.NoError(t, chromedp.Do(browser, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			feature := &emulation.MediaFeature{Name: "prefers-color-scheme", Value: scheme}
			_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia,
				emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{feature}})
			return err
		})))
		visit(t, browser, link)
		shows(t, browser, "main", "a•••@e•••")
		isAccessible(t, browser)
		testkit.Screenshot(t, browser, "verify-change-"+scheme)
	}
	enter := func(password string) {
		t.Helper()
		require.NoError(t, chromedp.Do(browser, chromedp.SendKeys(chromedp.CSS("#current_password"), password+"\n")))
	}
	enter(newPassword)
	shows(t, browser, `[role="alert"]`, "not the current password")
	isAccessible(t, browser)
	testkit.Screenshot(t, browser, "verify-change-refused")
	enter(testkit.Password)
	shows(t, browser, `[role="status"]`, "is confirmed")
	require.Equal(t, next, app.Get(t, "/api/v1/profile", access).Text(t, "email"))
}

// phone returns a browser with a narrow screen and without scripts.
func phone(t *testing.T) context.Context {
	t.Helper()
	browser := testkit.NewBrowser(t)
	require.NoError(t, chromedp.Do(browser, chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile),
		chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
			return err
		})))
	return browser
}

func visit(t *testing.T, browser context.Context, address string) {
	t.Helper()
	require.NoError(t, chromedp.Do(browser, chromedp.Navigate(address)))
}

// onApp returns the link of an email with the address that the app listens at.
func onApp(t *testing.T, app *testkit.App, link string) string {
	t.Helper()
	parsed, err := url.Parse(link)
	require.NoError(t, err)
	return app.URL + parsed.RequestURI()
}

func attribute(t *testing.T, browser context.Context, selector, name string) string {
	t.Helper()
	value, err := chromedp.Run(browser, chromedp.Evaluate[string](`document.querySelector('`+selector+`').getAttribute('`+name+`')`))
	require.NoError(t, err)
	return value
}

func shows(t *testing.T, browser context.Context, selector, text string) {
	t.Helper()
	require.NoError(t, chromedp.Do(browser, chromedp.WaitVisible(chromedp.CSS(selector))))
	shown, err := chromedp.Run(browser, chromedp.Evaluate[string](`document.querySelector('`+selector+`').textContent`))
	require.NoError(t, err)
	require.Contains(t, shown, text)
}

// isAccessible fails the test unless the page has a language, a title, one heading and a label for each field, and is no wider
// than the screen.
func isAccessible(t *testing.T, browser context.Context) {
	t.Helper()
	problems, err := chromedp.Run(browser, chromedp.Evaluate[string](`[
		document.documentElement.lang ? '' : 'no language',
		document.title ? '' : 'no title',
		document.querySelectorAll('h1').length === 1 ? '' : 'not one heading',
		...[...document.querySelectorAll('input:not([type=hidden])')].map(field => field.labels.length ? '' : 'no label: ' + field.name),
		document.documentElement.scrollWidth <= innerWidth ? '' : 'wider than the screen',
	].filter(Boolean).join('; ')`))
	require.NoError(t, err)
	require.Empty(t, strings.TrimSpace(problems))
}
