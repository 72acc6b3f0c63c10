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
	`the hash config reads {"base64_signer_key": "…", "base64_salt_separator": "…", "rounds": 8, "mem_cost": 14}`)

type firebaseConfig struct {
	Algorithm     string `json:"algorithm"`
	SignerKey     []byte `json:"base64_signer_key"`
	SaltSeparator []byte `json:"base64_salt_separator"`
	Rounds        int    `json:"rounds"`
	MemCost       int    `json:"mem_cost"`
}

type firebaseUser struct {
	Email          string       `json:"email"`
	EmailVerified  confirmation `json:"emailVerified"`
	PasswordHash   string       `json:"passwordHash"`
	Salt           string       `json:"salt"`
	DisplayName    string       `json:"displayName"`
	Disabled       bool         `json:"disabled"`
	CreatedAt      javaScript   `json:"createdAt"`
	LastSignedInAt javaScript   `json:"lastSignedInAt"`
}

// javaScript is a moment in milliseconds, as a text that is empty if there is none.
type javaScript int64

// UnmarshalText reads what Firebase writes.
func (j *javaScript) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	count, err := strconv.ParseInt(string(text), 10, 64)
	*j = javaScript(count)
	return err
}

// Firebase makes the format of users that "firebase auth:export" writes, by the project's hash config, or ErrHashConfig.
func Firebase(hashConfig []byte) (Format, error) {
	var config firebaseConfig
	if err := json.Unmarshal(hashConfig, &config); err != nil || len(config.SignerKey) == 0 {
		return nil, ErrHashConfig
	}
	return config.account, nil
}

func (f firebaseConfig) account(line []byte) models.ExternalAccount {
	var user firebaseUser
	if err := json.Unmarshal(line, &user); err != nil {
		return unreadable(err)
	}
	first, last, _ := strings.Cut(user.DisplayName, " ")
	account := models.ExternalAccount{
		Email: user.Email, FirstName: first, LastName: last, IsActive: !user.Disabled,
		DateJoined: joined(milliseconds(int64(user.CreatedAt))), LastLogin: milliseconds(int64(user.LastSignedInAt)),
		EmailVerifiedAt: user.EmailVerified.moment(),
	}
	if user.PasswordHash == "" { // who logs in with another provider
		return account
	}
	hash, hashErr := anyBase64(user.PasswordHash)
	salt, saltErr := anyBase64(user.Salt)
	if hashErr != nil || saltErr != nil {
		account.Fault = "its password hash or its salt is no base64"
		return account
	}
	account.Password = passwords.EncodeFirebase(f.MemCost, f.Rounds, append(salt, f.SaltSeparator...), f.SignerKey, hash)
	return account
}

// anyBase64 takes both alphabets, with padding or without: exports have had each.
func anyBase64(text string) ([]byte, error) {
	text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	return base64.RawStdEncoding.DecodeString(text)
}
