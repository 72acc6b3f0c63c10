// Package passwords owns everything about passwords that needs no database: the encoded formats in which hashes are stored,
// the pool that bounds how many are computed at once, and the policy that a new password must meet.
//
// It does not know users, requests or settings: it takes strings and returns strings, results and errors.
package passwords

import (
	"crypto/rand"
	"errors"
	"strings"
	"unicode/utf8"
)

// MaxLength is the maximum length of a password, in bytes. Longer ones are refused before anything is computed.
const MaxLength = 1024

var (
	// ErrPasswordEmpty means there is no password to hash.
	ErrPasswordEmpty = errors.New("the password is empty")
	// ErrPasswordTooLong means the password has more than MaxLength bytes.
	ErrPasswordTooLong = errors.New("the password is longer than 1024 bytes")
	// ErrInvalidPassword means the password is not valid UTF-8 or contains a NUL, which several of the algorithms
	// cannot distinguish from the end of the password.
	ErrInvalidPassword = errors.New("the password contains invalid characters")
	// ErrUnsupportedHash means the stored value is not a password hash in a supported format.
	ErrUnsupportedHash = errors.New("this password hash is not supported")
	// ErrHashTooExpensive means verifying the stored hash would take more memory or time than a login may.
	ErrHashTooExpensive = errors.New("this password hash is too expensive")
	// ErrOverloaded means no hash could start in time. The caller may try again later.
	ErrOverloaded = errors.New("too many passwords are being hashed; try again later")
	// ErrPoolClosed means the pool was closed before the hash started.
	ErrPoolClosed = errors.New("the password pool is closed")
)

const unusablePrefix = "!"

// Unusable returns a new random encoded value that no password matches, as Django's set_unusable_password stores it.
func Unusable() string {
	return unusablePrefix + (rand.Text() + rand.Text())[:40]
}

// IsUsable reports whether encoded can match a password: it is neither empty nor made by Unusable.
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

// hashable reports whether the password is valid UTF-8 without NUL. bcrypt and HMAC end or pad their key with NUL, so that
// "a" and "a\x00", or to bcrypt "a\x00a", would be the same password.
func hashable(password string) bool {
	return utf8.ValidString(password) && !strings.Contains(password, "\x00")
}
