package models_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
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
	t     *rapid.T
	clock *testkit.Clock
	sessionFixture
	session uuid.UUID

	held   string   // the newest token that the owner received
	issued []string // every token that anybody ever received or could have

	loot     []string // what the thief holds
	hasThief bool

	protocol
	copies   []backup
	isBehind map[string]bool // the tokens that were issued before the last restore

	alarms, surprises int // events of reuse, and of tokens that were ahead
}

// protocol is the state of the session as docs/sessions.md has it.
type protocol struct {
	generation, redeemedFork, fork uint32
	redeemedAt                     time.Time
	over                           bool // the session was ended for reuse
}

// backup is a copy of the session's row, and the state that belongs to it.
type backup struct {
	row models.Session
	protocol
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

// expect is the protocol: its rules, in the order in which docs/sessions.md has them.
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
	case presented[0] > w.generation+1, presented[0] == w.generation+1 && presented[1] > w.fork:
		w.surprises++
		w.generation, w.redeemedFork, w.fork, w.redeemedAt = presented[0], presented[1], 0, now
	default:
		w.over = true
		w.alarms++
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
	w.isImpersonatedBy(rapid.SampledFrom(w.loot).Draw(t, "presented"))
}

func (w *world) isImpersonatedBy(token string) {
	if child, err := w.present(token); err == nil {
		w.loot = append(w.loot, child)
	}
}

// isBackedUp copies the session's row.
func (w *world) isBackedUp(t *rapid.T) {
	copied := backup{protocol: w.protocol}
	if err := w.db.Where("id = ?", w.session).Take(&copied.row).Error; err != nil {
		t.Fatal(err)
	}
	w.copies = append(w.copies, copied)
}

// goesBack restores one of the copies, as a backup or a standby that takes over late does. Copies of what was undone by
// that are no backups of this database any more.
func (w *world) goesBack(t *rapid.T) {
	if len(w.copies) == 0 {
		t.Skip("there is no backup yet")
	}
	i := rapid.IntRange(0, len(w.copies)-1).Draw(t, "restored")
	if err := w.db.Select("*").Updates(&w.copies[i].row).Error; err != nil {
		t.Fatal(err)
	}
	w.protocol, w.copies = w.copies[i].protocol, w.copies[:i+1]
	for _, token := range w.issued {
		w.isBehind[token] = true
	}
}

// check holds after every step: outside the grace at most one token works that was not redeemed before, and besides it
// only the one redeemed last, which replaces it. After a restore those that were issued before may work, too.
func (w *world) check(t *rapid.T) {
	if w.clock.Now().Sub(w.redeemedAt) <= grace {
		return
	}
	working := map[string]bool{}
	for _, token := range w.issued {
		if w.parts(token)[0] > w.generation && !w.isBehind[token] && w.sessions.Accepts(t.Context(), token) {
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
}

// requireHarmlessLoot holds if a session that was not ended accepts nothing that the thief holds.
func (w *world) requireHarmlessLoot() {
	if len(w.working()) > 0 {
		w.t.Fatalf("both the owner and a thief go on")
	}
}

// working returns what the thief holds and could present now.
func (w *world) working() (tokens []string) {
	for _, token := range w.loot {
		if w.sessions.Accepts(w.t.Context(), token) {
			tokens = append(tokens, token)
		}
	}
	return tokens
}

// collide lets the thief and the owner go on in turns, after the grace. Of three turns they can't both take all.
func (w *world) collide() {
	for range 3 {
		working := w.working()
		if len(working) == 0 {
			return
		}
		w.isImpersonatedBy(rapid.SampledFrom(working).Draw(w.t, "presented in turn"))
		w.clock.Advance(grace + time.Second)
		if child, ok := w.deliver(); ok {
			w.held = child
		}
		w.clock.Advance(grace + time.Second)
	}
	if !w.over {
		w.t.Fatalf("both the owner and a thief go on")
	}
}

// requireEvents compares the events of the session with those of the protocol.
func (w *world) requireEvents() {
	for kind, want := range map[string]int{models.EventRefreshTokenReused: w.alarms, models.EventSessionAhead: w.surprises} {
		var got int64
		require.NoError(w.t, w.db.Model(&models.AuditEvent{}).Where("kind = ? AND session_id = ?", kind, w.session).Count(&got).Error)
		if got != int64(want) {
			w.t.Fatalf("%d events %s, the protocol says %d", got, kind, want)
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
			w := &world{
				t: rt, clock: clock, sessionFixture: f, session: grant.Session.ID,
				held: grant.RefreshToken, issued: []string{grant.RefreshToken}, isBehind: map[string]bool{},
			}
			run(w)
			w.requireEvents()
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
		w.requireHarmlessLoot()
	})
}

func TestSessionModel_NoRestoreEverEndsAnHonestSession(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(w *world) {
		w.t.Repeat(map[string]func(*rapid.T){
			"refreshes": w.refreshes, "loses the response": w.losesTheResponse, "sends twice": w.sendsTwice,
			"pauses": w.pauses, "is backed up": w.isBackedUp, "goes back": w.goesBack, "": w.check,
		})
		w.settle()
		if w.over || w.alarms > 0 {
			w.t.Fatalf("the session of an honest client was ended")
		}
	})
}

func TestSessionModel_AThiefAndTheOwnerNeverBothGoOnAfterARestore(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(w *world) {
		w.t.Repeat(map[string]func(*rapid.T){
			"refreshes": w.refreshes, "loses the response": w.losesTheResponse, "sends twice": w.sendsTwice,
			"pauses": w.pauses, "is robbed": w.isRobbed, "is impersonated": w.isImpersonated,
			"is backed up": w.isBackedUp, "goes back": w.goesBack, "": w.check,
		})
		w.settle()
		w.collide()
	})
}
