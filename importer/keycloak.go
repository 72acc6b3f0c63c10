package importer

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"latchkey/models"
)

var (
	errKeycloakCredential = errors.New("its credential is not one of Keycloak's pbkdf2, pbkdf2-sha256, pbkdf2-sha512 and argon2")
	errKeycloakPlain      = errors.New("its credential is a password itself and not the hash of one: " +
		"let Keycloak import and export it once")
)

// Keycloak returns the format of the users in a realm's export. Roles belong to the realm and are not imported.
func Keycloak() Format { return Format{NameKeycloak, keycloakAccount} }

func keycloakAccount(object []byte) models.ExternalAccount {
	row, err := readObject(object)
	if err != nil {
		return unreadable(err)
	}
	r := reader{row: row}
	account := models.ExternalAccount{
		Email: r.text("email"), FirstName: r.text("firstName"), LastName: r.text("lastName"), IsActive: r.isSet("enabled"),
		DateJoined: orZero(r.milliseconds("createdTimestamp")), EmailVerifiedAt: r.verified("emailVerified"),
	}
	if id := r.text("id"); id != "" {
		account.ID = ForeignID(id)
	}
	account.Password, err = keycloakPassword(row["credentials"])
	if err != nil {
		r.fault = err.Error()
	}
	return r.finish(account)
}

// keycloakPassword returns the password hash among a user's credentials as a PHC string, or "" if they have no password. If there
// are several hashes, it returns the last one that can be read.
func keycloakPassword(credentials any) (string, error) {
	list, _ := credentials.(jsontext.Value)
	if credentials == nil {
		return "", nil
	}
	var all []jsontext.Value
	if json.Unmarshal(list, &all) != nil {
		return "", errKeycloakCredential
	}
	var encoded string
	var failed error
	for _, each := range all {
		credential, err := readObject(each)
		if err != nil {
			return "", errKeycloakCredential
		}
		if credential["type"] != "password" {
			continue
		}
		hash, err := keycloakHash(credential)
		if err != nil {
			failed = err
			continue
		}
		encoded = hash
	}
	if encoded != "" {
		return encoded, nil
	}
	return "", failed
}

// keycloakHash returns the hash of a credential as a PHC string. Since Keycloak 6 a credential has two members that are texts of
// JSON, before that it had what they hold itself.
func keycloakHash(credential map[string]any) (string, error) {
	secret, data := credential, credential
	if credential["secretData"] != nil || credential["credentialData"] != nil {
		secret, data = nested(credential["secretData"]), nested(credential["credentialData"])
	} else if credential["hashedSaltedValue"] == nil && credential["value"] != nil {
		return "", errKeycloakPlain
	}
	value, ok := secret["value"].(string)
	if !ok {
		value, _ = secret["hashedSaltedValue"].(string)
	}
	salt, _ := secret["salt"].(string)
	key, keyErr := base64.StdEncoding.DecodeString(value)
	saltBytes, saltErr := base64.StdEncoding.DecodeString(salt)
	iterations, _ := textOf(data["hashIterations"])
	if count, err := strconv.Atoi(iterations); keyErr != nil || saltErr != nil || err != nil || count < 1 {
		return "", errKeycloakCredential
	}
	encode := base64.RawStdEncoding.EncodeToString
	algorithm, _ := data["algorithm"].(string)
	if algorithm == "argon2" {
		return keycloakArgon2(data, iterations, encode(saltBytes)+"$"+encode(key))
	}
	// Keycloak always derives 64 bytes. Those of the first block suffice: an attacker needs no more, either.
	name, length := pbkdf2Of(algorithm)
	if length == 0 || len(key) < length {
		return "", errKeycloakCredential
	}
	return fmt.Sprintf("$%s$i=%s,l=%d$%s$%s", name, iterations, length, encode(saltBytes), encode(key[:length])), nil
}

// pbkdf2Of returns the identifier and the length in bytes of one of Keycloak's algorithms. Its oldest one has no digest in its
// name, or no name.
func pbkdf2Of(algorithm string) (name string, length int) {
	switch algorithm {
	case "", "pbkdf2":
		return "pbkdf2-sha1", 20
	case "pbkdf2-sha256":
		return algorithm, 32
	case "pbkdf2-sha512":
		return algorithm, 64
	}
	return "", 0
}

func keycloakArgon2(data map[string]any, iterations, saltAndKey string) (string, error) {
	parameters := nested(data["additionalParameters"])
	first := func(name string) string {
		var values []string
		list, _ := parameters[name].(jsontext.Value)
		if json.Unmarshal(list, &values) != nil {
			return ""
		}
		return strings.Join(values, " ")
	}
	if first("version") != "1.3" {
		return "", errKeycloakCredential
	}
	return fmt.Sprintf("$argon2%s$v=19$m=%s,t=%s,p=%s$%s", first("type"), first("memory"), iterations, first("parallelism"),
		saltAndKey), nil
}

// nested returns the members of an object, or of a text that holds one.
func nested(value any) map[string]any {
	var text []byte
	switch value := value.(type) {
	case string:
		text = []byte(value)
	case jsontext.Value:
		text = value
	}
	members, err := readObject(text)
	if err != nil {
		return nil
	}
	return members
}
