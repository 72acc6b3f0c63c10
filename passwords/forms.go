package passwords

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// normalize returns the one form in which a new password is judged and hashed: every space that is not ASCII's is one of ASCII's,
// and the whole is in NFC, as RFC 8265 has it (section 4.2, OpaqueString). Case, width and spaces at the ends stay as they are.
// What the RFC forbids, such as characters of a newer Unicode than this program knows, is allowed here.
func normalize(password string) string {
	if isASCII(password) {
		return password
	}
	return norm.NFC.String(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Zs, r) {
			return ' '
		}
		return r
	}, password))
}

// formsOf returns the forms of one typed password in which the hash may have been made: its normal form first, then as it was
// typed, then composed and decomposed, because keyboards differ in which of the two they send and hashes of other systems were
// made of what came. An ASCII password has one form, and none has more than four.
func formsOf(typed string) []string {
	if isASCII(typed) {
		return []string{typed}
	}
	forms := make([]string, 0, 4)
	for _, form := range []string{normalize(typed), typed, norm.NFC.String(typed), norm.NFD.String(typed)} {
		if !slices.Contains(forms, form) {
			forms = append(forms, form)
		}
	}
	return forms
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII })
}
