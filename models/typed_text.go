package models

import (
	"strings"
	"unicode"
)

// What people paste brings characters along that nobody sees: marks that turn the direction of writing (UAX 9), spaces without
// width, joiners, fillers. They make two texts look the same that are not, and turn the text around them where it is shown.

const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
)

// isInvisible reports whether a character has no looks of its own. Arabic's number signs, which Unicode counts among the
// formatting characters, have.
func isInvisible(r rune) bool {
	return unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r) ||
		unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

// isJoiner reports whether a character joins or separates the letters beside it, as Persian, the languages of India and
// emoji need.
func isJoiner(r rune) bool { return r == zeroWidthJoiner || r == zeroWidthNonJoiner }

// trimTyped returns text without spaces and invisible characters at both ends.
func trimTyped(text string) string {
	return strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || isInvisible(r) })
}

// dropInvisible returns text, which is valid UTF-8, without invisible characters. Joiners stay between two visible characters if
// the first is neither a space nor one of ASCII's, which never need them.
func dropInvisible(text string) string {
	var kept []rune
	joiner := rune(0)
	for _, r := range text {
		switch {
		case isJoiner(r):
			joiner = r
			continue
		case isInvisible(r):
			continue
		case joiner != 0 && len(kept) > 0 && isJoinable(kept[len(kept)-1]) && !unicode.IsSpace(r):
			kept = append(kept, joiner)
		}
		joiner = 0
		kept = append(kept, r)
	}
	return string(kept)
}

func isJoinable(r rune) bool { return r > unicode.MaxASCII && !unicode.IsSpace(r) }

// isControl reports whether a character controls a terminal or begins a new line.
func isControl(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r)
}
