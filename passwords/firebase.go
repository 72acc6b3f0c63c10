package passwords

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"fmt"

	"golang.org/x/crypto/scrypt"
)

const firebaseScrypt = "firebase_scrypt"

// EncodeFirebase is a hash of Firebase's own scrypt as it can be stored: its costs, its salt followed by the project's
// salt separator, and the project's signer key, which is no secret any more where the hashes are. Whether such a hash can
// be verified is for Identify to say.
func EncodeFirebase(memCost, rounds int, salt, signerKey, hash []byte) string {
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$firebase-scrypt$ln=%d,r=%d$%s$%s$%s", memCost, rounds, encode(salt), encode(signerKey), encode(hash))
}

// decodeFirebase reads costs, salt, signer key and hash: the signer key, encrypted with AES-256 in counter mode under the
// key that scrypt derives of the password.
func decodeFirebase(fields []string) (decoded, error) {
	if len(fields) != 4 {
		return decoded{}, unsupported("it is no Firebase scrypt hash")
	}
	costs, err := numbers(fields[0], "ln", "r")
	if err != nil {
		return decoded{}, err
	}
	if costs[0] > 30 {
		return decoded{}, checkScrypt(1<<30, costs[1], 1)
	}
	n, r := 1<<costs[0], costs[1]
	if err := checkScrypt(n, r, 1); err != nil {
		return decoded{}, err
	}
	salt, err := unbase64(base64.RawStdEncoding, fields[1])
	if err != nil {
		return decoded{}, err
	}
	signer, want, err := saltAndKey(fields[2], fields[3])
	if err != nil {
		return decoded{}, err
	}
	if len(signer) < keyLength || len(signer) != len(want) {
		return decoded{}, unsupported("its signer key and its hash are not of one sensible length")
	}
	return decoded{algorithm: firebaseScrypt, matches: func(_ *lane, password string) bool {
		key, err := scrypt.Key([]byte(password), salt, n, r, 1, 32)
		return err == nil && equal(want, encryptCTR(key, signer))
	}}, nil
}

// encryptCTR begins to count at zero: each key is derived of a password and a salt and encrypts one text only.
func encryptCTR(key, text []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	encrypted := make([]byte, len(text))
	cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(encrypted, text)
	return encrypted
}
