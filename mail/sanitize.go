package mail

import (
	"cmp"
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
	maxNameLength   = 24 // characters; a sentence is longer
	maxNameParts    = 3  // words, whether there are spaces or hyphens between
	maxDenseLength  = 8  // characters of a script that writes a sentence in few, or without spaces
	maxDeviceLength = 40
	maxAgentLength  = 400
)

// sanitizeName returns a first name as it may stand in a greeting, or "" if it has anything in it that names don't have:
// digits, slashes, at signs, control characters, dots within a word, more words than three, more characters than a name,
// two scripts.
func sanitizeName(name string) string {
	name = strings.Join(strings.FieldsFunc(name, isBlank), " ")
	if !utf8.ValidString(name) || !strings.ContainsFunc(name, unicode.IsLetter) || !hasLengthOfName(name) || !isOneScript(name) {
		return ""
	}
	for i, r := range name {
		next, _ := utf8.DecodeRuneInString(name[i+utf8.RuneLen(r):])
		endsWord := next == ' ' || next == utf8.RuneError // RuneError at the end of name
		switch {
		case unicode.IsLetter(r), unicode.Is(unicode.M, r), strings.ContainsRune(" -'’ʼ·・", r):
		case r == '.' && endsWord: // as in Dr. or J. R.
		case isJoiner(r) && i > 0 && unicode.IsLetter(next): // as Persian and the languages of India write
		default:
			return ""
		}
	}
	return name
}

func isBlank(r rune) bool { return r == ' ' || r == '\u3000' || r == '\u00a0' }

// isJoiner reports whether r is the zero width joiner or non-joiner.
func isJoiner(r rune) bool { return r == '\u200d' || r == '\u200c' }

// hasLengthOfName reports whether a name is too short to say anything else, such as an address spelled out.
func hasLengthOfName(name string) bool {
	parts := strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune(" -.·・", r) })
	limit := maxNameLength
	if strings.ContainsFunc(name, isDense) {
		limit = maxDenseLength
	}
	return utf8.RuneCountInString(name) <= limit && len(parts) <= maxNameParts && !slices.ContainsFunc(parts, isDot)
}

// isDense reports whether a letter is of a script that writes a sentence in few characters or without spaces, so that what
// is longer than a name there is short.
func isDense(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo,
		unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.Tibetan)
}

// isDot reports whether a word means a dot in one of the languages of our messages: so people spell out what a mail program
// would make a link of.
func isDot(word string) bool {
	switch strings.ToLower(word) {
	case "dot", "punkt", "punto", "ponto", "point", "ドット", "点":
		return true
	default:
		return false
	}
}

// isOneScript reports whether the letters are of one script. Japanese counts as one with the Chinese characters that it uses.
func isOneScript(name string) bool {
	found := ""
	for _, r := range name {
		script := scriptOf(r)
		if script != "" && found != "" && script != found {
			return false
		}
		found = cmp.Or(found, script)
	}
	return true
}

// scriptOf returns the script of a letter, or "" for what all of them use.
func scriptOf(r rune) string {
	if !unicode.IsLetter(r) || unicode.In(r, unicode.Common, unicode.Inherited) {
		return ""
	}
	if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Bopomofo) {
		return "CJK"
	}
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return name
		}
	}
	return "unknown"
}

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
