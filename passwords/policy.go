package passwords

import (
	"fmt"
	"slices"
	"sync"
	"unicode/utf8"
)

// DefaultMinLength is the minimum length of a password, in characters.
const DefaultMinLength = 8

// The codes of violations of a Policy, and of UnchangedViolation.
const (
	CodeTooShort          = "password_too_short"
	CodeTooLong           = "password_too_long"
	CodeInvalidCharacters = "password_invalid_characters"
	CodeTooCommon         = "password_too_common"
	CodeTooSimilar        = "password_too_similar"
	CodeTooWeak           = "password_too_weak"
	CodeUnchanged         = "password_unchanged"
)

const productName = "latchkey"

// Violation is a rule of the policy that a password breaks. Code is stable; Message is for the user and never repeats the
// password.
type Violation struct {
	Code    string
	Message string
}

// Policy decides whether a new password is acceptable. It has no rules about kinds of characters, allows all of Unicode, and
// judges the normal form, which is what Pool hashes. It reads its dictionaries when a password first needs them. It is safe for
// concurrent use.
type Policy struct {
	minLength int
	forbidden []string // words
	strength  func() *estimator
}

// NewPolicy returns a policy with a minimum length in characters; 0 means DefaultMinLength. The forbidden words are what
// attackers connect with the service, such as its name and its domain; a password must not resemble them, nor owe its
// strength to them.
func NewPolicy(minLength int, forbidden ...string) *Policy {
	if minLength <= 0 {
		minLength = DefaultMinLength
	}
	return &Policy{
		minLength: minLength, forbidden: append([]string{productName}, forbidden...), strength: sync.OnceValue(newEstimator),
	}
}

// UnchangedViolation returns the violation of a new password that is the current one, which only its hash can tell.
func UnchangedViolation() *Violation {
	return &Violation{CodeUnchanged, "This is your current password. Please choose another one."}
}

// LengthViolation returns the violation of a password of more than MaxLength bytes, and nil for any other password.
func LengthViolation(password string) *Violation {
	if len(password) <= MaxLength {
		return nil
	}
	return &Violation{CodeTooLong, fmt.Sprintf("This password is too long. Please use at most %d bytes.", MaxLength)}
}

// Check returns every rule that the password breaks, nil if it is acceptable. The attributes are what others may know about
// the user, such as email address and names, which the password must not resemble.
func (p *Policy) Check(password string, attributes ...string) []Violation {
	var violations []Violation
	add := func(code, message string) { violations = append(violations, Violation{Code: code, Message: message}) }

	if len(password) <= MaxLength && hashable(password) {
		password = normalize(password)
	}
	if utf8.RuneCountInString(password) < p.minLength {
		add(CodeTooShort, fmt.Sprintf("This password is too short. Please use at least %d characters.", p.minLength))
	}
	if violation := LengthViolation(password); violation != nil {
		violations = append(violations, *violation)
	}
	if !hashable(password) {
		add(CodeInvalidCharacters, "This password contains characters that are not valid text. Please leave them out.")
	}
	if len(password) > MaxLength || !hashable(password) {
		return violations
	}
	if knownPasswords.contains(password) {
		add(CodeTooCommon, "This password is known from data breaches. Please choose one that nobody has used before.")
	}
	words := wordsOf(slices.Concat(p.forbidden, attributes))
	if resemblesAny(password, words) {
		add(CodeTooSimilar, "This password is too similar to your email address, your name or the name of this service.")
	}
	if len(violations) == 0 && p.strength().isWeak(password, words) {
		add(CodeTooWeak, "This password is easy to guess. A few unrelated words in a row make a strong one.")
	}
	return violations
}
