package models

import (
	"strings"
	"unicode/utf8"
)

// RequestInfo is where a request comes from. ClientName is what the app calls itself or its device.
type RequestInfo struct {
	ClientName string
	UserAgent  string
	IP         string
	RequestID  string
}

// shorten returns what a client says about itself as it can be stored and shown: valid UTF-8, no control characters and
// invisible ones, at most limit characters.
func shorten(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || isControl(r) {
			return -1
		}
		return r
	}, dropInvisible(strings.ToValidUTF8(text, "")))
	if runes := []rune(text); len(runes) > limit {
		text = string(runes[:limit])
	}
	return text
}
