package passwords

import (
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"
)

// DefaultMinLength is the minimum length of a password, in characters.
const DefaultMinLength = 8

// Codes of the faults that a Policy finds.
const (
	CodeTooShort          = "password_too_short"
	CodeTooLong           = "password_too_long"
	CodeInvalidCharacters = "password_invalid_characters"
	CodeTooCommon         = "password_too_common"
	CodeTooSimilar        = "password_too_similar"
	CodeTooWeak           = "password_too_weak"
)

const productName = "latchkey"

// Fault is one reason to refuse a password. The message is a sentence for its owner and never repeats the password.
type Fault struct {
	Code    string
	Message string
}

// Policy decides whether a new password is good enough. It asks for no composition and changes nothing: any Unicode is
// welcome and the password is used exactly as given. Its lists are read when a password first needs them. It is safe for
// concurrent use.
type Policy struct {
	minLength int
	common    func() map[string]struct{}
	strength  func() *estimator
}

// NewPolicy returns a policy with a minimum length in characters; 0 means DefaultMinLength.
func NewPolicy(minLength int) *Policy {
	if minLength <= 0 {
		minLength = DefaultMinLength
	}
	return &Policy{
		minLength: minLength, common: sync.OnceValue(commonPasswords), strength: sync.OnceValue(newEstimator),
	}
}

// LengthFault is the fault of a password of more than MaxLength bytes, and nil for any other.
func LengthFault(password string) *Fault {
	if len(password) <= MaxLength {
		return nil
	}
	return &Fault{CodeTooLong, fmt.Sprintf("This password is too long. Please use at most %d bytes.", MaxLength)}
}

// Check returns every fault of the password, or none. The attributes are what others know of the user, such as email
// address and names: the password must not resemble them.
func (p *Policy) Check(password string, attributes ...string) []Fault {
	var faults []Fault
	add := func(code, message string) { faults = append(faults, Fault{Code: code, Message: message}) }

	if utf8.RuneCountInString(password) < p.minLength {
		add(CodeTooShort, fmt.Sprintf("This password is too short. Please use at least %d characters.", p.minLength))
	}
	if fault := LengthFault(password); fault != nil {
		faults = append(faults, *fault)
	}
	if !hashable(password) {
		add(CodeInvalidCharacters, "This password contains characters that are not valid text. Please leave them out.")
	}
	if len(password) > MaxLength || !hashable(password) {
		return faults
	}
	if p.isCommon(password) {
		add(CodeTooCommon, "This password is one of the most common ones. Please choose one that others don't use.")
	}
	words := wordsOf(append([]string{productName}, attributes...))
	if resemblesAny(password, words) {
		add(CodeTooSimilar, "This password is too similar to your email address, your name or the name of this service.")
	}
	if len(faults) == 0 && p.strength().isWeak(password, words) {
		add(CodeTooWeak, "This password is easy to guess. A few unrelated words in a row make a strong one.")
	}
	return faults
}

func (p *Policy) isCommon(password string) bool {
	_, found := p.common()[strings.ToLower(strings.TrimSpace(password))]
	return found
}
