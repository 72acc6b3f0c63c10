package importer_test

import (
	"strings"
	"testing"
	"time"

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

func ann() models.ExternalAccount {
	return models.ExternalAccount{
		Source: "id 7", LegacyID: new(int64(7)), Email: "ann@example.com", Password: "!x", FirstName: "Ann", LastName: "Bée",
		IsStaff: true, IsSuperuser: true, DateJoined: time.Date(2019, 4, 1, 8, 0, 0, 0, time.UTC),
		LastLogin: new(time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)),
	}
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

// A misspelt column must not look like an account that is active and has no password.
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

// As Django's own deserializer reads them, and its older ones.
func TestColumns_Account_ReadsTimesAsDjangoDoes(t *testing.T) {
	midnight, eight := time.Date(2012, 2, 1, 0, 0, 0, 0, time.UTC), time.Date(2012, 2, 1, 8, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2012-02-01": midnight, "2012-2-1": midnight, "2012-02-01 08:00": eight, "2012-02-01T08:00": eight, "2012-02-01T08:00Z": eight,
		"2012-02-01T08:00:00+0000": eight, "2012-02-01T08:00:00.000-00": eight, "2012-02-01T09:30:00+01:30": eight, "2012-02-01 8:0:0": eight,
		"2012-02-01T08:00:00,5": eight.Add(time.Second / 2), "2012-02-01T08:00:00.12345678": eight.Add(123456 * time.Microsecond),
		"2012-02-01T06:00:00.000-0200": eight, "2012-02-01 08:00:00 +00:00": eight,
	} {
		account := importer.DjangoColumns().Account(map[string]any{"id": int64(1), "date_joined": text})
		require.Empty(t, account.Notes, text)
		require.True(t, want.Equal(account.DateJoined), "%s: %s", text, account.DateJoined)
	}
	for _, text := range []string{"2012-02-30", "2012-13-01", "0000-01-01", "2012-02-01T24:00", "2012-02-01T08:60", "08:00", "SECRET", "2012-02-01T08"} {
		account := importer.DjangoColumns().Account(map[string]any{"id": int64(1), "date_joined": text})
		require.Equal(t, []string{"date_joined: it is not a time, and is left out"}, account.Notes, text)
		require.Empty(t, account.Fault)
	}
}

func TestColumns_Account_ReadsBooleansAsDjangoDoes(t *testing.T) {
	for value, want := range map[any]bool{
		true: true, "True": true, "t": true, "1": true, int64(1): true, "true": true, "1.0": true,
		false: false, "False": false, "f": false, "0": false, int64(0): false,
	} {
		account := importer.DjangoColumns().Account(map[string]any{"id": int64(1), "is_active": value, "is_staff": value})
		require.Empty(t, account.Notes, value)
		require.Equal(t, []bool{want, want}, []bool{account.IsActive, account.IsStaff}, value)
	}
}

// An odd field costs the field, and says so. Only a key or a hash that can't be read costs the account.
func TestColumns_Account_NotesWhatCanNotBeRead(t *testing.T) {
	account := importer.DjangoColumns().Account(map[string]any{
		"id": int64(1), "email": int64(1), "first_name": 1.5, "is_staff": "SECRET", "date_joined": "SECRET", "is_active": nil,
	})
	require.Empty(t, account.Fault)
	require.Equal(t, []string{
		"first_name: it is not a text, and is left out", "is_active: it is neither true nor false, so that the account is not active",
		"is_staff: it is neither true nor false, and is taken as false", "date_joined: it is not a time, and is left out",
	}, account.Notes)
	require.False(t, account.IsActive)
	require.Equal(t, "id: it is neither a number nor a text",
		importer.DjangoColumns().Account(map[string]any{"id": 1.5, "email": "a@example.com"}).Fault)
	require.Equal(t, "password: it is not a text",
		importer.DjangoColumns().Account(map[string]any{"id": int64(1), "password": int64(5)}).Fault)
	require.Contains(t,
		importer.DjangoColumns().Account(map[string]any{"id": int64(1), "username": "ann@example.com", "email": ""}).Fault,
		"--map email=username")
}

func TestColumns_Account_TakesEveryKey(t *testing.T) {
	of := func(key any) models.ExternalAccount {
		return importer.DjangoColumns().Account(map[string]any{"id": key})
	}
	require.Equal(t, int64(7), *of("7").LegacyID, "a number that was written as a text")
	for _, key := range []string{"ann", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "a@example.com"} {
		require.Equal(t, importer.ForeignID(key), of(key).ID)
		require.Equal(t, "id "+key, of(key).Source)
		require.NotZero(t, of(key).ID)
	}
}

// opens reports whether password is the account's, whatever the costs of its hash.
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
