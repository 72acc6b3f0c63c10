package passwords

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"fmt"

	"golang.org/x/crypto/scrypt"
)

const firebaseScrypt = "firebase_scrypt"

// EncodeFirebase returns a hash of Firebase's own scrypt in the form in which it is stored: memCost is log2 of scrypt's N,
// rounds its r, salt the user's salt followed by the project's salt separator. The project's signer key is part of it, because
// each verification needs it. EncodeFirebase checks nothing: call Identify to learn whether the hash can be verified.
func EncodeFirebase(memCost, rounds int, salt, signerKey, hash []byte) string {
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$firebase-scrypt$ln=%d,r=%d$%s$%s$%s", memCost, rounds, encode(salt), encode(signerKey), encode(hash))
}

// decodeFirebase reads costs, salt, signer key and hash. The hash is the signer key, encrypted with AES-256 in counter mode
// under the key that scrypt derives from the password.
func decodeFirebase(fields []string) (decoded, error) {
	if len(fields) != 4 {
		return decoded{}, unsupported("it is not a Firebase scrypt hash")
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
	salt, err := decodeBase64(base64.RawStdEncoding, fields[1])
	if err != nil {
		return decoded{}, err
	}
	signer, want, err := saltAndKey(fields[2], fields[3])
	if err != nil {
		return decoded{}, err
	}
	if len(signer) < keyLength || len(signer) != len(want) {
		return decoded{}, unsupported("its signer key and hash differ in length or are too short")
	}
	return decoded{algorithm: firebaseScrypt, matches: func(_ *lane, password string) bool {
		key, err := scrypt.Key([]byte(password), salt, n, r, 1, 32)
		return err == nil && equal(want, encryptCTR(key, signer))
	}}, nil
}

// encryptCTR encrypts text with AES in counter mode from zero. That is safe because each key is derived from a password and
// a salt, and encrypts a single text.
func encryptCTR(key, text []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	encrypted := make([]byte, len(text))
	cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(encrypted, text)
	return encrypted
}
