// Package tokens makes and checks everything that Latchkey signs or seals: access tokens (JSON Web Tokens), signed handles
// (the text of refresh, device and one-time tokens), the keys of both with their public JWK set, and sealed secrets.
//
// It is pure: it stores nothing, uses no database and no network. Package models knows whether a session is still open, a
// one-time token was used before or a user is active; the caller decides which keys there are.
package tokens

import (
	"errors"
	"fmt"
)

var (
	// ErrTokenInvalid means that a token is malformed, not signed by us or not meant for us. Its text gives the reason and
	// repeats nothing of the token.
	ErrTokenInvalid = errors.New("token is invalid")

	// ErrTokenExpired means that a token has a valid signature and correct claims, but is too old.
	ErrTokenExpired = errors.New("token has expired")

	// ErrWeakKey means that a key or secret is too short to be secure.
	ErrWeakKey = errors.New("key is too weak")

	// ErrKeyInvalid means that a key can't be read, or does not suit its algorithm or its purpose.
	ErrKeyInvalid = errors.New("key is invalid")

	// ErrUnknownAlgorithm means that a name is not that of a signature algorithm that Latchkey supports.
	ErrUnknownAlgorithm = errors.New("unknown algorithm")

	// ErrSealBroken means that no key opens a sealed secret: it was sealed with another key or other additional data, or
	// tampered with.
	ErrSealBroken = errors.New("seal is broken")
)

func invalid(reason string) error {
	return fmt.Errorf("%w: %s", ErrTokenInvalid, reason)
}
