package models

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
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

var (
	// ErrInvalidEmail means that a text is not an address that mail can be sent to.
	ErrInvalidEmail = errors.New("not a valid email address")
	// ErrUnquotedEmail comes with ErrInvalidEmail for an address that is valid once the part before the @ is in quotes.
	ErrUnquotedEmail = errors.New("the part before the @ needs quotes")
	// ErrNamedEmail comes with ErrInvalidEmail for an address in angle brackets, which may have a name before it.
	ErrNamedEmail = errors.New("it is in angle brackets")
)

// CanonicalEmail returns the one spelling under which an address is stored and looked up: in NFC, lower-cased, its domain in
// ASCII (RFC 5891), without spaces and invisible characters at both ends, and without mailto:. It accepts dot-atoms (RFC 5322,
// section 3.4.1) with internationalised letters (RFC 6531) at a domain of two labels or more. Dots at the ends of a local part
// or next to each other have to be in quotes ("a..b"@example.com; RFC 5321, section 4.1.2), and quotes that are not needed are
// taken off. It returns ErrInvalidEmail for anything else.
func CanonicalEmail(typed string) (string, error) {
	typed = withoutMailto(trimTyped(typed))
	// The length is checked before the work whose cost grows with it, and again on what came out.
	if len(typed) > maxEmailBytes || !utf8.ValidString(typed) || strings.ContainsFunc(typed, isForbiddenInEmail) {
		return "", ErrInvalidEmail
	}
	if strings.HasSuffix(typed, ">") {
		return "", fmt.Errorf("%w: %w", ErrInvalidEmail, ErrNamedEmail)
	}
	local, domain, _ := strings.Cut(strings.ToLower(norm.NFC.String(typed)), "@")
	domain, err := canonicalDomain(domain)
	if err != nil {
		return "", ErrInvalidEmail
	}
	if local, err = canonicalLocalPart(local); err != nil {
		return "", err
	}
	if len(local)+1+len(domain) > maxEmailBytes {
		return "", ErrInvalidEmail
	}
	return local + "@" + domain, nil
}

// withoutMailto takes off the scheme that browsers copy along with an address (RFC 6068).
func withoutMailto(typed string) string {
	const scheme = "mailto:"
	if len(typed) > len(scheme) && strings.EqualFold(typed[:len(scheme)], scheme) {
		return trimTyped(typed[len(scheme):])
	}
	return typed
}

// isForbiddenInEmail reports whether an address can't have r. UTS 46 would leave invisible characters out of the domain without a
// word; joiners it judges by their neighbours.
func isForbiddenInEmail(r rune) bool { return foldsIntoASCII(r) || isInvisible(r) && !isJoiner(r) }

// foldsIntoASCII reports whether lower-casing or normalising r yields an ASCII letter, as for the Kelvin sign or the dotted
// capital I: an address typed with one would silently become somebody else's.
func foldsIntoASCII(r rune) bool {
	return r > unicode.MaxASCII && (unicode.ToLower(r) <= unicode.MaxASCII || norm.NFC.String(string(r))[0] < utf8.RuneSelf)
}

// canonicalLocalPart returns the part of an address before the @, with quotes only where its dots need them.
func canonicalLocalPart(local string) (string, error) {
	content, isQuoted := local, false
	if len(local) > 2 && local[0] == '"' && local[len(local)-1] == '"' {
		content, isQuoted = local[1:len(local)-1], true
	}
	atoms := strings.Split(content, ".")
	switch {
	case content == "" || len(local) > maxLocalBytes || strings.ContainsFunc(strings.Join(atoms, ""), notAtomText):
		return "", ErrInvalidEmail
	case !slices.Contains(atoms, ""): // a dot-atom
		return content, nil
	case !isQuoted:
		return "", fmt.Errorf("%w: %w", ErrInvalidEmail, ErrUnquotedEmail)
	default:
		return local, nil
	}
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
	if trimTyped(typed) == "" {
		e.add(field, CodeRequired, "This field is required.")
		return ""
	}
	canonical, err := CanonicalEmail(typed)
	switch {
	case errors.Is(err, ErrUnquotedEmail):
		e.add(field, CodeInvalid, `Write the part before the @ in quotes, because of its dots: "a..b"@example.com.`)
	case errors.Is(err, ErrNamedEmail):
		e.add(field, CodeInvalid, "Enter the email address alone, without a name and without < and >.")
	case err != nil:
		e.add(field, CodeInvalid, "Enter a valid email address.")
	}
	return canonical
}
