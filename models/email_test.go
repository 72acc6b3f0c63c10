package models_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"latchkey/models"
)

func TestCanonicalEmail_Accepts(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"ann@example.com":                   "ann@example.com",
		"  Ann.Bee+tag@EXAMPLE.com\n":       "ann.bee+tag@example.com",
		"o'hara@example.co.uk":              "o'hara@example.co.uk",
		"jose\u0301@example.com":            "jos\u00e9@example.com",
		"用户@example.com":                    "用户@example.com",
		"ann@BÜCHER.example":                "ann@xn--bcher-kva.example",
		"ann@xn--bcher-kva.example":         "ann@xn--bcher-kva.example",
		"ann@ｅｘａｍｐｌｅ.com":                   "ann@example.com",
		strings.Repeat("a", 64) + "@ab.com": strings.Repeat("a", 64) + "@ab.com",
		// What is pasted along with an address.
		"\u200bann@example.com":                                  "ann@example.com",
		"ann@example.com\u200b":                                  "ann@example.com",
		"\u2060 \ufeffann@example.com\u00a0\u2069":               "ann@example.com",
		"\u202aann@example.com\u202c":                            "ann@example.com",
		"\u202eann@example.com":                                  "ann@example.com",
		"\u2066\u2067\u2068ann@example.com\u00ad":                "ann@example.com",
		"mailto:ann@example.com":                                 "ann@example.com",
		"\u200bMailTo: Ann@example.com\u200b":                    "ann@example.com",
		"ann@\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.example": "ann@xn--mgba3gch31f060k.example",
		// Quotes stay where RFC 5321 needs them, and nowhere else: one address has one spelling.
		`"a..b"@docomo.example`:                      `"a..b"@docomo.example`,
		`"A..B"@Docomo.example`:                      `"a..b"@docomo.example`,
		`"ab."@docomo.example`:                       `"ab."@docomo.example`,
		`".ab"@docomo.example`:                       `".ab"@docomo.example`,
		`"..."@docomo.example`:                       `"..."@docomo.example`,
		`"ann"@example.com`:                          "ann@example.com",
		`"ann.b"@example.com`:                        "ann.b@example.com",
		`"` + strings.Repeat("a", 60) + `.."@ab.com`: `"` + strings.Repeat("a", 60) + `.."@ab.com`,
	} {
		got, err := models.CanonicalEmail(typed)
		require.NoError(t, err, "%q", typed)
		require.Equal(t, want, got, "%q", typed)
	}
}

func TestCanonicalEmail_Refuses(t *testing.T) {
	t.Parallel()
	for _, typed := range []string{
		"", " ", "@", "ann", "ann@", "@example.com", "ann@example", "ann@localhost", "a b@example.com",
		"ann@@example.com", "ann@b@example.com", ".ann@example.com", "ann.@example.com", "a..n@example.com",
		"ann@example..com", "ann@.example.com", "ann@-example.com", "ann@exa_mple.com", "ann@127.0.0.1",
		"ann@[127.0.0.1]", "ann@example.123", "ann(comment)@example.com", "Ann <ann@example.com>",
		"ann@example.com,bob@example.com", "ann@example.com\r\nBcc: bob@example.com", "ann\x00@example.com",
		"ann\u200b@example.com", "ann\u202e@example.com", "an\u00adn@example.com", "ann@exam\u00adple.com", "ann@exam\u200bple.com",
		"ann@\u2060example.com", "ann@exam\ufeffple.com", "ann@example\u202e.com", "a\u200cnn@example.com", "mailto:", "mailto:ann",
		"mailto:ann@example.com?subject=x", "mail:ann@example.com", `"a b"@example.com`, `"a@b"@example.com`, `"a\.b"@example.com`,
		`"a"b"@example.com`, `""@example.com`, `"@example.com`, `"a..b@example.com`, `a..b"@example.com`, `x"a..b"@example.com`,
		"\"a\r..b\"@example.com", `"` + strings.Repeat("a", 61) + `.."@example.com`, "“a..b”@example.com", "ann\xff@example.com",
		// Characters that lower-case or normalise into ASCII: the Kelvin sign, the dotted capital I.
		"mi\u212ae@example.com", "m\u0130ke@example.com", "mike@g\u0130thub.com",
		strings.Repeat("a", 65) + "@example.com",
		"ann@" + strings.Repeat("a", 64) + ".com",
		"ann@" + strings.Repeat(strings.Repeat("a", 60)+".", 5) + "com",
		strings.Repeat("a", 1<<20) + "@example.com",
	} {
		_, err := models.CanonicalEmail(typed)
		require.ErrorIs(t, err, models.ErrInvalidEmail, "%.80q", typed)
	}
}

// A refusal that has a remedy says which.
func TestCanonicalEmail_SaysWhatToDo(t *testing.T) {
	t.Parallel()
	for _, typed := range []string{"a..b@docomo.example", "ab.@docomo.example", ".ab@docomo.example", "A..B@docomo.example "} {
		_, err := models.CanonicalEmail(typed)
		require.ErrorIs(t, err, models.ErrUnquotedEmail, typed)
	}
	for _, typed := range []string{"Ann <ann@example.com>", "<ann@example.com>", `"ann@bank.example" <eve@example.com>`} {
		_, err := models.CanonicalEmail(typed)
		require.ErrorIs(t, err, models.ErrNamedEmail, typed)
	}
	for _, typed := range []string{"a..b@localhost", "a b..c@example.com", "..@", "@example.com"} {
		_, err := models.CanonicalEmail(typed)
		require.NotErrorIs(t, err, models.ErrUnquotedEmail, typed)
	}
}

// What comes out goes in unchanged, is bounded, and never became ASCII from letters that were not.
func FuzzCanonicalEmail(f *testing.F) {
	for _, seed := range []string{"ann@example.com", "用户@bücher.example", "mi\u212ae@example.com", "a@b@c", "\xff@x.yz"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		once, err := models.CanonicalEmail(typed)
		if err != nil {
			require.Empty(t, once)
			return
		}
		twice, err := models.CanonicalEmail(once)
		require.NoError(t, err)
		require.Equal(t, once, twice)
		require.LessOrEqual(t, len(once), 254)
		require.Equal(t, 1, strings.Count(once, "@"))
		require.NotContains(t, once, " ")
		require.False(t, strings.ContainsFunc(once, unicode.IsControl))
		local, _, _ := strings.Cut(typed, "@")
		local = strings.TrimLeftFunc(local, func(r rune) bool {
			return unicode.IsSpace(r) || unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point)
		})
		canonicalLocal, _, _ := strings.Cut(once, "@")
		require.Equal(t, isASCII(local), isASCII(canonicalLocal))
	})
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII })
}
