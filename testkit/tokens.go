package testkit

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// startOfJSON is how many characters of a JWT's part are decoded: no random id that contains eyJ continues with 24 bytes of plain
// text. A refresh or device token is longer than any id.
const startOfJSON = 32

var tokenLike = regexp.MustCompile(`eyJ[\w-]{29,}|lk[dr]_[\w-]{40,}`)

// RequireNoToken fails the test if text holds a refresh or device token, or the header or the payload of a JWT (RFC 7519, section
// 3). It allows one-time tokens, because the log shows the mails in development.
func RequireNoToken(t testing.TB, text string) {
	t.Helper()
	for _, found := range tokenLike.FindAllString(text, -1) {
		require.False(t, !strings.HasPrefix(found, "eyJ") || isJSON(found[:startOfJSON]), "a token: %s", found)
	}
}

// isJSON reports whether the start of a JWT's part is the base64url encoding of a JSON object's start.
func isJSON(part string) bool {
	decoded, err := base64.RawURLEncoding.DecodeString(part)
	notPlain := func(r rune) bool { return r < ' ' || r > '~' }
	return err == nil && bytes.HasPrefix(decoded, []byte(`{"`)) && !bytes.ContainsFunc(decoded, notPlain)
}
