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

func TestColumns_Account_HasAFaultIfARowCanNotBeRead(t *testing.T) {
	account := importer.DjangoColumns().Account(map[string]any{
		"id": 1.5, "email": int64(1), "is_staff": "SECRET", "date_joined": "SECRET", "is_active": []byte("t"),
	})
	require.Equal(t, "email: it is not a string; is_staff: it is neither true nor false; is_active: it is neither true nor false; "+
		"date_joined: it is not a time; id: it is neither an integer nor a UUID", account.Fault)
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
