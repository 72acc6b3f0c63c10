package importer_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"latchkey/importer"
	"latchkey/models"
)

func read(t *testing.T, format importer.Format, lines string) []models.ExternalAccount {
	t.Helper()
	var accounts []models.ExternalAccount
	require.NoError(t, importer.ReadJSON(strings.NewReader(lines), format, collect(&accounts)))
	return accounts
}

func TestReadJSON_OfLatchkey(t *testing.T) {
	accounts := read(t, importer.Latchkey(), `
{"id":"0199a5c2-7f00-7abc-8def-0123456789ab","legacy_id":7,"email":"ann@example.com","password_hash":"!x","first_name":"Ann","last_name":"Bée","is_active":false,"is_staff":true,"is_superuser":true,"date_joined":"2019-04-01T08:00:00Z","last_login":"2026-01-02T03:04:05.678Z","locale":"de","timezone":"Europe/Berlin","deletion_due_at":"2026-01-02T03:04:05.678Z","tokens_valid_after":"2026-01-02T03:04:05.678Z"}
{"email":"bob@example.com"}
{"email":"cat@example.com","passwordHash":"SECRET"}
{"email":["SECRET"]}
SECRET
`)
	want := ann()
	want.Source, want.ID = "line 2", uuid.MustParse("0199a5c2-7f00-7abc-8def-0123456789ab")
	want.Locale, want.Timezone, want.DeletionDueAt = "de", "Europe/Berlin", want.LastLogin
	want.TokensValidAfter = want.LastLogin
	require.Equal(t, want, accounts[0])
	require.Equal(t, models.ExternalAccount{Source: "line 3", Email: "bob@example.com", IsActive: true}, accounts[1])
	for _, account := range accounts[2:] {
		require.NotEmpty(t, account.Fault+strings.Join(account.Notes, ""))
		require.NotContains(t, fmt.Sprint(account), "SECRET")
	}
	require.Contains(t, accounts[2].Fault, "passwordHash")
	require.Equal(t, "line 6", accounts[4].Source)
	err := importer.ReadJSON(strings.NewReader("{}\n"+strings.Repeat("x", 2<<20)), importer.Latchkey(),
		func(models.ExternalAccount) error { return nil })
	require.ErrorIs(t, err, importer.ErrLineTooLong)
	require.ErrorContains(t, err, "line 2")
}

func TestReadJSON_EndsWithTheErrorOfVisit(t *testing.T) {
	visit := func(models.ExternalAccount) error { return io.ErrShortWrite }
	require.ErrorIs(t, importer.ReadJSON(strings.NewReader("{}"), importer.Latchkey(), visit), io.ErrShortWrite)
}

const keycloakUser = `{"id":"user-1","username":"ann","email":"ann@example.com","enabled":true}`

// Whatever of its tools' forms a file has, the accounts are found without another program.
func TestReadJSON_FindsTheUsersOfADocument(t *testing.T) {
	firebase, err := importer.Firebase([]byte(firebaseConfig))
	require.NoError(t, err)
	firebaseUser := `{"localId":"x1","email":"ann@example.com","createdAt":"1554105600000"}`
	ours := `{"email":"ann@example.com","first_name":"Ann"}`
	for name, c := range map[string]struct {
		format importer.Format
		text   string
	}{
		"a realm":               {importer.Keycloak(), "{\n \"realm\": \"shop\", \"roles\": {\"realm\": [{}]},\n \"users\": [ " + keycloakUser + " ],\n \"x\": 1 }"},
		"a realm on one line":   {importer.Keycloak(), `{"realm":"shop","users":[` + keycloakUser + `]}`},
		"a list of realms":      {importer.Keycloak(), `[{"realm":"master","users":[]},{"realm":"shop","users":[` + keycloakUser + `],"enabled":true}]`},
		"a list of users":       {importer.Keycloak(), "[\n" + keycloakUser + "\n]"},
		"a long realm":          {importer.Keycloak(), `{"realm":"` + strings.Repeat("x", 2<<20) + `","users":[` + keycloakUser + `]}`},
		"users.json":            {firebase, "{\"users\": [\n" + firebaseUser + "]}\n"},
		"an indented account":   {importer.Latchkey(), "{\n  \"email\": \"ann@example.com\"\n}\n"},
		"indented accounts":     {importer.Latchkey(), "{\n\"email\": \"ann@example.com\"\n}\n"},
		"a line":                {importer.Latchkey(), ours},
		"after blank lines":     {importer.Latchkey(), strings.Repeat("\n", 65<<10) + ours},
		"a line after garbage":  {importer.Latchkey(), "# accounts\n" + ours},
		"a byte order mark":     {importer.Latchkey(), "\ufeff" + ours},
		"UTF-16 of PowerShell":  {importer.Latchkey(), utf16LittleEndian("\ufeff" + ours + "\r\n")},
		"a document in UTF-16":  {importer.Keycloak(), utf16LittleEndian("\ufeff[\r\n" + keycloakUser + "\r\n]")},
		"gzip":                  {importer.Keycloak(), zipped(t, `{"users":[`+keycloakUser+`]}`)},
		"a name twice":          {importer.Latchkey(), `{"email":"old@example.com","email":"ann@example.com"}`},
		"a line with bad UTF-8": {importer.Latchkey(), `{"email":"ann@example.com","first_name":"` + "\xff" + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			accounts := read(t, c.format, c.text)
			ann := accounts[len(accounts)-1]
			require.Equal(t, "ann@example.com", ann.Email)
			require.Empty(t, ann.Fault)
			require.True(t, ann.IsActive)
		})
	}
}

