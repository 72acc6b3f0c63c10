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
		"ann@[127.0.0.1]", "ann@example.123", `"ann"@example.com`, "ann(comment)@example.com", "Ann <ann@example.com>",
		"ann@example.com,bob@example.com", "ann@example.com\r\nBcc: bob@example.com", "ann\x00@example.com",
		"ann\u200b@example.com", "ann\u202e@example.com", "ann\xff@example.com",
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
		local, _, _ := strings.Cut(strings.TrimSpace(typed), "@")
		canonicalLocal, _, _ := strings.Cut(once, "@")
		require.Equal(t, isASCII(local), isASCII(canonicalLocal))
	})
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII })
}
