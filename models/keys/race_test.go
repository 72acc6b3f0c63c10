package keys_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/database"
	"latchkey/models/keys"
	"latchkey/testkit"
	"latchkey/tokens"
)

const keyRacers = 12

// race runs work in every racer at once, each with a manager of its own, as replicas have.
func (f keyFixture) race(t *testing.T, work func(ctx context.Context, manager *keys.Manager, racer int) error) {
	t.Helper()
	results := make([]error, keyRacers)
	var group sync.WaitGroup
	for racer := range keyRacers {
		group.Go(func() { results[racer] = work(t.Context(), f.manager(tokens.EdDSA), racer) })
	}
	group.Wait()
	for _, err := range results {
		require.NoError(t, err)
	}
}

func TestManager_Ensure_ReplicasThatStartTogetherAgree(t *testing.T) {
	t.Parallel()
	eachKeyStore(t, func(t *testing.T, f keyFixture) {
		signing := make([]string, keyRacers)
		f.race(t, func(ctx context.Context, manager *keys.Manager, racer int) error {
			cached, err := keys.NewCache(ctx, manager)
			if err == nil {
				signing[racer] = cached.Current().Signing().ID()
			}
			return err
		})
		rows, ids := f.stored(t)
		requireOneActiveAndOneNext(t, ids)
		require.Len(t, rows, 2)
		for _, id := range signing {
			require.Equal(t, ids[keys.Active][0], id)
		}
	})
}

func TestManager_RotateIfDue_HappensOnce(t *testing.T) {
	t.Parallel()
	eachKeyStore(t, func(t *testing.T, f keyFixture) {
		f.ensured(t)
		f.clock.Advance(keyRotation)
		before := f.ids(t)
		var rotations atomic.Int64
		f.race(t, func(ctx context.Context, manager *keys.Manager, _ int) error {
			rotated, err := manager.RotateIfDue(ctx)
			if rotated {
				rotations.Add(1)
			}
			return err
		})
		require.EqualValues(t, 1, rotations.Load())
		after := f.ids(t)
		requireOneActiveAndOneNext(t, after)
		require.Equal(t, before[keys.Next], after[keys.Active])
		require.Equal(t, before[keys.Active], after[keys.Retired])
	})
}

func TestManager_Retire_HoldsWhateverRotatesMeanwhile(t *testing.T) {
	t.Parallel()
	eachKeyStore(t, func(t *testing.T, f keyFixture) {
		f.ensured(t)
		compromised := f.ids(t)[keys.Active][0]
		f.race(t, func(ctx context.Context, manager *keys.Manager, racer int) error {
			if racer == 5 {
				return manager.Retire(ctx, compromised)
			}
			switch racer % 4 {
			case 0:
				return manager.RotateNow(ctx)
			case 1:
				return f.manager(tokens.ES256).Ensure(ctx)
			case 2:
				return manager.Ensure(ctx)
			default:
				_, err := manager.Load(ctx)
				return errors.Join(err, manager.Prune(ctx))
			}
		})
		rows, ids := f.stored(t)
		requireOneActiveAndOneNext(t, ids)
		for _, row := range rows {
			require.NotEqual(t, compromised, row.ID)
		}
	})
}

// traffic is requests that one replica signs a token for and another one verifies, without a pause.
type traffic struct {
	replicas []*tokens.AccessTokens
	inFlight sync.RWMutex // minutes don't pass while a request is under way
	used     atomic.Int64
	refused  atomic.Int64
}

func (tr *traffic) run(ctx context.Context, signer int) {
	for ctx.Err() == nil {
		tr.inFlight.RLock()
		token, err := tr.replicas[signer].Issue(tokens.Claims{Subject: "ann"})
		if err == nil {
			_, err = tr.replicas[(signer+1)%len(tr.replicas)].Verify(token.Token)
		}
		tr.inFlight.RUnlock()
		tr.used.Add(1)
		if err != nil {
			tr.refused.Add(1)
		}
	}
}

func TestManager_Rotate_UnderLoadRefusesNoToken(t *testing.T) {
	t.Parallel()
	eachKeyStore(t, func(t *testing.T, f keyFixture) {
		load, replicas := &traffic{}, make([]*keys.Cache, 3)
		for i := range replicas {
			cached, err := keys.NewCache(t.Context(), f.manager(tokens.EdDSA))
			require.NoError(t, err)
			replicas[i] = cached
			load.replicas = append(load.replicas, tokens.NewAccessTokens(cached.Current, keyTokenOptions, f.clock.Now))
		}
		ctx, stop := context.WithCancel(t.Context())
		var group sync.WaitGroup
		for signer := range replicas {
			group.Go(func() { load.run(ctx, signer) })
		}
		for range 8 {
			load.inFlight.Lock()
			f.clock.Advance(keyPublication)
			load.inFlight.Unlock()
			require.NoError(t, f.manager(tokens.EdDSA).Rotate(t.Context()))
			for _, cached := range replicas {
				for enough := load.used.Load() + 10; load.used.Load() < enough; {
					runtime.Gosched()
				}
				require.NoError(t, cached.Maintain(t.Context()))
			}
		}
		stop()
		group.Wait()
		require.Zero(t, load.refused.Load())
	})
}

// A change that was decided on keys which another replica changed meanwhile is decided again. SQLite never gets there:
// its transactions don't overlap.
func TestManager_change_DecidesAgainAfterALostRace(t *testing.T) {
	t.Parallel()
	eachKeyStore(t, func(t *testing.T, f keyFixture) {
		if f.db.Name() == database.SQLite {
			return
		}
		ctx, manager := t.Context(), f.manager(tokens.EdDSA)
		testkit.Between(t, f.db, func() { require.NoError(t, manager.Ensure(ctx)) })
		require.NoError(t, manager.Ensure(ctx), "both found nothing and made the first keys")
		require.Len(t, f.all(t), 2)
	})
	eachKeyStore(t, func(t *testing.T, f keyFixture) {
		if f.db.Name() == database.SQLite {
			return
		}
		ctx, manager := t.Context(), f.ensured(t)
		compromised := f.ids(t)[keys.Active][0]
		testkit.Between(t, f.db, func() { require.NoError(t, manager.RotateNow(ctx)) })
		require.NoError(t, manager.Retire(ctx, compromised), "it was active when it was read, and retired when it was deleted")
		requireOneActiveAndOneNext(t, f.ids(t))
		require.Len(t, f.all(t), 2)
	})
}
