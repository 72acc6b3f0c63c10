package keys_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/models/keys"
	"latchkey/testkit"
	"latchkey/tokens"
)

const (
	keyPublication = 7 * time.Minute
	keyRotation    = 90 * 24 * time.Hour
	keyTrust       = 5*time.Minute + keys.MaxAge // after retirement
)

var keyTokenOptions = tokens.AccessTokenOptions{
	Issuer: "https://auth.example.com", Audience: "https://api.example.com", Lifetime: 5 * time.Minute,
}

// keyFixture is what the managers of several replicas have in common.
type keyFixture struct {
	db    *gorm.DB
	clock *testkit.Clock
}

func eachKeyStore(t *testing.T, run func(t *testing.T, f keyFixture)) {
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) { run(t, keyFixture{db, testkit.NewClock()}) })
}

func sealingKeys(secrets ...string) [][]byte {
	var sealing [][]byte
	for _, secret := range secrets {
		sealing = append(sealing, tokens.DeriveKey([]byte(secret), "signing-keys"))
	}
	return sealing
}

// manager is a replica's, of an algorithm and of SECRET_KEYs, one unless given.
func (f keyFixture) manager(algorithm tokens.Algorithm, secrets ...string) *keys.Manager {
	if len(secrets) == 0 {
		secrets = []string{"the secret key"}
	}
	return keys.NewManager(testkit.NewStore(f.db, f.clock.Now), sealingKeys(secrets...), keys.Rules{
		Algorithm: algorithm, Rotation: keyRotation, TokenLifetime: 5 * time.Minute, Publication: keyPublication,
	})
}

// ensured is a manager whose next key may sign.
func (f keyFixture) ensured(t *testing.T) *keys.Manager {
	t.Helper()
	manager := f.manager(tokens.EdDSA)
	require.NoError(t, manager.Ensure(t.Context()))
	f.clock.Advance(keyPublication)
	return manager
}

// stored is every key, and the ids of those in each state.
func (f keyFixture) stored(t require.TestingT) (rows []keys.SigningKey, ids map[string][]string) {
	require.NoError(t, f.db.Order("state, created_at, activated_at").Find(&rows).Error)
	ids = map[string][]string{}
	for _, row := range rows {
		ids[row.State] = append(ids[row.State], row.ID)
	}
	return rows, ids
}

func (f keyFixture) all(t require.TestingT) []keys.SigningKey {
	rows, _ := f.stored(t)
	return rows
}

func (f keyFixture) ids(t require.TestingT) map[string][]string {
	_, ids := f.stored(t)
	return ids
}

func requireOneActiveAndOneNext(t require.TestingT, ids map[string][]string) {
	require.Len(t, ids[keys.Active], 1)
	require.Len(t, ids[keys.Next], 1)
}

func verifies(set tokens.KeySet, id string) bool {
	_, ok := set.Lookup(id)
	return ok
}

func load(t *testing.T, manager *keys.Manager) tokens.KeySet {
	t.Helper()
	set, err := manager.Load(t.Context())
	require.NoError(t, err)
	return set
}

func TestManager_Ensure_MakesAnActiveAndANextKeyOnce(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []tokens.Algorithm{tokens.ES256, tokens.EdDSA, tokens.RS256, tokens.HS256} {
		eachKeyStore(t, func(t *testing.T, f keyFixture) {
			manager := f.manager(algorithm)
			_, err := manager.Load(t.Context())
			require.ErrorIs(t, err, keys.ErrNoKeys)
			require.ErrorIs(t, manager.Rotate(t.Context()), keys.ErrNoKeys)
			require.ErrorIs(t, manager.RotateNow(t.Context()), keys.ErrNoKeys)
			require.Empty(t, f.ids(t), "only Ensure makes the first keys")

			require.NoError(t, manager.Ensure(t.Context()))
			ids := f.ids(t)
			requireOneActiveAndOneNext(t, ids)
			require.NoError(t, manager.Ensure(t.Context()))
			require.Equal(t, ids, f.ids(t))

			set := load(t, manager)
			require.Equal(t, algorithm, set.Signing().Algorithm())
			require.Equal(t, ids[keys.Active][0], set.Signing().ID())
			next, ok := set.Lookup(ids[keys.Next][0])
			require.True(t, ok)
			require.Equal(t, algorithm, next.Algorithm())
			require.False(t, next.CanSign())
		})
	}
}

