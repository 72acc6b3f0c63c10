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
			account := read(t, importer.Keycloak(), user(line[0], line[1]))[0]
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
		account := read(t, importer.Keycloak(), user(line[0], line[1]))[0]
		require.Contains(t, account.Fault, "its credential is not one of Keycloak's")
	}
}

// Ids that are no UUIDs, as of users of a federation, become UUIDs that are always the same.
func TestKeycloak_TakesEveryID(t *testing.T) {
	for id, want := range map[string]string{
		"8c5a2f3e-9a51-4a3e-8f0d-6f6c4f1b2a10": "8c5a2f3e-9a51-4a3e-8f0d-6f6c4f1b2a10",
		// uuidgen --sha1 --namespace @oid --name latchkey/import/user-1
		"user-1": "40ab8aa7-ee00-580e-8cb7-ed8409d639ee",
		"f:44d42131-2236-4897-9146-1c782cf44d92:fed": "4e73b0ad-6203-5411-9c21-18ccec6016a4",
	} {
		account := read(t, importer.Keycloak(), fmt.Sprintf(`{"id":%q,"email":"ann@example.com","enabled":true}`, id))[0]
		require.Empty(t, account.Fault)
		require.Equal(t, want, account.ID.String())
	}
}

// The hashes are those of the password "letmein12" and the salt "sixteen bytes!!!", made by Python's hashlib with 1000 iterations.
func TestKeycloak_ReadsOldCredentials(t *testing.T) {
	const salt = `"salt":"c2l4dGVlbiBieXRlcyEhIQ=="`
	for name, credential := range map[string]string{
		"before Keycloak 6": `{"type":"password","hashedSaltedValue":"EVxFdfQZZa/mG/0msk5+70izK+ExasQ/15+bDBtFnO2SdwLlDcY5lH/u2tVekDVI03l2gX8CsqwbOKghbFC0Hw==",` + salt + `,"hashIterations":1000,"counter":0,
			"algorithm":"pbkdf2-sha256","digits":0,"period":0,"createdDate":1505479429154,"config":{}}`,
		"SHA-1":                            `{"type":"password","hashedSaltedValue":"3uDAydvxaF6+L129YFKKrtXoeuBoQect3esX7LUkyr7ph1dRjeqXWx2zr1su1FSMJx6kIPNycRKZp8cPNegtJg==",` + salt + `,"hashIterations":1000,"algorithm":"pbkdf2"}`,
		"no algorithm":                     `{"type":"password","hashedSaltedValue":"3uDAydvxaF6+L129YFKKrtXoeuBoQect3esX7LUkyr7ph1dRjeqXWx2zr1su1FSMJx6kIPNycRKZp8cPNegtJg==",` + salt + `,"hashIterations":1000}`,
		"objects":                          `{"type":"password","secretData":{"value":"3uDAydvxaF6+L129YFKKrtXoeuBoQect3esX7LUkyr7ph1dRjeqXWx2zr1su1FSMJx6kIPNycRKZp8cPNegtJg==",` + salt + `},"credentialData":{"hashIterations":1000,"algorithm":"pbkdf2"}}`,
		"numbers as texts":                 `{"type":"password","secretData":{"value":"EVxFdfQZZa/mG/0msk5+70izK+ExasQ/15+bDBtFnO2SdwLlDcY5lH/u2tVekDVI03l2gX8CsqwbOKghbFC0Hw==",` + salt + `},"credentialData":{"hashIterations":"1000","algorithm":"pbkdf2-sha256"}}`,
		"one that can't be read beside it": `{"type":"password","value":"x"},{"type":"password","hashedSaltedValue":"3uDAydvxaF6+L129YFKKrtXoeuBoQect3esX7LUkyr7ph1dRjeqXWx2zr1su1FSMJx6kIPNycRKZp8cPNegtJg==",` + salt + `,"hashIterations":1000}`,
	} {
		t.Run(name, func(t *testing.T) {
			account := read(t, importer.Keycloak(), `{"username":"older","email":"older@example.com","enabled":true,"credentials":[`+credential+`]}`)[0]
			require.True(t, opens(t, account, "letmein12"))
			require.False(t, opens(t, account, "letmein13"))
		})
	}
	plain := read(t, importer.Keycloak(), `{"email":"a@example.com","credentials":[{"type":"password","value":"SECRET"}]}`)[0]
	require.Contains(t, plain.Fault, "a password itself")
	require.NotContains(t, plain.Fault, "SECRET")
	for _, credentials := range []string{`"SECRET"`, `["SECRET"]`, `{}`, `5`} {
		require.NotEmpty(t, read(t, importer.Keycloak(), `{"email":"a@example.com","credentials":`+credentials+`}`)[0].Fault, credentials)
	}
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
