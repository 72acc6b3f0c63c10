package models

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// ErrTooManyGuesses means that so many wrong passwords or codes were tried lately that this one makes no difference. A
// TooManyGuessesError has the time to wait.
var ErrTooManyGuesses = errors.New("too many wrong passwords or codes were tried")

// TooManyGuessesError is an ErrTooManyGuesses with the time after which the next guess counts.
type TooManyGuessesError struct {
	RetryAfter time.Duration
}

func (e *TooManyGuessesError) Error() string {
	return fmt.Sprintf("%s; the next one counts in %s", ErrTooManyGuesses, e.RetryAfter)
}

// Unwrap returns ErrTooManyGuesses.
func (e *TooManyGuessesError) Unwrap() error { return ErrTooManyGuesses }

// guess is one try of a secret that opens an account or changes it: a password, or a code that was mailed. All of them are
// counted together (see docs/abuse.md). It is nil where nothing is guessed, as with the token of a link.
type guess struct {
	account uuid.UUID  // whose count it is in, as accountOf returns it
	device  uuid.UUID  // that it comes from; zero, or unknown to the account, for a stranger's
	failure AuditEvent // what is recorded if it is refused
	from    RequestInfo

	count *LoginThrottle // as it was read last
}

// read reads the count that the guess is in. In a session whose device the account does not know, or has forgotten, it is a count
// of the session: strangers are not in its way.
func (g *guess) read(db *gorm.DB, now time.Time) (err error) {
	g.count, err = readThrottle(db, g.account, g.device, now)
	session := g.failure.SessionID
	if err != nil || session == uuid.Nil || g.count.DeviceID != uuid.Nil {
		return err
	}
	g.count, err = readThrottle(db, g.account, session, now)
	if err == nil && g.count.DeviceID == uuid.Nil {
		g.count = newThrottle(g.account, session, now)
	}
	return err
}

// failed returns what is recorded of the guess if it is refused.
func (g *guess) failed() AuditEvent {
	failure := g.failure
	failure.countedFor = g.account
	return failure
}

// knownDevice returns the device that the guess comes from, if the account knows it.
func (g *guess) knownDevice() (device uuid.UUID, isKnown bool) {
	if g == nil || g.count.DeviceID == uuid.Nil {
		return uuid.Nil, false
	}
	return g.count.DeviceID, true
}

// refuse counts a guess as wrong and records that. While locked only the refusal itself is counted.
func (g *guess) refuse(tx Tx) error {
	next, failure := *g.count, g.failed()
	wasLocked := g.count.locked(tx.Now)
	if wasLocked {
		next.Refused++
		failure.Detail = DetailLocked
	} else {
		next = g.count.afterFailure(tx.Now)
	}
	if err := claimThrottle(tx, g.count, &next); err != nil {
		return err
	}
	if err := tx.record(failure, g.from); err != nil || wasLocked || !next.locked(tx.Now) {
		return err
	}
	return tx.record(AuditEvent{Kind: EventAccountLocked, UserID: g.failure.UserID, countedFor: g.account}, g.from)
}

// accept lets a right guess take its place among those that are made at the same time: what it is for commits only if the count
// is still as it was read. A known device begins to count anew. The count of strangers stays as it is, so that a guesser gains
// nothing by the owner's success. The row of the user is locked before.
func (g *guess) accept(tx Tx) error {
	if g == nil {
		return nil
	}
	if device, isKnown := g.knownDevice(); isKnown && g.count.isStored {
		return claimThrottle(tx, g.count, newThrottle(g.account, device, tx.Now))
	}
	return holdThrottle(tx, g.count)
}

// hold does what accept does for a right guess that is refused for another reason, which reveals that it was right. It leaves the
// count as it is, also that of a known device.
func (g *guess) hold(tx Tx) error { return holdThrottle(tx, g.count) }

// decide decides about a guess whose secret was found right (nil) or wrong, by the count as it is when that is settled. A wrong
// one is counted, and so is any while the count is locked, for which the error is an ErrTooManyGuesses. For a right one decide
// calls do, whose transaction has to call accept. So guesses made at once are worth no more than one after the other.
func (s Store) decide(ctx context.Context, g *guess, wrong error, do func() error) error {
	return Retry(func() error {
		now := s.Now()
		if err := g.read(s.DB(ctx), now); err != nil {
			return err
		}
		if isLocked := g.count.locked(now); isLocked || wrong != nil {
			if err := s.Transaction(ctx, g.refuse); err != nil {
				return err
			}
			if isLocked {
				return &TooManyGuessesError{RetryAfter: g.count.LockedUntil.Sub(now)}
			}
			return wrong
		}
		refused := do()
		if refused == nil || errors.Is(refused, errLostRace) {
			return refused
		}
		if err := s.Transaction(ctx, g.hold); err != nil {
			return err
		}
		return refused
	})
}

// refuseLocked refuses a guess of which nothing has to be hidden before its secret is looked at, if the count is locked. The
// error is an ErrTooManyGuesses then.
func (s Store) refuseLocked(ctx context.Context, g *guess) error {
	return s.decide(ctx, g, nil, func() error { return nil })
}
