package web_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	input     = regexp.MustCompile(`(?s)<input\b[^>]*>`)
	attribute = regexp.MustCompile(`([a-z_-]+)(?:="([^"]*)")?`)
)

// wanted are the attributes of every field that people fill in. Password managers go by autocomplete (HTML, section 4.10.18.7). The
// type email and a pattern would refuse what the service takes: quoted local parts, letters beyond ASCII, pasted codes.
var wanted = map[string]map[string]string{
	"email":            {"type": "", "inputmode": "email", "autocomplete": "email"},
	"code":             {"inputmode": "numeric", "autocomplete": "one-time-code"},
	"current_password": {"type": "password", "autocomplete": "current-password"},
	"new_password":     {"type": "password", "autocomplete": "new-password"},
}

func TestPages_FieldsAreMaskedAndKnownToPasswordManagers(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"pages.html", "dev_mail.html"} {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		page := string(content)
		require.NotRegexp(t, `(?i)\son[a-z]+\s*=`, page, "%s: no handler, of paste or anything else", file)
		require.NotContains(t, strings.ToLower(page), "<script", file)
		for _, tag := range input.FindAllString(page, -1) {
			attributes := map[string]string{}
			for _, pair := range attribute.FindAllStringSubmatch(strings.TrimPrefix(tag, "<input"), -1) {
				attributes[pair[1]] = pair[2]
			}
			if attributes["type"] == "hidden" {
				continue
			}
			require.Contains(t, wanted, attributes["name"], tag)
			for name, value := range wanted[attributes["name"]] {
				require.Equal(t, value, attributes[name], tag)
			}
			for _, refused := range []string{"readonly", "pattern", "maxlength"} {
				require.NotContains(t, attributes, refused)
			}
			require.NotEqual(t, "off", attributes["autocomplete"])
		}
	}
}