func TestManager_Rotate_MovesEachKeyOn(t *testing.T) {
	t.Parallel()
	eachKeyStore(t, func(t *testing.T, f keyFixture) {
		manager := f.manager(tokens.EdDSA)
		require.NoError(t, manager.Ensure(t.Context()))
		before := f.ids(t)

		f.clock.Advance(keyPublication - time.Microsecond)
		err := manager.Rotate(t.Context())
		require.ErrorIs(t, err, keys.ErrNotPublished)
		require.ErrorContains(t, err, "2026-03-01T12:07:00Z")
		require.Equal(t, before, f.ids(t))

		f.clock.Advance(time.Microsecond)
		require.NoError(t, manager.Rotate(t.Context()))
		after := f.ids(t)
		requireOneActiveAndOneNext(t, after)
		require.Equal(t, before[keys.Next], after[keys.Active])
		require.Equal(t, before[keys.Active], after[keys.Retired])

		list, err := manager.List(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{keys.Active, keys.Next, keys.Retired},
			[]string{list[0].State, list[1].State, list[2].State})
		for _, key := range list {
			require.Empty(t, key.Sealed)
		}
		require.Equal(t, f.clock.Now(), *list[0].ActivatedAt)
		require.Equal(t, f.clock.Now(), *list[2].RetiredAt)
		require.ErrorIs(t, manager.Rotate(t.Context()), keys.ErrNotPublished)
		require.NoError(t, manager.RotateNow(t.Context()))
	})
}

func TestManager_RotateIfDue_ByAgeUnlessByHand(t *testing.T) {
	t.Parallel()
	eachKeyStore(t, func(t *testing.T, f keyFixture) {
		manager := f.manager(tokens.EdDSA)
		require.NoError(t, manager.Ensure(t.Context()))
		rotateIfDue := func(manager *keys.Manager) bool {
			rotated, err := manager.RotateIfDue(t.Context())
			require.NoError(t, err)
			return rotated
		}
		byHand := keys.NewManager(testkit.NewStore(f.db, f.clock.Now), sealingKeys("the secret key"), keys.Rules{
			Algorithm: tokens.EdDSA, TokenLifetime: 5 * time.Minute, Publication: keyPublication,
		})
		f.clock.Advance(keyRotation - time.Second)
		require.False(t, rotateIfDue(manager))
		f.clock.Advance(time.Second)
		require.False(t, rotateIfDue(byHand))
		require.True(t, rotateIfDue(manager))
		require.False(t, rotateIfDue(manager))
		f.clock.Advance(keyRotation)
		require.True(t, rotateIfDue(manager))
	})
}

func TestManager_Load_RetiredKeysVerifyUntilTheirTokensHaveExpired(t *testing.T) {
	t.Parallel()
	eachKeyStore(t, func(t *testing.T, f keyFixture) {
		manager := f.ensured(t)
		former := f.ids(t)[keys.Active][0]
		require.NoError(t, manager.Rotate(t.Context()))
		f.clock.Advance(keyTrust)
		require.NoError(t, manager.Prune(t.Context()))
		require.True(t, verifies(load(t, manager), former))

		f.clock.Advance(time.Microsecond)
		require.False(t, verifies(load(t, manager), former), "before it is deleted")
		require.Equal(t, []string{former}, f.ids(t)[keys.Retired])
		require.NoError(t, manager.Prune(t.Context()))
		require.Empty(t, f.ids(t)[keys.Retired])
		requireOneActiveAndOneNext(t, f.ids(t))
	})
}

func TestManager_Retire_EndsTrustInEveryState(t *testing.T) {
	t.Parallel()
	for _, state := range []string{keys.Next, keys.Active, keys.Retired} {
		eachKeyStore(t, func(t *testing.T, f keyFixture) {
			manager := f.ensured(t)
			require.NoError(t, manager.Rotate(t.Context()))
			before := f.ids(t)
			cached, err := keys.NewCache(t.Context(), manager)
			require.NoError(t, err)
			doomed := before[state][0]
			require.True(t, verifies(cached.Current(), doomed))

			require.NoError(t, manager.Retire(t.Context(), doomed))
			require.NoError(t, cached.Reload(t.Context()))
			require.False(t, verifies(cached.Current(), doomed))
			after := f.ids(t)
			requireOneActiveAndOneNext(t, after)
			if state == keys.Active {
				require.Equal(t, before[keys.Next], after[keys.Active])
			} else {
				require.Equal(t, before[keys.Active], after[keys.Active])
			}
			require.ErrorIs(t, manager.Retire(t.Context(), doomed), keys.ErrNotFound)
		})
	}
}

