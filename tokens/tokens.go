// Package tokens makes and checks everything Latchkey signs or seals: access tokens (JSON Web Tokens), opaque tokens
// (refresh and one-time), the keys behind both with their public JWK set, and sealed secrets.
//
// It is pure: it stores nothing, asks no database and speaks no HTTP. Whether a session still lives, a one-time token
// was used before or a user is active is for models to say; which keys there are is for the caller.
package tokens

import (
	"errors"
	"fmt"
)

var (
	// ErrTokenInvalid says that a token is malformed, not signed by us or not meant for us. Its text holds the reason
	// and nothing of the token.
	ErrTokenInvalid = errors.New("token is invalid")

	// ErrTokenExpired says that an access token is right in everything, its signature included, but too old.
	ErrTokenExpired = errors.New("token has expired")

	// ErrWeakKey says that a key or secret is too short to protect anything.
	ErrWeakKey = errors.New("key is too weak")

	// ErrKeyInvalid says that a key can't be read, or does not fit its algorithm or its purpose.
	ErrKeyInvalid = errors.New("key is invalid")

	// ErrUnknownAlgorithm says that a name is not one of the signature algorithms Latchkey offers.
	ErrUnknownAlgorithm = errors.New("unknown algorithm")

	// ErrSealBroken says that none of the keys opens a sealed secret: another key, other additional data, or tampering.
	ErrSealBroken = errors.New("seal is broken")
)

func invalid(reason string) error {
	return fmt.Errorf("%w: %s", ErrTokenInvalid, reason)
}
