package testkit_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

func TestNewBrowser_ShowsAPage(t *testing.T) {
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`<!doctype html><h1>still</h1><script>document.querySelector("h1").textContent = "alive"</script>`))
	}))
	defer page.Close()
	t.Setenv("TEST_SCREENSHOTS", t.TempDir())
	browser := testkit.NewBrowser(t)
	require.NoError(t, chromedp.Do(browser, chromedp.Navigate(page.URL)))
	heading, err := chromedp.Run(browser, chromedp.Text("h1"))
	require.NoError(t, err)
	require.Equal(t, "alive", heading)
	testkit.Screenshot(t, browser, "alive")
	require.FileExists(t, filepath.Join(os.Getenv("TEST_SCREENSHOTS"), "alive.png"))
}
