// Package keys owns the signing keys that all replicas share: their table, their rotation, and the key set of one replica. It
// does not own what is signed with them.
package keys

import (
	"fmt"
	"slices"
	"time"

	"latchkey/tokens"
)

// All returns a zero value of every stored model of this package.
func All() []any { return []any{&SigningKey{}} }

// SigningKey is a managed key that access tokens are signed with. It begins as next, when it is published and does not
// sign yet; then it is active and signs; retired, it verifies what it signed until that has expired. There is one
// active and one next key at any moment, which the index on State guarantees.
type SigningKey struct {
	ID          string           `gorm:"size:64;primaryKey"` // the kid
	Algorithm   tokens.Algorithm `gorm:"size:10;not null"`
	State       string           `gorm:"size:10;not null;uniqueIndex:idx_signing_keys_state,where:state <> 'retired'"`
	Sealed      []byte           `gorm:"not null"` // the private key, under a key derived from SECRET_KEY
	CreatedAt   time.Time        `gorm:"not null"` // which is also when it is published
	ActivatedAt *time.Time
	RetiredAt   *time.Time
}

// States of a signing key.
const (
	Next    = "next"
	Active  = "active"
	Retired = "retired"
)

// MaxAge is how old the key set of a running replica may become: each has to reload it at least this often.
const MaxAge = time.Minute

// Rules say when signing keys are made, used and deleted. Algorithm is that of new keys. Rotation is how long a key signs, 0 to
// rotate by hand only. TokenLifetime is the longest life of a token, with the leeway. Publication is how long a key is published
// before it may sign: longer than a verifier caches the JWK set, plus MaxAge, plus the difference between clocks.
type Rules struct {
	Algorithm     tokens.Algorithm
	Rotation      time.Duration
	TokenLifetime time.Duration
	Publication   time.Duration
}

// maySignAt returns the time from which every verifier knows a key.
func (r Rules) maySignAt(key *SigningKey) time.Time { return key.CreatedAt.Add(r.Publication) }

// retiredBefore returns the time before which a key must have been retired for all its tokens to have expired now. A replica
// that has not heard of the rotation goes on signing with the former key for MaxAge.
func (r Rules) retiredBefore(now time.Time) time.Time {
	return now.Add(-r.TokenLifetime - MaxAge)
}

// due reports whether the keys are to rotate by themselves. A next key of another algorithm is due as soon as it may sign.
// That depends on the stored keys alone, so that replicas of two configurations don't rotate to and fro.
func (r Rules) due(keys *keyring, now time.Time) bool {
	switch {
	case !keys.complete(), now.Before(r.maySignAt(keys.next)):
		return false
	case keys.next.Algorithm != keys.active.Algorithm:
		return true
	default:
		return r.Rotation > 0 && !now.Before(keys.active.ActivatedAt.Add(r.Rotation))
	}
}

// keyring holds the stored keys by their state, of the retired ones the last one first. New keys are of its algorithm.
type keyring struct {
	algorithm    tokens.Algorithm
	active, next *SigningKey
	retired      []*SigningKey
}

func newKeyring(rows []SigningKey) keyring {
	var keys keyring
	for i := range rows {
		switch row := &rows[i]; row.State {
		case Active:
			keys.active = row
		case Next:
			keys.next = row
		default:
			keys.retired = append(keys.retired, row)
		}
	}
	// The next key's, because the one after it is to be like it.
	for _, key := range []*SigningKey{keys.active, keys.next} {
		if key != nil {
			keys.algorithm = key.Algorithm
		}
	}
	return keys
}

func (k *keyring) complete() bool { return k.active != nil && k.next != nil }

// all returns every key, in the order in which transactions claim them: two that claim the same ones can't block each other.
func (k *keyring) all() []*SigningKey {
	var all []*SigningKey
	for _, key := range []*SigningKey{k.active, k.next} {
		if key != nil {
			all = append(all, key)
		}
	}
	return append(all, k.retired...)
}

// trusted returns all keys but the retired ones whose tokens have all expired.
func (k *keyring) trusted(rules Rules, now time.Time) []*SigningKey {
	expired := rules.retiredBefore(now)
	return slices.DeleteFunc(k.all(), func(key *SigningKey) bool {
		return key.RetiredAt != nil && key.RetiredAt.Before(expired)
	})
}

func (k *keyring) find(id string) (*SigningKey, error) {
	for _, key := range k.all() {
		if key.ID == id {
			return key, nil
		}
	}
	return nil, fmt.Errorf("%w: %.80q", ErrNotFound, id)
}

// remove takes keys out of the ring.
func (k *keyring) remove(keys []*SigningKey) {
	if slices.Contains(keys, k.active) {
		k.active = nil
	}
	if slices.Contains(keys, k.next) {
		k.next = nil
	}
	k.retired = slices.DeleteFunc(k.retired, func(key *SigningKey) bool { return slices.Contains(keys, key) })
}
