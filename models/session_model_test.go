package models_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"pgregory.net/rapid"

	"latchkey/models"
	"latchkey/testkit"
)

const grace = 30 * time.Second

// world is one session, its owner's phone behind a network that can't be relied on, perhaps a thief, and the protocol as
// it is written down, kept beside the real thing.
type world struct {
	t        *rapid.T
	clock    *testkit.Clock
	sessions *models.SessionManager

	held   string   // the newest token that the owner received
	issued []string // every token that anybody ever received or could have

	loot     []string // what the thief holds
	hasThief bool
	over     bool // the session was ended for reuse

	// The protocol's own state.
	generation, redeemedFork, fork uint32
	redeemedAt                     time.Time
}

// present sends a token to the real manager and holds what it answers against the protocol.
func (w *world) present(token string) (child string, err error) {
	grant, err := w.sessions.Refresh(w.t.Context(), token, models.RequestInfo{})
	want, wantErr := w.expect(token)
	if !errors.Is(err, wantErr) {
		w.t.Fatalf("presented %v: answered %v, the protocol says %v", w.parts(token), err, wantErr)
	}
	if wantErr != nil {
		return "", err
	}
	if got := w.parts(grant.RefreshToken); got != want {
		w.t.Fatalf("presented %v: answered %v, the protocol says %v", w.parts(token), got, want)
	}
	w.issued = append(w.issued, grant.RefreshToken)
	return grant.RefreshToken, nil
}

func (w *world) parts(token string) [2]uint32 {
	parts, err := w.sessions.Parts(token)
	require.NoError(w.t, err)
	return parts.Counters
}

// expect is the protocol: three rules, in the order in which docs/sessions.md has them.
func (w *world) expect(token string) (child [2]uint32, err error) {
	presented, now := w.parts(token), w.clock.Now()
	switch {
	case w.over:
		return child, models.ErrSessionRevoked
	case presented == [2]uint32{w.generation + 1, w.fork}:
		w.generation, w.redeemedFork, w.fork, w.redeemedAt = presented[0], presented[1], 0, now
	case presented == [2]uint32{w.generation, w.redeemedFork}:
		if now.Sub(w.redeemedAt) > grace {
			w.fork, w.redeemedAt = w.fork+1, now
		}
	default:
		w.over = true
		return child, models.ErrRefreshTokenReused
	}
	return [2]uint32{w.generation + 1, w.fork}, nil
}

// deliver is a request of the owner that reaches the server. Without a thief it is never refused.
func (w *world) deliver() (child string, ok bool) {
	child, err := w.present(w.held)
	if err != nil && !w.hasThief {
		w.t.Fatalf("an honest client was refused: %v", err)
	}
	return child, err == nil
}

func (w *world) refreshes(*rapid.T) {
	if child, ok := w.deliver(); ok {
		w.held = child
	}
}

func (w *world) losesTheResponse(*rapid.T) {
	w.deliver()
}

// sendsTwice is a retry, a race or a request that the network doubled: the second arrives within the grace and before the
// client goes on. Both answers are the same.
func (w *world) sendsTwice(t *rapid.T) {
	first, ok := w.deliver()
	if !ok {
		return
	}
	left := grace - w.clock.Now().Sub(w.redeemedAt)
	w.clock.Advance(time.Duration(rapid.Int64Range(0, left.Microseconds()).Draw(t, "delay")) * time.Microsecond)
	second, ok := w.deliver()
	if !ok {
		return
	}
	if first != second {
		t.Fatalf("two answers to one token within the grace differ")
	}
	w.held = second
}

func (w *world) pauses(t *rapid.T) {
	w.clock.Advance(rapid.SampledFrom([]time.Duration{
		time.Microsecond, time.Second, grace - time.Microsecond, grace, grace + time.Microsecond, time.Hour, 1000 * time.Hour,
	}).Draw(t, "pause"))
}

// isRobbed copies any token that was ever on the owner's phone or on its way.
func (w *world) isRobbed(t *rapid.T) {
	w.hasThief = true
	w.loot = append(w.loot, rapid.SampledFrom(w.issued).Draw(t, "copied"))
}

func (w *world) isImpersonated(t *rapid.T) {
	if len(w.loot) == 0 {
		t.Skip("nothing was stolen yet")
	}
	if child, err := w.present(rapid.SampledFrom(w.loot).Draw(t, "presented")); err == nil {
		w.loot = append(w.loot, child)
	}
}

// check holds after every step: outside the grace at most one token works that was not redeemed before, and besides it
// only the one redeemed last, which replaces it.
func (w *world) check(t *rapid.T) {
	if w.clock.Now().Sub(w.redeemedAt) <= grace {
		return
	}
	working := map[string]bool{}
	for _, token := range w.issued {
		if w.parts(token)[0] > w.generation && w.sessions.Accepts(t.Context(), token) {
			working[token] = true
		}
	}
	if len(working) > 1 {
		t.Fatalf("%d refresh tokens work at once", len(working))
	}
}

// settle lets the owner go on twice, after the grace. Then either the session is over or nothing the thief holds works.
func (w *world) settle() {
	for range 2 {
		w.clock.Advance(grace + time.Second)
		if child, ok := w.deliver(); ok {
			w.held = child
		}
	}
	for _, token := range w.loot {
		if _, err := w.present(token); err == nil {
			w.t.Fatalf("both the owner and a thief go on")
		}
	}
}

func eachWorld(t *testing.T, run func(w *world)) {
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		clock := testkit.NewClock()
		rules := models.SessionRules{Idle: 1e6 * time.Hour, Lifetime: 1e6 * time.Hour, Grace: grace}
		f := newSessionFixture(t, db, clock, rules)
		user := f.create(t, "ann@example.com")
		rapid.Check(t, func(rt *rapid.T) {
			grant, err := f.managers.Logins.Open(rt.Context(), user, models.RequestInfo{})
			require.NoError(rt, err)
			run(&world{t: rt, clock: clock, sessions: f.sessions, held: grant.RefreshToken, issued: []string{grant.RefreshToken}})
		})
	})
}

func TestSessionModel_NoNetworkEverEndsAnHonestSession(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(w *world) {
		w.t.Repeat(map[string]func(*rapid.T){
			"refreshes": w.refreshes, "loses the request": func(*rapid.T) {}, "loses the response": w.losesTheResponse,
			"sends twice": w.sendsTwice, "pauses": w.pauses, "": w.check,
		})
		w.settle()
		if w.over {
			w.t.Fatalf("the session of an honest client was ended")
		}
	})
}

func TestSessionModel_AThiefAndTheOwnerNeverBothGoOn(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(w *world) {
		w.t.Repeat(map[string]func(*rapid.T){
			"refreshes": w.refreshes, "loses the response": w.losesTheResponse, "sends twice": w.sendsTwice,
			"pauses": w.pauses, "is robbed": w.isRobbed, "is impersonated": w.isImpersonated, "": w.check,
		})
		w.settle()
	})
}
