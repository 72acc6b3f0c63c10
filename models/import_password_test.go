package models_test

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/models"
	"latchkey/passwords"
	"latchkey/testkit"
)

func TestImportManager_Import_KeepsAPasswordChangedHere(t *testing.T) {
	t.Parallel()
	eachImport(t, func(t *testing.T, f importFixture) {
		account := foreign(1, "ann@example.com")
		f.run(t, account)
		require.NoError(t, f.SetPassword(t.Context(), "ann@example.com", strongPassword))
		require.Equal(t, models.ImportReport{Unchanged: 1}, f.run(t, account))
		account.Password = otherDjangoHash
		require.Equal(t, models.ImportReport{Kept: 1}, f.run(t, account), "changed in both places")
		account.Password = djangoHash
		require.Equal(t, models.ImportReport{Kept: 1}, f.run(t, account), "and back")
		_, err := f.Authenticate(t.Context(), "ann@example.com", strongPassword)
		require.NoError(t, err)
	})
}

func TestImportManager_Import_TakesAPasswordChangedThere(t *testing.T) {
	t.Parallel()
	eachImport(t, func(t *testing.T, f importFixture) {
		account := foreign(1, "ann@example.com")
		f.run(t, account)
		account.Password = otherDjangoHash
		require.Equal(t, models.ImportReport{Updated: 1}, f.run(t, account))
		require.Equal(t, otherDjangoHash, f.stored(t)["ann@example.com"].Password)
	})
}

func TestImportManager_Import_RecognisesPasswordsByAFallbackKey(t *testing.T) {
	t.Parallel()
	eachImport(t, func(t *testing.T, f importFixture) {
		account := foreign(1, "ann@example.com")
		f.run(t, account)
		f.imports = testkit.NewManagers(t, f.db, testkit.ManagerOptions{ImportKeys: []string{"a new key", "a key"}}).Imports
		require.Equal(t, models.ImportReport{Unchanged: 1}, f.run(t, account))
		account.Password = otherDjangoHash
		require.Equal(t, models.ImportReport{Updated: 1}, f.run(t, account))
	})
}

// At a login the imported hash becomes one of ours. That is no change of the password, however often the costs were raised.
func TestImportManager_Import_TakesAPasswordChangedThereAfterALoginHere(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, l loginFixture) {
		f := importFixture{l.fixture, l.managers.Imports}
		account := foreign(1, "ann@example.com")
		account.Password = djangoEncoded(t, strongPassword)
		f.run(t, account)
		l.login(t, "ann@example.com", "")
		require.NotEqual(t, account.Password, f.stored(t)["ann@example.com"].Password)
		account.FirstName = "Annie"
		require.Equal(t, models.ImportReport{Updated: 1}, f.run(t, account))
		require.Equal(t, models.ImportReport{Unchanged: 1}, f.run(t, account))
		l.withOtherHashes(t).login(t, "ann@example.com", "")
		account.Password = djangoEncoded(t, "another of her passwords")
		require.Equal(t, models.ImportReport{Updated: 1}, f.run(t, account))
		_, err := l.try("ann@example.com", strongPassword, "")
		require.ErrorIs(t, err, models.ErrInvalidCredentials)
		_, err = l.try("ann@example.com", "another of her passwords", "")
		require.NoError(t, err)
	})
}

// What was upgraded is a password of this place, if it was set here.
func TestImportManager_Import_KeepsAPasswordChangedHereAfterALogin(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, l loginFixture) {
		f := importFixture{l.fixture, l.managers.Imports}
		account := foreign(1, "ann@example.com")
		f.run(t, account)
		require.NoError(t, f.SetPassword(t.Context(), "ann@example.com", strongPassword))
		before := f.stored(t)["ann@example.com"].Password
		l.withOtherHashes(t).login(t, "ann@example.com", "")
		require.NotEqual(t, before, f.stored(t)["ann@example.com"].Password)
		account.Password = otherDjangoHash
		require.Equal(t, models.ImportReport{Kept: 1}, f.run(t, account))
	})
}

// withOtherHashes is the fixture after the settings of hashes have changed.
func (f loginFixture) withOtherHashes(t *testing.T) loginFixture {
	t.Helper()
	hasher, err := passwords.NewPool(passwords.Options{
		Parameters: passwords.Parameters{Algorithm: passwords.PBKDF2SHA256, Iterations: 1000}, Wait: time.Minute,
	})
	require.NoError(t, err)
	t.Cleanup(hasher.Close)
	f.fixture = newFixture(t, f.db, testkit.ManagerOptions{Now: f.clock.Now, Hasher: hasher, Sessions: testRules})
	f.logins = f.managers.Logins
	return f
}

// djangoEncoded is a password as Django keeps it.
func djangoEncoded(t *testing.T, password string) string {
	t.Helper()
	hash, err := pbkdf2.Key(sha256.New, password, []byte("seasalt"), 1, 32)
	require.NoError(t, err)
	return "pbkdf2_sha256$1$seasalt$" + base64.StdEncoding.EncodeToString(hash)
}
