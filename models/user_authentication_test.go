package models_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/models"
	"latchkey/passwords"
)

func TestUserManager_authenticate_FindsTheUser(t *testing.T) {
	t.Parallel()
	eachManager(t, func(t *testing.T, f fixture) {
		created := f.create(t, "ann@example.com")
		user, err := f.Authenticate(t.Context(), " ANN@Example.com", strongPassword)
		require.NoError(t, err)
		require.Equal(t, created, user)
	})
}

// Whatever is wrong, the answer is the same error after the same one hash.
func TestUserManager_authenticate_EveryRefusalLooksAndCostsTheSame(t *testing.T) {
	t.Parallel()
	eachManager(t, func(t *testing.T, f fixture) {
		f.create(t, "ann@example.com")
		f.set(t, f.create(t, "inactive@example.com"), "is_active", false)
		f.set(t, f.create(t, "unusable@example.com"), "password", passwords.Unusable())
		f.set(t, f.create(t, "empty@example.com"), "password", "")
		for name, attempt := range map[string][2]string{
			"wrong password":  {"ann@example.com", strongPassword + " "},
			"empty password":  {"ann@example.com", ""},
			"unknown email":   {"bob@example.com", strongPassword},
			"malformed email": {"bob", strongPassword},
			"inactive":        {"inactive@example.com", strongPassword},
			"unusable":        {"unusable@example.com", strongPassword},
			"no password":     {"empty@example.com", ""},
		} {
			before := f.hasher.Hashes()
			user, err := f.Authenticate(t.Context(), attempt[0], attempt[1])
			require.Equal(t, models.ErrInvalidCredentials, err, name)
			require.Nil(t, user, name)
			require.EqualValues(t, 1, f.hasher.Hashes()-before, name)
		}
	})
}

func TestUserManager_authenticate_ACancelledLoginIsNoRefusal(t *testing.T) {
	t.Parallel()
	eachManager(t, func(t *testing.T, f fixture) {
		f.create(t, "ann@example.com")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := f.Authenticate(ctx, "ann@example.com", strongPassword)
		require.ErrorIs(t, err, context.Canceled)
	})
}
