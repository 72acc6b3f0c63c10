package importer_test

import (
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"latchkey/importer"
	"latchkey/models"
	"latchkey/passwords"
)

func collect(into *[]models.ExternalAccount) func(models.ExternalAccount) error {
	return func(account models.ExternalAccount) error {
		*into = append(*into, account)
		return nil
	}
}

const dump = `[
{"model": "contenttypes.contenttype", "pk": 1, "fields": {"app_label": "users", "model": "user"}},
{"model": "users.user", "pk": 7, "fields": {"password": "!x", "last_login": "2026-01-02T03:04:05.678Z", "is_superuser": true,
 "first_name": "Ann", "last_name": "Bée", "email": "ann@example.com", "is_staff": true, "is_active": false,
 "date_joined": "2019-04-01T08:00:00", "groups": [], "user_permissions": []}},
{"model": "users.user", "pk": "8c5a2f3e-9a51-4a3e-8f0d-6f6c4f1b2a10", "fields": {"password": "!y", "last_login": null, "email": "bob@example.com"}}
]`

func ann() models.ExternalAccount {
	return models.ExternalAccount{
		Source: "id 7", LegacyID: new(int64(7)), Email: "ann@example.com", Password: "!x", FirstName: "Ann", LastName: "Bée",
		IsStaff: true, IsSuperuser: true, DateJoined: time.Date(2019, 4, 1, 8, 0, 0, 0, time.UTC),
		LastLogin: new(time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)),
	}
}

func TestReadDump_AsArrayAndAsLines(t *testing.T) {
	bob := models.ExternalAccount{
		Source: "id 8c5a2f3e-9a51-4a3e-8f0d-6f6c4f1b2a10", ID: uuid.MustParse("8c5a2f3e-9a51-4a3e-8f0d-6f6c4f1b2a10"),
		Email: "bob@example.com", Password: "!y", IsActive: true,
	}
	asLines := strings.NewReplacer("[\n", "", "\n]", "", "}},\n", "}}\n").Replace(dump)
	for name, text := range map[string]string{"array": dump, "lines": asLines} {
		for _, table := range []string{"", "users_user", "Users_User"} {
			var read []models.ExternalAccount
			require.NoError(t, importer.ReadDump(strings.NewReader(text), table, importer.DjangoColumns(), collect(&read)), name)
			require.Equal(t, []models.ExternalAccount{ann(), bob}, read)
		}
	}
}

func TestReadDump_RefusesWhatIsNotADump(t *testing.T) {
	second := `{"model": "shop.customer", "pk": 1, "fields": {"password": "SECRET", "last_login": null}}`
	for name, c := range map[string]struct {
		text, table string
		err         error
	}{
		"nothing":              {"", "", importer.ErrNoUsers},
		"no users":             {"[]", "", importer.ErrNoUsers},
		"another table":        {dump, "auth_user", importer.ErrNoUsers},
		"two models":           {strings.TrimSuffix(dump, "\n]") + "," + second + "]", "", importer.ErrNoUsers},
		"cut short":            {strings.TrimSuffix(dump, "\n]"), "", importer.ErrNotADump},
		"cut in a user":        {dump[:len(dump)-20], "", importer.ErrNotADump},
		"no JSON":              {"COPY users_user FROM stdin;", "", importer.ErrNotADump},
		"something after":      {dump + "SECRET", "", importer.ErrNotADump},
		"another shape":        {`[{"model": "users.user", "fields": "SECRET"}]`, "", importer.ErrNotADump},
		"natural keys":         {`{"model":"a.user","fields":{"password":"","last_login":null}}`, "", importer.ErrNoKeys},
		"a key that is a list": {`{"model":"a.user","pk":[1],"fields":{"password":"","last_login":null}}`, "", importer.ErrNoKeys},
		"a name twice":         {`[{"model": "a", "model": "SECRET"}]`, "", importer.ErrNotADump},
	} {
		t.Run(name, func(t *testing.T) {
			err := importer.ReadDump(strings.NewReader(c.text), c.table, importer.DjangoColumns(),
				func(models.ExternalAccount) error { return nil })
			require.ErrorIs(t, err, c.err)
			require.NotContains(t, err.Error(), "SECRET")
		})
	}
}

func TestReadDump_EndsWithTheErrorOfVisit(t *testing.T) {
	visit := func(models.ExternalAccount) error { return io.ErrShortWrite }
	require.ErrorIs(t, importer.ReadDump(strings.NewReader(dump), "", importer.DjangoColumns(), visit), io.ErrShortWrite)
	require.ErrorIs(t, importer.ReadLines(strings.NewReader("{}"), importer.Latchkey, visit), io.ErrShortWrite)
}

