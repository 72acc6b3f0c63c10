package importer

import (
	"encoding/base64"
	"errors"
	"strconv"
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

type firebaseUser struct {
	Email          string           `json:"email"`
	EmailVerified  verified         `json:"emailVerified"`
	PasswordHash   string           `json:"passwordHash"`
	Salt           string           `json:"salt"`
	DisplayName    string           `json:"displayName"`
	Disabled       bool             `json:"disabled"`
	CreatedAt      unixMilliseconds `json:"createdAt"`
	LastSignedInAt unixMilliseconds `json:"lastSignedInAt"`
}

// unixMilliseconds is a time in milliseconds since 1970, written as a string that is empty if there is no time.
type unixMilliseconds int64

// UnmarshalText reads a time as Firebase writes it.
func (u *unixMilliseconds) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	count, err := strconv.ParseInt(string(text), 10, 64)
	*u = unixMilliseconds(count)
	return err
}

// Firebase returns the format of the users that "firebase auth:export" writes, with the parameters of the project's hash config.
// It returns ErrHashConfig if those can't be read.
func Firebase(hashConfig []byte) (Format, error) {
	var config firebaseConfig
	if err := json.Unmarshal(hashConfig, &config); err != nil || len(config.SignerKey) == 0 {
		return nil, ErrHashConfig
	}
	return config.account, nil
}

// account reads a line of an export; what can't be read is the account's Fault.
func (f firebaseConfig) account(line []byte) models.ExternalAccount {
	var user firebaseUser
	if err := json.Unmarshal(line, &user); err != nil {
		return unreadable(err)
	}
	first, last, _ := strings.Cut(user.DisplayName, " ")
	account := models.ExternalAccount{
		Email: user.Email, FirstName: first, LastName: last, IsActive: !user.Disabled,
		DateJoined: orZero(milliseconds(int64(user.CreatedAt))), LastLogin: milliseconds(int64(user.LastSignedInAt)),
		EmailVerifiedAt: user.EmailVerified.moment(),
	}
	if user.PasswordHash == "" { // the user logs in with another provider
		return account
	}
	hash, hashErr := anyBase64(user.PasswordHash)
	salt, saltErr := anyBase64(user.Salt)
	if hashErr != nil || saltErr != nil {
		account.Fault = "its password hash or its salt is not base64"
		return account
	}
	account.Password = passwords.EncodeFirebase(f.MemCost, f.Rounds, append(salt, f.SaltSeparator...), f.SignerKey, hash)
	return account
}

// anyBase64 decodes base64 of either alphabet, with or without padding: exports have had each.
func anyBase64(text string) ([]byte, error) {
	text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	return base64.RawStdEncoding.DecodeString(text)
}
