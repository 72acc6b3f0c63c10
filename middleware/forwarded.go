package middleware

import "strings"

// maxQuotedCommas is how many commas an element of a Forwarded header may have in its quoted strings.
const maxQuotedCommas = 8

// lastForwarded returns the node that the last element of a Forwarded header names (RFC 7239, section 4), and what precedes the
// element. The element is the shortest end of the header that follows the grammar, so that a quote which a client left open
// spoils nothing that a proxy added. The node is "" if the element has none, or is not an element.
func lastForwarded(header string) (node, rest string) {
	comma := len(header)
	for range maxQuotedCommas + 1 {
		comma = strings.LastIndexByte(header[:comma], ',')
		if node, ok := forwardedElement(header[comma+1:]); ok {
			return node, header[:max(comma, 0)]
		}
		if comma < 0 {
			break
		}
	}
	return "", ""
}

// forwardedElement returns the parameter for of an element, or "". It reports false if the text is not one element.
func forwardedElement(text string) (node string, ok bool) {
	seen := map[string]bool{}
	for {
		name, value, rest, isPair := forwardedPair(strings.Trim(text, " \t"))
		if name = strings.ToLower(name); !isPair || seen[name] {
			return "", false // each parameter may occur once
		}
		seen[name] = true
		if name == "for" {
			node = value
		}
		rest = strings.TrimLeft(rest, " \t")
		if rest == "" || rest == ";" {
			return node, true
		}
		if rest[0] != ';' {
			return "", false
		}
		text = rest[1:]
	}
}

// forwardedPair reads a token, an equals sign, and a token or a quoted string. Some proxies write addresses without the quotes
// that a colon and brackets need.
func forwardedPair(text string) (name, value, rest string, ok bool) {
	name, text, ok = strings.Cut(text, "=")
	if !ok || !isToken(name) {
		return "", "", "", false
	}
	if quoted, isQuoted := strings.CutPrefix(text, `"`); isQuoted {
		value, rest, ok = quotedString(quoted)
		return name, value, rest, ok
	}
	end := strings.IndexFunc(text, func(r rune) bool { return !isTokenRune(r) && !strings.ContainsRune("[]:", r) })
	if end < 0 {
		end = len(text)
	}
	return name, text[:end], text[end:], end > 0
}

// quotedString returns the value of a quoted string (RFC 9110, section 5.6.4) whose first quote has been read, and the rest.
func quotedString(text string) (value, rest string, ok bool) {
	var unquoted strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '"' {
			return unquoted.String(), text[i+1:], true
		}
		if text[i] == '\\' {
			if i++; i == len(text) {
				break
			}
		}
		unquoted.WriteByte(text[i])
	}
	return "", "", false
}

// isToken reports whether text is a token (RFC 9110, section 5.6.2).
func isToken(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return !isTokenRune(r) })
}

func isTokenRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}
