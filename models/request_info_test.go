package models

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestShorten_ReturnsWhatCanBeStored(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "phone": "phone", "a\x00b\r\nc\u0085d": "abcd", "\xffa\xc3": "a", "ééééééé": "ééééé", "\ufffda": "a",
		"\u202ephone\u2066": "phone", "An\u200bn's": "Ann's", "a\u2028b": "ab", "📱\u200d": "📱",
		strings.Repeat("😀", 6): strings.Repeat("😀", 5),
	} {
		got := shorten(text, 5)
		require.Equal(t, want, got, "%q", text)
		require.True(t, utf8.ValidString(got))
	}
}
