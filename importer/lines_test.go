package importer_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"latchkey/importer"
	"latchkey/models"
)

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

func TestReadLines_EndsWithTheErrorOfVisit(t *testing.T) {
	visit := func(models.ExternalAccount) error { return io.ErrShortWrite }
	require.ErrorIs(t, importer.ReadLines(strings.NewReader("{}"), importer.Latchkey, visit), io.ErrShortWrite)
}

// Reading never panics, whatever the text.
func FuzzReadLines(f *testing.F) {
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
