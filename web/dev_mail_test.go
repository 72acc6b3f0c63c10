package web_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"latchkey/mail"
	"latchkey/web"
)

func sentAt() time.Time { return time.Date(2026, time.November, 23, 22, 0, 0, 0, time.UTC) }

// devMail returns a mailbox and its page.
func devMail(t *testing.T) (*mail.Mailbox, http.Handler) {
	t.Helper()
	gin.SetMode(gin.ReleaseMode)
	mailbox := mail.NewMailbox(slog.New(slog.DiscardHandler), sentAt)
	page, err := web.NewDevMail(mailbox)
	require.NoError(t, err)
	engine := gin.New()
	engine.GET("/dev/mail", func(c *gin.Context) { require.NoError(t, page.List(c)) })
	engine.DELETE("/dev/mail", func(c *gin.Context) { require.NoError(t, page.Empty(c)) })
	return mailbox, engine
}

func ask(handler http.Handler, method, accept string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, "/dev/mail", nil)
	if accept != "" {
		request.Header.Set("Accept", accept)
	}
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	return answer
}

func TestDevMail_AsJSON(t *testing.T) {
	mailbox, handler := devMail(t)
	require.NoError(t, mailbox.Send(t.Context(), mail.Email{To: "first@example.com"}))
	require.NoError(t, mailbox.Send(t.Context(), mail.Email{
		To: "ann@example.com", Subject: "Choose", Text: "T", HTML: "<p>H", Links: []string{"https://a.example/?x=1&y"}, Code: "123456",
	}))
	answer := ask(handler, http.MethodGet, "application/json")
	require.Equal(t, "application/json; charset=utf-8", answer.Header().Get("Content-Type"))
	require.Equal(t, "Accept", answer.Header().Get("Vary"))
	var messages []map[string]any
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &messages))
	require.Equal(t, []map[string]any{
		{"to": "ann@example.com", "subject": "Choose", "text": "T", "html": "<p>H", "links": []any{"https://a.example/?x=1&y"},
			"code": "123456", "sent_at": "2026-11-23T22:00:00Z"},
		{"to": "first@example.com", "subject": "", "text": "", "html": "", "links": []any{}, "code": "", "sent_at": "2026-11-23T22:00:00Z"},
	}, messages)
	require.Equal(t, http.StatusNoContent, ask(handler, http.MethodDelete, "").Code)
	require.Equal(t, "[]", ask(handler, http.MethodGet, "application/json").Body.String())
}

func TestDevMail_AsAPage(t *testing.T) {
	mailbox, handler := devMail(t)
	message := mail.Email{
		To: `<b>"ann"@example.com`, Subject: "</h2><script>alert(1)</script>", Text: "<i>text</i>", Code: "123456",
		HTML:  `<!doctype html><p title="x">It's "markup" & more</p><script>alert(2)</script>`,
		Links: []string{"https://a.example/?x=1&y", "javascript:alert(3)"},
	}
	require.NoError(t, mailbox.Send(t.Context(), message))
	for _, accept := range []string{"", "*/*", "text/html,application/xhtml+xml,*/*;q=0.8", "image/png"} {
		answer := ask(handler, http.MethodGet, accept)
		require.Equal(t, "text/html; charset=utf-8", answer.Header().Get("Content-Type"), accept)
		policy := answer.Header().Get("Content-Security-Policy")
		require.True(t, strings.HasPrefix(policy, "default-src 'none';"))
		require.NotContains(t, policy, "script")
	}
	page := ask(handler, http.MethodGet, "").Body.String()
	elements := map[string]int{}
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	for node := range root.Descendants() {
		if node.Type != html.ElementNode {
			continue
		}
		elements[node.Data]++
		attributes := map[string]string{}
		for _, attribute := range node.Attr {
			attributes[attribute.Key] = attribute.Val
		}
		switch node.Data {
		case "iframe":
			sandbox, isSandboxed := attributes["sandbox"]
			require.True(t, isSandboxed)
			require.Empty(t, sandbox, "no rights")
			require.Equal(t, message.HTML, attributes["srcdoc"])
			require.NotEmpty(t, attributes["title"])
		case "a":
			require.NotContains(t, attributes["href"], "javascript")
		case "pre":
			require.Equal(t, message.Text, node.FirstChild.Data)
		case "h2":
			require.Equal(t, message.Subject, node.FirstChild.Data)
		}
	}
	require.Equal(t, 1, elements["iframe"])
	require.Equal(t, 2, elements["a"])
	require.Zero(t, elements["script"]+elements["b"]+elements["i"])
}
