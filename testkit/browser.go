package testkit

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// NewBrowser opens a page of a headless Chromium, without history or cookies, and returns its context for chromedp.Do. The
// browser ends with the test, which fails if a page broke its content security policy or threw an exception. If Chromium is not
// installed the test is skipped, or fails under TEST_REQUIRE_SERVICES=1.
func NewBrowser(t *testing.T) context.Context {
	t.Helper()
	ctx, stop := context.WithTimeout(context.WithoutCancel(t.Context()), Patience) // the test's own ends before cleanups
	t.Cleanup(stop)
	ctx, stopProgram := chromedp.NewExecAllocator(ctx, append(browserFlags(), chromedp.ExecPath(chromium(t)))...)
	t.Cleanup(stopProgram)
	ctx, closePage := chromedp.NewContext(ctx)
	t.Cleanup(closePage)
	complaints := &complaints{}
	require.NoError(t, chromedp.Listen(ctx, complaints.hear), "start Chromium")
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits until the program is gone and its folder with it
		require.Empty(t, complaints.all, "the browser complained")
	})
	return ctx
}

// Click waits until the first element that matches a CSS selector is there and enabled, and clicks it, even while it moves.
func Click(selector string) chromedp.Action[chromedp.Void] {
	return wait[chromedp.Void](selector, "element && !element.disabled ? (element.click(), {}) : null")
}

// Text waits until the first element that matches a CSS selector has text, and returns that.
func Text(selector string) chromedp.Action[string] {
	return wait[string](selector, "element?.innerText")
}

// Gone waits until no element of the page matches a CSS selector.
func Gone(selector string) chromedp.Action[chromedp.Void] {
	return wait[chromedp.Void](selector, "element ? null : {}")
}

// wait evaluates the expression on the element in the page, again and again, until it is neither null nor empty.
func wait[T any](selector, expression string) chromedp.Action[T] {
	return chromedp.PollFunction[T](
		"selector => { const element = document.querySelector(selector); return "+expression+" }",
		chromedp.WithPollingArgs(selector))
}

// Screenshot writes the whole page that browser shows to name.png, in the folder TEST_SCREENSHOTS or else in a temporary one.
func Screenshot(t *testing.T, browser context.Context, name string) {
	t.Helper()
	folder := os.Getenv("TEST_SCREENSHOTS")
	if folder == "" {
		folder = t.TempDir()
	}
	png, err := chromedp.Run(browser, chromedp.FullScreenshot(100))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, name+".png"), png, 0o600))
}

func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if program, err := exec.LookPath(name); err == nil {
			return program
		}
	}
	const missing = "Chromium is not installed (Debian's package is chromium)"
	if os.Getenv("TEST_REQUIRE_SERVICES") == "1" {
		t.Fatal(missing)
	}
	t.Skip("not run in a browser: " + missing)
	return ""
}

// browserFlags returns flags for a browser that sends requests to nothing but the pages that a test opens.
func browserFlags() []chromedp.ExecAllocatorOption {
	flags := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.DisableGPU,
		chromedp.WindowSize(1280, 900),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("lang", "en-US"),
	)
	if os.Geteuid() == 0 { // Chromium's sandbox refuses root
		flags = append(flags, chromedp.NoSandbox)
	}
	return flags
}

// complaints are the exceptions that pages threw, and what the browser refused to do for them. Failed requests are left out,
// because tests make those on purpose.
type complaints struct {
	all []string
}

// hear records an event. One goroutine calls it, which has ended when chromedp.Cancel returns.
func (c *complaints) hear(event any) {
	switch event := event.(type) {
	case *runtime.EventExceptionThrown:
		text := event.ExceptionDetails.Text
		if thrown := event.ExceptionDetails.Exception; thrown != nil {
			text += " " + thrown.Description
		}
		c.all = append(c.all, text)
	case *log.EventEntryAdded:
		if event.Entry.Level == log.EntryLevelError && event.Entry.Source != log.EntrySourceNetwork {
			c.all = append(c.all, event.Entry.Text)
		}
	}
}