func TestManager_Retire_SeveralKeysAllOrNothing(t *testing.T) {
	t.Parallel()
	eachKeyStore(t, func(t *testing.T, f keyFixture) {
		manager := f.ensured(t)
		require.NoError(t, manager.Rotate(t.Context()))
		rows, before := f.stored(t)
		err := manager.Retire(t.Context(), rows[0].ID, "' OR true --")
		require.ErrorIs(t, err, keys.ErrNotFound)
		require.Equal(t, before, f.ids(t))

		var all []string
		for _, row := range rows {
			all = append(all, row.ID, row.ID)
		}
		require.NoError(t, manager.Retire(t.Context(), all...))
		rows, after := f.stored(t)
		requireOneActiveAndOneNext(t, after)
		require.Len(t, rows, 2)
		for _, row := range rows {
			require.NotContains(t, all, row.ID)
			require.Equal(t, tokens.EdDSA, row.Algorithm)
		}
	})
}

// A new algorithm's key is published before it signs, and replicas that still have the former setting don't turn back.
func TestManager_RotateIfDue_AChangeOfAlgorithmWaitsForItsPublication(t *testing.T) {
	t.Parallel()
	eachKeyStore(t, func(t *testing.T, f keyFixture) {
		former := f.ensured(t)
		signed := f.ids(t)[keys.Active][0]
		changed := f.manager(tokens.ES256)
		require.NoError(t, changed.Ensure(t.Context()))
		require.NoError(t, changed.Ensure(t.Context()))
		requireOneActiveAndOneNext(t, f.ids(t))
		require.Equal(t, tokens.EdDSA, load(t, changed).Signing().Algorithm())
		rotated, err := changed.RotateIfDue(t.Context())
		require.NoError(t, err)
		require.False(t, rotated)

		f.clock.Advance(keyPublication)
		rotated, err = former.RotateIfDue(t.Context())
		require.NoError(t, err)
		require.True(t, rotated)
		require.True(t, verifies(load(t, changed), signed))
		for _, manager := range []*keys.Manager{former, changed} {
			require.Equal(t, tokens.ES256, load(t, manager).Signing().Algorithm())
			f.clock.Advance(keyPublication)
			rotated, err = manager.RotateIfDue(t.Context())
			require.NoError(t, err)
			require.False(t, rotated)
		}
		rows, _ := f.stored(t)
		for _, row := range rows {
			require.Equal(t, row.State == keys.Retired, row.Algorithm == tokens.EdDSA, row.State)
		}
	})
}

// Keys that an earlier release made may be too weak by now.
func TestManager_Ensure_ReplacesANextKeyThatIsTooWeak(t *testing.T) {
	t.Parallel()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	weak, err := tokens.ParsePrivateKey(tokens.RS256, text)
	require.NoError(t, err)
	eachKeyStore(t, func(t *testing.T, f keyFixture) {
		manager := f.manager(tokens.RS256)
		require.NoError(t, manager.Ensure(t.Context()))
		sealed, err := tokens.Seal(sealingKeys("the secret key")[0], text, []byte(weak.ID()))
		require.NoError(t, err)
		before := f.ids(t)
		require.NoError(t, f.db.Model(&keys.SigningKey{}).Where("id = ?", before[keys.Next][0]).
			Updates(map[string]any{"id": weak.ID(), "sealed": sealed}).Error)
		require.NoError(t, manager.Ensure(t.Context()))
		after := f.ids(t)
		requireOneActiveAndOneNext(t, after)
		require.Equal(t, before[keys.Active], after[keys.Active])
		require.NotEqual(t, weak.ID(), after[keys.Next][0])
		require.NoError(t, manager.Ensure(t.Context()))
		require.Equal(t, after, f.ids(t), "a strong one stays")
	})
}

func TestManager_Check_WritesNothing(t *testing.T) {
	eachKeyStore(t, func(t *testing.T, f keyFixture) {
		require.ErrorIs(t, f.manager(tokens.ES256).Check(t.Context()), keys.ErrNoKeys)
		f.ensured(t)
		before := f.all(t)
		require.NoError(t, f.manager(tokens.ES256).Check(t.Context()))
		require.ErrorIs(t, f.manager(tokens.ES256, "another key").Check(t.Context()), keys.ErrLocked)
		require.NoError(t, f.manager(tokens.ES256, "another key", "the secret key").Check(t.Context()))
		require.Equal(t, before, f.all(t), "a fallback's keys are not sealed anew")
	})
}
