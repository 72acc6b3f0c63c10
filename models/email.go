package models

import (
	"errors"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

const (
	maxEmailBytes = 254 // RFC 5321, section 4.5.3.1.3, without the angle brackets
	maxLocalBytes = 64  // RFC 5321, section 4.5.3.1.1
)

// ErrInvalidEmail means that a text is not an address that mail can be sent to.
var ErrInvalidEmail = errors.New("not a valid email address")

// CanonicalEmail returns the one spelling under which an address is stored and looked up: trimmed, in NFC, lower-cased, its
// domain in ASCII (RFC 5891). It accepts dot-atoms (RFC 5322, section 3.4.1) with internationalised letters (RFC 6531) at a
// domain of two labels or more, and returns ErrInvalidEmail for anything else.
func CanonicalEmail(typed string) (string, error) {
	typed = strings.TrimSpace(typed)
	// The length is checked before the work whose cost grows with it, and again on what came out.
	if len(typed) > maxEmailBytes || !utf8.ValidString(typed) || strings.ContainsFunc(typed, foldsIntoASCII) {
		return "", ErrInvalidEmail
	}
	local, domain, found := strings.Cut(strings.ToLower(norm.NFC.String(typed)), "@")
	if !found || !validLocalPart(local) {
		return "", ErrInvalidEmail
	}
	domain, err := canonicalDomain(domain)
	if err != nil || len(local)+1+len(domain) > maxEmailBytes {
		return "", ErrInvalidEmail
	}
	return local + "@" + domain, nil
}

// foldsIntoASCII reports whether lower-casing or normalising r yields an ASCII letter, as for the Kelvin sign or the dotted
// capital I: an address typed with one would silently become somebody else's.
func foldsIntoASCII(r rune) bool {
	return r > unicode.MaxASCII && (unicode.ToLower(r) <= unicode.MaxASCII || norm.NFC.String(string(r))[0] < utf8.RuneSelf)
}

func validLocalPart(local string) bool {
	if local == "" || len(local) > maxLocalBytes {
		return false
	}
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.ContainsFunc(atom, notAtomText) {
			return false
		}
	}
	return true
}

func notAtomText(r rune) bool {
	if r > unicode.MaxASCII {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r)
	}
	return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r))
}

// domains maps as browsers do (UTS 46) and is as strict about what a host name may hold as registries are.
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

func canonicalDomain(domain string) (string, error) {
	ascii, err := domains.ToASCII(domain)
	if err != nil {
		return "", err
	}
	dot := strings.LastIndexByte(ascii, '.')
	if dot < 0 || strings.Trim(ascii[dot:], ".0123456789") == "" {
		return "", ErrInvalidEmail
	}
	if _, err := netip.ParseAddr(ascii); err == nil {
		return "", ErrInvalidEmail
	}
	return ascii, nil
}

// email returns the canonical form of a typed address, or adds an error to the given field.
func (e *fieldErrors) email(field, typed string) string {
	if strings.TrimSpace(typed) == "" {
		e.add(field, CodeRequired, "This field is required.")
		return ""
	}
	canonical, err := CanonicalEmail(typed)
	if err != nil {
		e.add(field, CodeInvalid, "Enter a valid email address.")
	}
	return canonical
}
