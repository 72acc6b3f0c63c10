package models_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/database"
	"latchkey/models"
	"latchkey/passwords"
	"latchkey/testkit"
)

// replicas returns two replicas on one database, with 16 slots for hashes each.
func replicas(t *testing.T, first, second *gorm.DB) []guessing {
	t.Helper()
	clock := testkit.NewClock()
	var made []guessing
	for _, db := range []*gorm.DB{first, second} {
		hasher, err := passwords.NewPool(passwords.Options{
			Parameters: passwords.FastParameters(), Concurrency: 16, Wait: testkit.Patience,
		})
		require.NoError(t, err)
		t.Cleanup(hasher.Close)
		made = append(made, newGuessing(t, db, clock, hasher))
	}
	return made
}

// Forty guesses at once, at two replicas, one of which is right. Of guesses one after the other the first five count, so that they
// find the right one in an eighth of the rounds. Even if they did in a fifth, for the one may be a little quicker than the others,
// chance would exceed 27 of 50 rounds less than once in ten million times.
func TestGuess_InParallelIsWorthNoMoreThanInOrder(t *testing.T) {
	t.Parallel()
	const guesses, rounds, most = 40, 50, 27
	run := func(t *testing.T, at []guessing) {
		for _, kind := range kinds()[:2] {
			found := 0
			for range rounds {
				first := at[0].victim(t)
				right, place := kind.right(first, t), rand.IntN(guesses)
				var group sync.WaitGroup
				var hit atomic.Bool
				begin := make(chan struct{})
				for i := range guesses {
					v := victim{at[i%len(at)], first.user}
					group.Go(func() {
						secret := "000000 is no code"
						if i == place {
							secret = right
						}
						<-begin
						isAccepted, err := kind.guess(v, secret, known{})
						if err != nil {
							t.Errorf("%s: %v", kind.name, err)
						}
						if isAccepted {
							hit.Store(true)
						}
					})
				}
				close(begin)
				group.Wait()
				if hit.Load() {
					found++
				}
			}
			t.Logf("%s: found in %d of %d rounds", kind.name, found, rounds)
			require.LessOrEqual(t, found, most, kind.name)
		}
	}
	t.Run(database.SQLite, func(t *testing.T) {
		db := testkit.SQLite(t)
		run(t, replicas(t, db, db))
	})
	t.Run(database.Postgres, func(t *testing.T) {
		url := testkit.MigratedURL(t)
		run(t, replicas(t, testkit.OpenAt(t, url), testkit.OpenAt(t, url)))
	})
}

// A right guess has read the count, and then so many wrong ones are counted that it is locked. The right one is refused.
func TestGuess_ThatIsRightIsRefusedIfTheCountIsLockedMeanwhile(t *testing.T) {
	t.Parallel()
	eachGuessing(t, func(t *testing.T, g guessing) {
		for _, kind := range kinds() {
			for _, isKnown := range []bool{false, true} {
				v := g.victim(t)
				var from known
				if isKnown {
					from = v.device(t)
				}
				right := kind.right(v, t)
				afterLastRead(t, g.db, kind.name, func() {
					for range models.FreeFailures {
						isAccepted, err := kind.guess(v, "wrong", from)
						require.NoError(t, err)
						require.False(t, isAccepted)
					}
				})
				isAccepted, err := kind.guess(v, right, from)
				require.NoError(t, err)
				require.False(t, isAccepted, "%s, %v", kind.name, isKnown)
				require.NoError(t, g.db.Callback().Query().Remove("interfere"))
				g.clock.Advance(models.FirstDelay)
				isAccepted, err = kind.guess(v, right, from)
				require.NoError(t, err)
				require.True(t, isAccepted, "%s, %v", kind.name, isKnown)
			}
		}
	})
}

// afterLastRead calls interfere once, after the count was read by which a guess of a kind is decided. In a session it is read once
// before the password is looked at.
func afterLastRead(t *testing.T, db *gorm.DB, kind string, interfere func()) {
	t.Helper()
	left := 1
	if kind == "current password" {
		left = 2
	}
	require.NoError(t, db.Callback().Query().After("gorm:after_query").Register("interfere", func(tx *gorm.DB) {
		if tx.Statement.Table != "login_throttles" {
			return
		}
		if left--; left == 0 {
			interfere()
		}
	}))
}
