package importer

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/go-json-experiment/json"

	"latchkey/models"
	"latchkey/passwords"
)

// ErrHashConfig means that the parameters of a Firebase project's scrypt can't be read.
var ErrHashConfig = errors.New(
	`the hash config has the form {"base64_signer_key": "…", "base64_salt_separator": "…", "rounds": 8, "mem_cost": 14}`)

type firebaseConfig struct {
	Algorithm     string `json:"algorithm"`
	SignerKey     []byte `json:"base64_signer_key"`
	SaltSeparator []byte `json:"base64_salt_separator"`
	Rounds        int    `json:"rounds"`
	MemCost       int    `json:"mem_cost"`
}

// Firebase returns the format of the users that "firebase auth:export" writes, with the parameters of the project's hash config.
// It returns ErrHashConfig if those can't be read.
func Firebase(hashConfig []byte) (Format, error) {
	var config firebaseConfig
	if err := json.Unmarshal(hashConfig, &config); err != nil || len(config.SignerKey) == 0 {
		return Format{}, ErrHashConfig
	}
	return Format{NameFirebase, config.account}, nil
}

// account reads a user of an export; what can't be read is the account's Fault.
func (f firebaseConfig) account(object []byte) models.ExternalAccount {
	row, err := readObject(object)
	if err != nil {
		return unreadable(err)
	}
	r := reader{row: row}
	first, last, _ := strings.Cut(strings.TrimSpace(r.text("displayName")), " ")
	account := models.ExternalAccount{
		Email: r.text("email"), FirstName: first, LastName: last, IsActive: r.isEnabled("disabled"),
		DateJoined: orZero(r.milliseconds("createdAt")), LastLogin: r.milliseconds("lastSignedInAt"),
		EmailVerifiedAt: r.verified("emailVerified"),
	}
	// Without a hash the user logs in with another provider.
	if encoded := r.password("passwordHash"); encoded != "" {
		hash, hashErr := anyBase64(encoded)
		salt, saltErr := anyBase64(r.text("salt"))
		if hashErr != nil || saltErr != nil {
			r.fault = "its password hash or its salt is not base64"
		}
		account.Password = passwords.EncodeFirebase(f.MemCost, f.Rounds, append(salt, f.SaltSeparator...), f.SignerKey, hash)
	}
	return r.finish(account)
}

// anyBase64 decodes base64 of either alphabet, with or without padding: exports have had each.
func anyBase64(text string) ([]byte, error) {
	text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	return base64.RawStdEncoding.DecodeString(text)
}
