package keys_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/models/keys"
	"latchkey/tokens"
)

func TestManager_create_SealsAKeyToItsRow(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []tokens.Algorithm{tokens.ES256, tokens.EdDSA, tokens.RS256, tokens.HS256} {
		eachKeyStore(t, func(t *testing.T, f keyFixture) {
			manager := f.manager(algorithm)
			require.NoError(t, manager.Ensure(t.Context()))
			set := load(t, manager)
			text, err := set.Signing().MarshalPrivateKey()
			require.NoError(t, err)
			rows, _ := f.stored(t)
			for _, row := range rows {
				for _, plain := range [][]byte{[]byte("PRIVATE"), []byte("-----"), text, text[len(text)/2:]} {
					require.False(t, bytes.Contains(row.Sealed, plain))
				}
			}
			// Each under the other's name is no key at all.
			require.NoError(t, f.db.Model(&rows[0]).Update("sealed", rows[1].Sealed).Error)
			_, err = manager.Load(t.Context())
			require.ErrorIs(t, err, keys.ErrLocked)
		})
	}
}

func TestManager_Load_AFormerSecretKeyOpensAndTheCurrentOneSealsAnew(t *testing.T) {
	t.Parallel()
	eachKeyStore(t, func(t *testing.T, f keyFixture) {
		require.NoError(t, f.manager(tokens.EdDSA, "former").Ensure(t.Context()))
		f.clock.Advance(keyPublication)
		require.NoError(t, f.manager(tokens.EdDSA, "former").Rotate(t.Context()))
		before := f.ids(t)
		early := f.manager(tokens.EdDSA, "former", "current") // the first step of a change without interruption
		both := f.manager(tokens.EdDSA, "current", "former")

		require.NoError(t, both.Ensure(t.Context()))
		signing := load(t, both).Signing().ID()
		require.Equal(t, before[keys.Active][0], signing)
		rows, after := f.stored(t)
		require.Equal(t, before, after)
		set := load(t, f.manager(tokens.EdDSA, "current"))
		for _, row := range rows {
			require.True(t, verifies(set, row.ID))
		}
		_ = load(t, both)
		unchanged, _ := f.stored(t)
		require.Equal(t, rows, unchanged, "what is sealed under the current key stays as it is")

		require.Equal(t, signing, load(t, early).Signing().ID())
		require.Equal(t, signing, load(t, both).Signing().ID())
		_, err := f.manager(tokens.EdDSA, "former").Load(t.Context())
		require.ErrorIs(t, err, keys.ErrLocked)
	})
}

// Whatever a replica or an operator does with the wrong SECRET_KEY, it changes nothing and says what would help.
func TestManager_Load_AWrongSecretKeyChangesNothing(t *testing.T) {
	t.Parallel()
	eachKeyStore(t, func(t *testing.T, f keyFixture) {
		right, wrong := f.ensured(t), f.manager(tokens.ES256, "wrong")
		require.NoError(t, right.Rotate(t.Context()))
		f.clock.Advance(keyRotation)
		before, ids := f.stored(t)
		require.NotEmpty(t, ids[keys.Retired])
		cached, err := keys.NewCache(t.Context(), right)
		require.NoError(t, err)
		_, starting := keys.NewCache(t.Context(), wrong)
		_, loading := wrong.Load(t.Context())
		_, due := wrong.RotateIfDue(t.Context())
		for name, err := range map[string]error{
			"start":         starting,
			"load":          loading,
			"due":           due,
			"ensure":        wrong.Ensure(t.Context()),
			"rotate":        wrong.Rotate(t.Context()),
			"rotate now":    wrong.RotateNow(t.Context()),
			"retire next":   wrong.Retire(t.Context(), ids[keys.Next][0]),
			"retire active": wrong.Retire(t.Context(), ids[keys.Active][0]),
		} {
			require.ErrorIs(t, err, keys.ErrLocked, name)
			require.ErrorContains(t, err, "SECRET_KEY_FALLBACKS", name)
			require.ErrorContains(t, err, "latchkey keys retire -- ", name)
			after, _ := f.stored(t)
			require.Equal(t, before, after, name)
		}
		require.ErrorContains(t, loading, ids[keys.Active][0]+" "+ids[keys.Next][0])
		require.NoError(t, cached.Maintain(t.Context()))
	})
}

// The commands that the error recommends work, after which the service starts with new keys.
func TestManager_Retire_GivesUpALostSecretKey(t *testing.T) {
	t.Parallel()
	eachKeyStore(t, func(t *testing.T, f keyFixture) {
		require.NoError(t, f.ensured(t).Rotate(t.Context()))
		another := f.manager(tokens.EdDSA, "another")
		_, err := another.Load(t.Context())
		_, ids, found := strings.Cut(err.Error(), "latchkey keys retire -- ")
		require.True(t, found)
		require.Len(t, strings.Fields(ids), 3)
		require.NoError(t, another.Retire(t.Context(), strings.Fields(ids)...))
		requireOneActiveAndOneNext(t, f.ids(t))
		cached, err := keys.NewCache(t.Context(), another)
		require.NoError(t, err)
		require.NotContains(t, ids, cached.Current().Signing().ID())
	})
}

func TestManager_ErrorsShowNothingOfAKey(t *testing.T) {
	t.Parallel()
	eachKeyStore(t, func(t *testing.T, f keyFixture) {
		manager := f.ensured(t)
		text, err := load(t, manager).Signing().MarshalPrivateKey()
		require.NoError(t, err)
		// A key of the wrong algorithm opens, and then can't be read.
		require.NoError(t, f.db.Model(&keys.SigningKey{}).Where("true").Update("algorithm", "RS256").Error)
		_, err = manager.Load(t.Context())
		require.ErrorIs(t, err, tokens.ErrKeyInvalid)
		for _, line := range strings.Split(string(text), "\n") {
			if len(line) > 20 && !strings.HasPrefix(line, "---") {
				require.NotContains(t, err.Error(), line[:20])
			}
		}
		rows, _ := f.stored(t)
		require.NotContains(t, err.Error(), base64.StdEncoding.EncodeToString(rows[0].Sealed)[:20])
	})
}