func utf16LittleEndian(text string) string {
	var encoded []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		encoded = binary.LittleEndian.AppendUint16(encoded, unit)
	}
	return string(encoded)
}

func zipped(t *testing.T, text string) string {
	t.Helper()
	var into bytes.Buffer
	writer := gzip.NewWriter(&into)
	_, err := writer.Write([]byte(text))
	require.NoError(t, errors.Join(err, writer.Close()))
	return into.String()
}

// What can't be imported like this is one sentence that says what it is, instead of a refusal for every line.
func TestReadJSON_SaysWhatElseAFileIs(t *testing.T) {
	firebase, err := importer.Firebase([]byte(firebaseConfig))
	require.NoError(t, err)
	realm := "{\n\"realm\": \"shop\",\n\"users\": [\n" + keycloakUser + "\n]}"
	for name, c := range map[string]struct {
		format importer.Format
		text   string
		err    error
		says   string
	}{
		"a realm":              {importer.Latchkey(), realm, importer.ErrOtherFormat, "Keycloak's; import it with --format keycloak"},
		"a realm to Firebase":  {firebase, realm, importer.ErrOtherFormat, "--format keycloak"},
		"users.json":           {importer.Latchkey(), "{\"users\": [\n{\"localId\":\"x\"}]}", importer.ErrOtherFormat, "--format firebase"},
		"users.json elsewhere": {importer.Keycloak(), `{"users": [{"localId":"x"}]}`, importer.ErrOtherFormat, "--format firebase"},
		"an export of ours":    {importer.Keycloak(), `{"email":"a@example.com","password_hash":"!"}`, importer.ErrOtherFormat, "--format latchkey"},
		"Auth0's":              {importer.Latchkey(), `{"_id":{"$oid":"1"},"email":"a@example.com"}`, importer.ErrOtherFormat, "Auth0"},
		"a dump":               {importer.Latchkey(), dump, importer.ErrOtherFormat, "latchkey import django"},
		"CSV":                  {importer.Latchkey(), "email,password\na@example.com,SECRET\n", importer.ErrNotJSON, "one per line or in a list"},
		"SQL":                  {importer.Latchkey(), "COPY users FROM stdin;\n", importer.ErrNotJSON, "not JSON"},
		"a realm cut short":    {importer.Keycloak(), realm[:len(realm)-3], importer.ErrNotJSON, "does not end where it should"},
		"a broken realm":       {importer.Keycloak(), `{"x":"` + strings.Repeat("x", 65<<10) + `","users":[` + keycloakUser + `,SECRET`, importer.ErrNotJSON, "not JSON at byte"},
	} {
		t.Run(name, func(t *testing.T) {
			err := importer.ReadJSON(strings.NewReader(c.text), c.format, func(models.ExternalAccount) error { return nil })
			require.ErrorIs(t, err, c.err)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "SECRET")
		})
	}
}

// A value of an unexpected type costs the field, and says so.
func TestReadJSON_LeavesOutOddFields(t *testing.T) {
	account := read(t, importer.Latchkey(), `{"id":"user-1","legacy_id":"7","email":"ann@example.com","first_name":5,"last_name":[],
		"is_active":"True","is_staff":"perhaps","date_joined":"2012-02-01 08:00","last_login":"yesterday","locale":null}`)[0]
	require.Empty(t, account.Fault)
	require.Equal(t, importer.ForeignID("user-1"), account.ID)
	require.Equal(t, int64(7), *account.LegacyID)
	require.Equal(t, []any{"5", "", true, false}, []any{account.FirstName, account.LastName, account.IsActive, account.IsStaff})
	require.Equal(t, time.Date(2012, 2, 1, 8, 0, 0, 0, time.UTC), account.DateJoined)
	require.Equal(t, []string{
		"last_name: it is not a text, and is left out", "is_staff: it is neither true nor false, and is taken as false",
		"last_login: it is not a time, and is left out",
	}, account.Notes)
	for _, line := range []string{`{"email":"a@example.com","is_active":null}`, `{"email":"a@example.com","is_active":"maybe"}`} {
		odd := read(t, importer.Latchkey(), line)[0]
		require.False(t, odd.IsActive, "who may have been locked out is")
		require.Len(t, odd.Notes, 1)
	}
	require.NotEmpty(t, read(t, importer.Latchkey(), `{"email":"a@example.com","password_hash":["SECRET"]}`)[0].Fault)
	require.NotEmpty(t, read(t, importer.Latchkey(), `{"email":"a@example.com","legacy_id":1.5}`)[0].Fault)
}

// Reading never panics, whatever the text.
func FuzzReadJSON(f *testing.F) {
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
		for _, format := range []importer.Format{importer.Latchkey(), importer.Keycloak(), format} {
			_ = importer.ReadJSON(strings.NewReader(text), format, keep)
		}
	})
}
