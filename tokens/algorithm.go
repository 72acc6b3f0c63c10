package tokens

import (
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// Algorithm is a signature algorithm, spelled as in the `alg` header (RFC 7518, section 3.1).
type Algorithm string

const (
	// HS256 is HMAC with SHA-256: one shared secret both signs and verifies.
	HS256 Algorithm = "HS256"
	// RS256 is RSASSA-PKCS1-v1_5 with SHA-256.
	RS256 Algorithm = "RS256"
	// ES256 is ECDSA on P-256 with SHA-256.
	ES256 Algorithm = "ES256"
	// EdDSA is Ed25519 (RFC 8037).
	EdDSA Algorithm = "EdDSA"
)

// ParseAlgorithm returns the algorithm of exactly this name, or ErrUnknownAlgorithm.
func ParseAlgorithm(name string) (Algorithm, error) {
	algorithm := Algorithm(name)
	if algorithm.method() == nil {
		return "", fmt.Errorf("%w %q: use %s, %s, %s or %s", ErrUnknownAlgorithm, name, ES256, EdDSA, RS256, HS256)
	}
	return algorithm, nil
}

func (a Algorithm) method() jwt.SigningMethod {
	switch a {
	case HS256:
		return jwt.SigningMethodHS256
	case RS256:
		return jwt.SigningMethodRS256
	case ES256:
		return jwt.SigningMethodES256
	case EdDSA:
		return jwt.SigningMethodEdDSA
	default:
		return nil
	}
}
