package mail

import (
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mileusna/useragent"
)

// Messages quote a few things that strangers typed: a name, what a device calls itself. A mail program makes links of what
// looks like one, and whoever fills in a form can have a service send their words to others. So what is not plainly a name is
// left out rather than repaired.

const (
	maxNameLength   = 60 // characters
	maxDeviceLength = 40
	maxAgentLength  = 400
)

// sanitizeName returns name as it may stand in a greeting, or "" if it has anything in it that names don't have: digits,
// slashes, at signs, control characters, dots within a word.
func sanitizeName(name string) string {
	name = strings.Join(strings.FieldsFunc(name, isBlank), " ")
	if !utf8.ValidString(name) || utf8.RuneCountInString(name) > maxNameLength || !strings.ContainsFunc(name, unicode.IsLetter) {
		return ""
	}
	for i, r := range name {
		next, _ := utf8.DecodeRuneInString(name[i+utf8.RuneLen(r):])
		endsWord := next == ' ' || next == utf8.RuneError // RuneError at the end of name
		switch {
		case unicode.IsLetter(r), unicode.Is(unicode.M, r), strings.ContainsRune(" -'’ʼ·・", r):
		case r == '.' && endsWord: // as in Dr. or J. R.
		default:
			return ""
		}
	}
	return name
}

func isBlank(r rune) bool { return r == ' ' || r == '\u3000' || r == '\u00a0' }

// sanitizeUserAgent returns the program and the system that a User-Agent names, as "Firefox, Windows", or "" if it names none
// in plain words.
func sanitizeUserAgent(userAgent string) string {
	if len(userAgent) > maxAgentLength || strings.ContainsFunc(userAgent, unicode.IsControl) {
		return ""
	}
	device := useragent.Parse(userAgent)
	words := slices.DeleteFunc([]string{device.Name, device.OS}, func(word string) bool { return !isDeviceWord(word) })
	return strings.Join(slices.Compact(words), ", ")
}

func isDeviceWord(word string) bool {
	return word != "" && len(word) <= maxDeviceLength && !strings.ContainsFunc(word, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != ' ' && r != '-' && r != '_'
	})
}

// sanitizeIP returns address if it is an IP address, and otherwise "".
func sanitizeIP(address string) string {
	parsed, err := netip.ParseAddr(address)
	if err != nil || parsed.Zone() != "" {
		return ""
	}
	return parsed.Unmap().String()
}