func TestColumns_With(t *testing.T) {
	columns, err := importer.DjangoColumns().With([]string{"email=username", "id=uid"})
	require.NoError(t, err)
	account := columns.Account(map[string]any{"username": "ann@example.com", "uid": int64(7), "id": "other", "email": "other"})
	require.Equal(t, models.ExternalAccount{
		Source: "id 7", LegacyID: new(int64(7)), Username: "ann@example.com", Email: "ann@example.com", IsActive: true,
	}, account)
	for _, mapping := range []string{"email", "email=", "mail=email", "=x", ""} {
		_, err := importer.DjangoColumns().With([]string{mapping})
		require.ErrorIs(t, err, importer.ErrMap)
	}
}

// A column that is misspelt must not look like an account that is active and has no password.
func TestColumns_Check(t *testing.T) {
	for _, mappings := range [][]string{{"is_active=actif"}, {"password=passwd"}, {"email=mail"}, {"last_login=seen"}} {
		columns, err := importer.DjangoColumns().With(mappings)
		require.NoError(t, err)
		var read []models.ExternalAccount
		err = importer.ReadDump(strings.NewReader(dump), "users_user", columns, collect(&read))
		require.ErrorIs(t, err, importer.ErrNoColumn)
		_, column, _ := strings.Cut(mappings[0], "=")
		require.ErrorContains(t, err, "no such column: "+column)
		require.Empty(t, read)
	}
	columns, err := importer.DjangoColumns().With([]string{"first_name=given"})
	require.NoError(t, err)
	row := map[string]any{"id": 1, "email": nil, "password": nil}
	require.ErrorIs(t, columns.Check(row), importer.ErrNoColumn)
	row["given"] = nil
	require.NoError(t, columns.Check(row))
}

// Keys are not numbers to calculate with: 2^53 and its neighbours are three accounts.
func TestReadDump_KeepsKeysExact(t *testing.T) {
	for _, key := range []int64{1<<53 - 1, 1 << 53, 1<<53 + 1, math.MaxInt64, -1} {
		var read []models.ExternalAccount
		text := fmt.Sprintf(`{"model":"a.user","pk":%d,"fields":{"password":"","last_login":null,"email":"a@example.com"}}`, key)
		require.NoError(t, importer.ReadDump(strings.NewReader(text), "", importer.DjangoColumns(), collect(&read)))
		require.Equal(t, key, *read[0].LegacyID)
	}
}

func TestColumns_Account_ReadsTimesAsDatabasesWriteThem(t *testing.T) {
	want := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, text := range []string{
		"2020-01-02T03:04:05Z", "2020-01-02T04:04:05+01:00", "2020-01-02T03:04:05", "2020-01-02T03:04:05.000000", "2020-01-02 03:04:05",
		"2020-01-02 03:04:05.000", "2020-01-02 03:04:05+00", "2020-01-02 03:04:05+00:00", "2020-01-02 05:04:05.000+02:00",
	} {
		account := importer.DjangoColumns().Account(map[string]any{"id": int64(1), "last_login": text})
		require.Empty(t, account.Fault, text)
		require.True(t, want.Equal(*account.LastLogin), text)
	}
}

func TestColumns_Account_HasAFaultIfARowCanNotBeRead(t *testing.T) {
	account := importer.DjangoColumns().Account(map[string]any{
		"id": 1.5, "email": int64(1), "is_staff": "SECRET", "date_joined": "SECRET", "is_active": []byte("t"),
	})
	require.Equal(t, "email: it is not a text; is_staff: it is neither true nor false; is_active: it is neither true nor false; "+
		"date_joined: it is not a time; id: it is neither an integer nor a UUID", account.Fault)
}

func read(t *testing.T, format importer.Format, lines string) []models.ExternalAccount {
	t.Helper()
	var accounts []models.ExternalAccount
	require.NoError(t, importer.ReadLines(strings.NewReader(lines), format, collect(&accounts)))
	return accounts
}

func TestReadLines_OfLatchkey(t *testing.T) {
	accounts := read(t, importer.Latchkey, `
{"id":"0199a5c2-7f00-7abc-8def-0123456789ab","legacy_id":7,"email":"ann@example.com","password_hash":"!x","first_name":"Ann","last_name":"Bée","is_active":false,"is_staff":true,"is_superuser":true,"date_joined":"2019-04-01T08:00:00Z","last_login":"2026-01-02T03:04:05.678Z","locale":"de","timezone":"Europe/Berlin","deletion_due_at":"2026-01-02T03:04:05.678Z"}
{"email":"bob@example.com"}
{"email":"cat@example.com","passwordHash":"SECRET"}
{"email":["SECRET"]}
SECRET
`)
	want := ann()
	want.Source, want.ID = "line 2", uuid.MustParse("0199a5c2-7f00-7abc-8def-0123456789ab")
	want.Locale, want.Timezone, want.DeletionDueAt = "de", "Europe/Berlin", want.LastLogin
	require.Equal(t, want, accounts[0])
	require.Equal(t, models.ExternalAccount{Source: "line 3", Email: "bob@example.com", IsActive: true}, accounts[1])
	for _, account := range accounts[2:] {
		require.NotEmpty(t, account.Fault)
		require.NotContains(t, account.Fault, "SECRET")
	}
	require.Contains(t, accounts[2].Fault, "passwordHash")
	require.Equal(t, "line 6", accounts[4].Source)
	err := importer.ReadLines(strings.NewReader("{}\n"+strings.Repeat("x", 2<<20)), importer.Latchkey,
		func(models.ExternalAccount) error { return nil })
	require.ErrorIs(t, err, importer.ErrLineTooLong)
	require.ErrorContains(t, err, "line 2")
}

