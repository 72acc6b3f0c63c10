// Package passwords owns everything about a password that needs no database: the encoded formats a hash is stored in,
// the pool that bounds how many are computed at once, and the policy a new password must meet.
//
// It does not know users, requests or settings: it takes strings and returns strings, verdicts and errors.
package passwords

import (
	"crypto/rand"
	"errors"
	"strings"
	"unicode/utf8"
)

// MaxLength is the most bytes a password may have. Longer ones are refused before anything is computed.
const MaxLength = 1024

var (
	// ErrPasswordTooLong means the password has more than MaxLength bytes.
	ErrPasswordTooLong = errors.New("the password is longer than 1024 bytes")
	// ErrInvalidPassword means the password is not valid UTF-8 or holds a NUL, which several of the algorithms
	// cannot tell from the end of the password.
	ErrInvalidPassword = errors.New("the password holds invalid characters")
	// ErrUnsupportedHash means the stored value is no password hash that this service reads.
	ErrUnsupportedHash = errors.New("this password hash is not supported")
	// ErrHashTooExpensive means verifying the stored hash would take more memory or time than one login may.
	ErrHashTooExpensive = errors.New("this password hash is too expensive")
	// ErrOverloaded means no hash could start in time. The caller may try again later.
	ErrOverloaded = errors.New("too many passwords are being hashed; try again later")
	// ErrPoolClosed means the pool was closed before the hash started.
	ErrPoolClosed = errors.New("the password pool is closed")
)

const unusablePrefix = "!"

// Unusable returns a new encoded value that no password matches, as Django's set_unusable_password stores it.
func Unusable() string {
	return unusablePrefix + (rand.Text() + rand.Text())[:40]
}

// IsUsable reports whether encoded may match some password: it is neither empty nor marked by Unusable.
func IsUsable(encoded string) bool {
	return encoded != "" && !strings.HasPrefix(encoded, unusablePrefix)
}

func validate(password string) error {
	if len(password) > MaxLength {
		return ErrPasswordTooLong
	}
	if !hashable(password) {
		return ErrInvalidPassword
	}
	return nil
}

// hashable refuses NUL because bcrypt and HMAC end or pad their key with it: "a", "a\x00" and "a\x00a" would be one.
func hashable(password string) bool {
	return utf8.ValidString(password) && !strings.Contains(password, "\x00")
}
