package models

import (
	"strings"
	"unicode"
)

// EmailProof shows that somebody reads the mail of an address: the token of a mail, or the address and the code. With a code
// comes the token of the device that it was typed on, if the account knows that.
type EmailProof struct {
	Token       string
	Email       string
	Code        string
	DeviceToken string
}

const (
	codeDigits   = 6
	maxTypedCode = 256 // bytes of a typed code that are looked at
)

// ReadEmailProof reads what a user typed, pasted or followed a link with: a token or, without one, an address and a code, in
// which spaces, dashes and invisible characters don't count and digits may be those of any script. What can't be a proof is a
// *ValidationError, so that it is no guess.
func ReadEmailProof(token, email, code string) (EmailProof, error) {
	if token = trimTyped(token); token != "" {
		return EmailProof{Token: token}, nil
	}
	const either = "Send the token from the email, or the email address and the code."
	var invalid fieldErrors
	if trimTyped(email) == "" {
		invalid.add("email", CodeRequired, either)
	}
	cleaned := cleanCode(code)
	switch {
	case trimTyped(code) == "":
		invalid.add("code", CodeRequired, either)
	case cleaned == "":
		invalid.add("code", CodeInvalid, "The code consists of the six digits in the email.")
	}
	return EmailProof{Email: email, Code: cleaned}, invalid.err()
}

// cleanCode returns the six ASCII digits of a typed code, or "" if it has other characters, more digits or fewer.
func cleanCode(typed string) string {
	if len(typed) > maxTypedCode {
		return ""
	}
	var digits strings.Builder
	for _, r := range typed {
		switch {
		case unicode.IsDigit(r):
			digits.WriteByte('0' + digitValue(r))
		case !isBetweenDigits(r):
			return ""
		}
	}
	if digits.Len() != codeDigits {
		return ""
	}
	return digits.String()
}

// isBetweenDigits reports whether r is what mail programs, keyboards and people put around digits or between them.
func isBetweenDigits(r rune) bool {
	const minus = '\u2212'
	return unicode.IsSpace(r) || isInvisible(r) || unicode.Is(unicode.Pd, r) || r == minus
}

// digitValue returns the value of a decimal digit. Unicode has those of each script in a row, zero first (section 4.6).
func digitValue(digit rune) byte {
	for _, row := range unicode.Nd.R16 {
		if rune(row.Lo) <= digit && digit <= rune(row.Hi) {
			return byte((digit - rune(row.Lo)) % 10)
		}
	}
	for _, row := range unicode.Nd.R32 {
		if rune(row.Lo) <= digit && digit <= rune(row.Hi) {
			return byte((digit - rune(row.Lo)) % 10)
		}
	}
	return 0
}
