package importer

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"latchkey/models"
)

var errKeycloakCredential = errors.New("its credential is not one of Keycloak's pbkdf2-sha256, pbkdf2-sha512 and argon2")

type keycloakUser struct {
	ID               uuid.UUID            `json:"id"`
	Email            string               `json:"email"`
	FirstName        string               `json:"firstName"`
	LastName         string               `json:"lastName"`
	EmailVerified    verified             `json:"emailVerified"`
	Enabled          bool                 `json:"enabled"`
	CreatedTimestamp int64                `json:"createdTimestamp"`
	Credentials      []keycloakCredential `json:"credentials"`
}

// keycloakCredential is a credential, of which two members are strings of JSON.
type keycloakCredential struct {
	Type           string `json:"type"`
	SecretData     string `json:"secretData"`
	CredentialData string `json:"credentialData"`
}

type keycloakSecret struct {
	Value []byte `json:"value"`
	Salt  []byte `json:"salt"`
}

type keycloakParameters struct {
	Iterations int                 `json:"hashIterations"`
	Algorithm  string              `json:"algorithm"`
	Additional map[string][]string `json:"additionalParameters"`
}

// Keycloak is the format of the users in a realm's export. Roles belong to the realm and are not imported.
func Keycloak(line []byte) models.ExternalAccount {
	var user keycloakUser
	if err := json.Unmarshal(line, &user); err != nil {
		return unreadable(err)
	}
	account := models.ExternalAccount{
		ID: user.ID, Email: user.Email, FirstName: user.FirstName, LastName: user.LastName, IsActive: user.Enabled,
		DateJoined: orZero(milliseconds(user.CreatedTimestamp)), EmailVerifiedAt: user.EmailVerified.moment(),
	}
	for _, credential := range user.Credentials {
		if credential.Type != "password" {
			continue
		}
		encoded, err := credential.encoded()
		if err != nil {
			account.Fault = err.Error()
		}
		account.Password = encoded
	}
	return account
}

// encoded returns the hash of the credential as a PHC string.
func (k keycloakCredential) encoded() (string, error) {
	var secret keycloakSecret
	var parameters keycloakParameters
	if json.Unmarshal([]byte(k.SecretData), &secret) != nil || json.Unmarshal([]byte(k.CredentialData), &parameters) != nil {
		return "", errKeycloakCredential
	}
	encode := base64.RawStdEncoding.EncodeToString
	switch parameters.Algorithm {
	case "pbkdf2-sha256", "pbkdf2-sha512":
		// Keycloak always derives 64 bytes. With SHA-256 the first 32 suffice: an attacker needs no more, either.
		length := map[string]int{"pbkdf2-sha256": 32, "pbkdf2-sha512": 64}[parameters.Algorithm]
		if len(secret.Value) < length {
			return "", errKeycloakCredential
		}
		return fmt.Sprintf("$%s$i=%d,l=%d$%s$%s", parameters.Algorithm, parameters.Iterations, length,
			encode(secret.Salt), encode(secret.Value[:length])), nil
	case "argon2":
		first := func(name string) string { return strings.Join(parameters.Additional[name], " ") }
		if first("version") != "1.3" {
			return "", errKeycloakCredential
		}
		return fmt.Sprintf("$argon2%s$v=19$m=%s,t=%d,p=%s$%s$%s", first("type"), first("memory"), parameters.Iterations,
			first("parallelism"), encode(secret.Salt), encode(secret.Value)), nil
	}
	return "", errKeycloakCredential
}