// opens tells whether password is the account's, whatever the hash says of its costs.
func opens(t *testing.T, account models.ExternalAccount, password string) bool {
	t.Helper()
	require.Empty(t, account.Fault)
	pool, err := passwords.NewPool(passwords.Options{Concurrency: 1})
	require.NoError(t, err)
	defer pool.Close()
	result, err := pool.Verify(t.Context(), password, account.Password)
	require.NoError(t, err)
	return result.Match
}

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
		require.Contains(t, account.Fault, "its credential is none of Keycloak's")
	}
	require.Contains(t, read(t, importer.Keycloak, `{"id":1}`)[0].Fault, "id")
}

const firebaseConfig = `{"algorithm":"SCRYPT",
 "base64_signer_key":"jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==",
 "base64_salt_separator":"Bw==","rounds":8,"mem_cost":14}`

func TestFirebase_ReadsHashesAndTimes(t *testing.T) {
	format, err := importer.Firebase([]byte(firebaseConfig))
	require.NoError(t, err)
	const hash = "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
	webSafe := strings.NewReplacer("+", "-", "/", "_", "=", "").Replace
	for _, line := range []string{
		`{"localId":"x1","email":"ann@example.com","emailVerified":true,"passwordHash":"` + hash + `","salt":"42xEC+ixf3L2lw==",` +
			`"displayName":"Ann van Bee","createdAt":"1554105600000","lastSignedInAt":"1767322800000","providerUserInfo":[]}`,
		`{"email":"ann@example.com","passwordHash":"` + webSafe(hash) + `","salt":"` + webSafe("42xEC+ixf3L2lw==") + `",` +
			`"displayName":"Ann van Bee","createdAt":"1554105600000","lastSignedInAt":"1767322800000"}`,
	} {
		account := read(t, format, line)[0]
		require.True(t, opens(t, account, "user1password"))
		require.Equal(t, []string{"Ann", "van Bee"}, []string{account.FirstName, account.LastName})
		require.True(t, account.IsActive)
		require.Equal(t, time.Date(2019, 4, 1, 8, 0, 0, 0, time.UTC), account.DateJoined)
		require.Equal(t, time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC), *account.LastLogin)
	}
	never := read(t, format, `{"email":"ann@example.com","createdAt":"1","lastSignedInAt":""}`)[0]
	require.Empty(t, never.Fault+never.Password)
	require.Nil(t, never.LastLogin)
	require.NotEmpty(t, read(t, format, `{"email":"ann@example.com","createdAt":"SECRET"}`)[0].Fault)
	require.NotEmpty(t, read(t, format, `{"email":"ann@example.com","passwordHash":"!","salt":""}`)[0].Fault)
	for _, config := range []string{"", "{}", "[]", "SECRET", `{"base64_signer_key":"SECRET!"}`} {
		_, err := importer.Firebase([]byte(config))
		require.ErrorIs(t, err, importer.ErrHashConfig)
	}
}

// Whatever is read, nothing panics, and what could be read holds no fault.
func FuzzLines(f *testing.F) {
	format, err := importer.Firebase([]byte(firebaseConfig))
	require.NoError(f, err)
	for _, line := range keycloakCredentials() {
		f.Add(`{"credentials":[{"type":"password","secretData":` + fmt.Sprintf("%q", line[0]) + `}]}`)
	}
	f.Add(dump)
	f.Add(`{"email":"a@example.com","legacy_id":1,"date_joined":"2019-04-01T08:00:00Z"}`)
	f.Fuzz(func(t *testing.T, text string) {
		keep := func(models.ExternalAccount) error { return nil }
		_ = importer.ReadDump(strings.NewReader(text), "", importer.DjangoColumns(), keep)
		for _, format := range []importer.Format{importer.Latchkey, importer.Keycloak, format} {
			_ = importer.ReadLines(strings.NewReader(text), format, keep)
		}
	})
}
