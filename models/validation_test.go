package models

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFieldErrors_AcceptAndRefuse(t *testing.T) {
	t.Parallel()
	name, locale, zone := (*fieldErrors).name, (*fieldErrors).locale, (*fieldErrors).timezone
	for _, c := range []struct {
		check func(e *fieldErrors, field, value string) string
		value string
		want  string
		code  string
	}{
		{name, " Ann  Bee ", "Ann  Bee", ""},
		{name, "", "", ""},
		{name, strings.Repeat("é", 150), strings.Repeat("é", 150), ""},
		{name, strings.Repeat("é", 151), strings.Repeat("é", 151), CodeTooLong},
		{name, "\u202eAnn\u2066 Bee\u200f\u00ad", "Ann Bee", ""}, // what turns the text around it, and what nobody sees
		{name, "\u202a \u200bAnn \u2069", "Ann", ""},
		{name, "\u200b\u2060\ufeff\u3164\U000e0041", "", ""},
		{name, "مهدی\u200cیار", "مهدی\u200cیار", ""},               // Persian writes with a non-joiner,
		{name, "ക്\u200dഷ", "ക്\u200dഷ", ""},                       // Malayalam with a joiner,
		{name, "👩\u200d🚀 Ann", "👩\u200d🚀 Ann", ""},                 // and so do emoji:
		{name, "\u200dمهدی\u200c \u200cیار\u200c", "مهدی یار", ""}, // between letters alone,
		{name, "An\u200dn Be\u200ce", "Ann Bee", ""},               // and never between those of ASCII
		{name, "a\u2028b", "a\u2028b", CodeInvalidCharacters},
		{name, "a\x00b", "a\x00b", CodeInvalidCharacters},
		{name, "a\nb", "a\nb", CodeInvalidCharacters},
		{name, "\xff", "\xff", CodeInvalidCharacters},
		{locale, "", "", ""},
		{locale, "PT-br", "pt-BR", ""},
		{locale, "zh-hans-cn", "zh-Hans-CN", ""},
		{locale, "klingon language", "", CodeInvalid},
		{locale, "und", "", CodeInvalid},
		{locale, "en-" + strings.Repeat("x", 40), "", CodeInvalid},
		{zone, "", "", ""},
		{zone, "Europe/Berlin", "Europe/Berlin", ""},
		{zone, "UTC", "UTC", ""},
		{zone, "Local", "", CodeInvalid},
		{zone, "../etc/passwd", "", CodeInvalid},
		{zone, "Mars/Olympus", "", CodeInvalid},
	} {
		var invalid fieldErrors
		require.Equal(t, c.want, c.check(&invalid, "field", c.value), "%q", c.value)
		if c.code == "" {
			require.NoError(t, invalid.err(), "%q", c.value)
			continue
		}
		require.Len(t, invalid, 1, "%q", c.value)
		require.Equal(t, "field", invalid[0].Field)
		require.Equal(t, c.code, invalid[0].Code, "%q", c.value)
		require.NotContains(t, invalid.err().Error(), c.value, "the value is not repeated")
	}
}
