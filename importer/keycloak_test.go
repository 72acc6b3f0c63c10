package importer_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/importer"
)

// The hashes are those of the password "letmein12" and the salt "0123456789abcdef", made by Python's hashlib and by
// argon2's own command; the argon2 and pbkdf2 parameters are Keycloak's defaults but for fewer iterations.
func TestKeycloak_ReadsEveryAlgorithm(t *testing.T) {
	user := func(secret, data string) string {
		return fmt.Sprintf(`{"id":"8c5a2f3e-9a51-4a3e-8f0d-6f6c4f1b2a10","username":"ann","email":"ann@example.com",`+
			`"emailVerified":true,"firstName":"Ann","lastName":"Bee","enabled":true,"createdTimestamp":1554105600000,`+
			`"totp":false,"credentials":[{"type":"otp"},{"type":"password","secretData":%q,"credentialData":%q}]}`, secret, data)
	}
	for name, line := range keycloakCredentials() {
		t.Run(name, func(t *testing.T) {
			account := read(t, importer.Keycloak, user(line[0], line[1]))[0]
			require.True(t, opens(t, account, "letmein12"))
			require.False(t, opens(t, account, "letmein13"))
			require.Equal(t, "8c5a2f3e-9a51-4a3e-8f0d-6f6c4f1b2a10", account.ID.String())
			require.Equal(t, time.Date(2019, 4, 1, 8, 0, 0, 0, time.UTC), account.DateJoined)
		})
	}
	for _, line := range [][2]string{
		{`{"value":"AAAA","salt":"AAAA"}`, `{"hashIterations":1,"algorithm":"pbkdf2-sha256"}`},
		{`{"value":"AAAA","salt":"AAAA"}`, `{"hashIterations":1,"algorithm":"md5"}`},
		{`{"value":"AAAA","salt":"AAAA"}`, `{"hashIterations":1,"algorithm":"argon2"}`},
		{`{"value":"SECRET!"}`, `{}`}, {`SECRET`, `{}`},
	} {
		account := read(t, importer.Keycloak, user(line[0], line[1]))[0]
		require.Contains(t, account.Fault, "its credential is not one of Keycloak's")
	}
	require.Contains(t, read(t, importer.Keycloak, `{"id":1}`)[0].Fault, "id")
}

// keycloakCredentials returns secretData and credentialData by algorithm.
func keycloakCredentials() map[string][2]string {
	return map[string][2]string{
		"pbkdf2-sha256": {`{"value": "aaA0iGiP85q8LrD7zj5yiZCThu6Dwznt047TYIER/A5cxv7M6dz+E/VP7JewhhXY7VJuNz1HSye1IIWfI2PC8Q==", "salt": "MDEyMzQ1Njc4OWFiY2RlZg==", "additionalParameters": {}}`,
			`{"hashIterations": 1000, "algorithm": "pbkdf2-sha256", "additionalParameters": {}}`},
		"pbkdf2-sha512": {`{"value": "rEmXD2lBNZfbXwrNBX8JFdv31VAtEeIIQ6ERgrS/fBNHqVYYPNKXLSELJWy/5V6yEyMhwnA0Iv0pluTgDMYJXw==", "salt": "MDEyMzQ1Njc4OWFiY2RlZg==", "additionalParameters": {}}`,
			`{"hashIterations": 1000, "algorithm": "pbkdf2-sha512", "additionalParameters": {}}`},
		"argon2": {`{"value": "s/6C1DfwwMlGTNxAOItp44cXHVlx/Wn31Fml6WKyUdY=", "salt": "MDEyMzQ1Njc4OWFiY2RlZg==", "additionalParameters": {}}`,
			`{"hashIterations": 2, "algorithm": "argon2", "additionalParameters": {"hashLength": ["32"], "memory": ["7168"], "type": ["id"], "version": ["1.3"], "parallelism": ["1"]}}`},
	}
}
