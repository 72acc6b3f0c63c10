package keys_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/models/keys"
	"latchkey/tokens"
)

func TestCache_Maintain_MakesKeysThatWentMissing(t *testing.T) {
	t.Parallel()
	eachKeyStore(t, func(t *testing.T, f keyFixture) {
		cached, err := keys.NewCache(t.Context(), f.manager(tokens.EdDSA))
		require.NoError(t, err)
		for _, lost := range []string{"state = 'next'", "state = 'active'", "true"} {
			require.NoError(t, f.db.Where(lost).Delete(&keys.SigningKey{}).Error)
			require.NoError(t, cached.Maintain(t.Context()))
			ids := f.ids(t)
			requireOneActiveAndOneNext(t, ids)
			require.Equal(t, ids[keys.Active][0], cached.Current().Signing().ID())
		}
	})
}

func TestCache_Reload_KeepsItsKeysAfterAnError(t *testing.T) {
	t.Parallel()
	eachKeyStore(t, func(t *testing.T, f keyFixture) {
		cached, err := keys.NewCache(t.Context(), f.manager(tokens.EdDSA))
		require.NoError(t, err)
		signing := cached.Current().Signing().ID()
		require.NoError(t, f.db.Model(&keys.SigningKey{}).Where("true").Update("sealed", []byte("junk")).Error)
		require.ErrorIs(t, cached.Maintain(t.Context()), keys.ErrLocked)
		require.Equal(t, signing, cached.Current().Signing().ID())
	})
}
