package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"latchkey/models"
	"latchkey/tokens"
)

var (
	// ErrNoKeys means that no signing keys have been made yet, which Ensure does.
	ErrNoKeys = errors.New("there are no signing keys yet: the first start of the server makes them")
	// ErrNotFound means that there is no signing key of this id.
	ErrNotFound = errors.New("there is no such signing key")
	// ErrLocked means that a stored key was sealed under a SECRET_KEY that is not one of those given.
	ErrLocked = errors.New("signing keys in the database were sealed under another SECRET_KEY")
	// ErrNotPublished means that the next key can't sign yet, because verifiers may hold a JWK set without it.
	ErrNotPublished = errors.New("the next signing key has not been published for long enough")
)

// Manager makes, rotates and retires the signing keys that all replicas share.
type Manager struct {
	store   models.Store
	sealing [][]byte
	rules   Rules
}

// NewManager makes a manager that seals its keys under the first of the sealing keys, of 32 bytes each; the others are fallbacks,
// which only open what was sealed before.
func NewManager(store models.Store, sealing [][]byte, rules Rules) *Manager {
	return &Manager{store: store, sealing: sealing, rules: rules}
}

// Ensure makes the active and the next key if they are missing, once however many replicas start together. A next key
// of another algorithm than the rules', or one that is too weak by now, is replaced; the active one signs on until its
// successor has been published, so that a change of algorithm leaves no verifier behind either. ErrLocked means that nothing
// was changed.
func (m *Manager) Ensure(ctx context.Context) error {
	return m.change(ctx, func(tx models.Tx, keys *keyring) error {
		opened, err := m.open(keys, tx.Now)
		if err != nil {
			return err
		}
		keys.algorithm = m.rules.Algorithm
		isWeak := slices.ContainsFunc(opened, func(key openedKey) bool {
			return key.row == keys.next && key.CheckStrength() != nil
		})
		if keys.next == nil || keys.next.Algorithm == m.rules.Algorithm && !isWeak {
			return nil
		}
		return deleteKeys(tx, keys, keys.next)
	})
}

// Rotate lets the next key sign instead of the active one, which is retired, and makes a new next key. Before the next
// key has been published long enough it returns ErrNotPublished, with the time from which on it works.
func (m *Manager) Rotate(ctx context.Context) error {
	return m.change(ctx, func(tx models.Tx, keys *keyring) error {
		if !keys.complete() {
			return ErrNoKeys
		}
		from := m.rules.maySignAt(keys.next)
		if tx.Now.Before(from) {
			return fmt.Errorf("%w: it may sign from %s on", ErrNotPublished, from.Format(time.RFC3339))
		}
		return retireActive(tx, keys)
	})
}

// RotateNow is Rotate without the wait: verifiers that have cached the JWK set may refuse valid tokens until they fetch
// it again.
func (m *Manager) RotateNow(ctx context.Context) error {
	return m.change(ctx, func(tx models.Tx, keys *keyring) error {
		if !keys.complete() {
			return ErrNoKeys
		}
		return retireActive(tx, keys)
	})
}

// RotateIfDue rotates when the active key is older than the rules allow, or the next one has another algorithm. It reports true
// to one of all replicas that ask.
func (m *Manager) RotateIfDue(ctx context.Context) (bool, error) {
	keys, err := readKeys(m.store.DB(ctx))
	if err != nil || keys.complete() && !m.rules.due(&keys, m.store.Now()) {
		return false, err
	}
	var rotated bool
	err = m.change(ctx, func(tx models.Tx, keys *keyring) error {
		if rotated = m.rules.due(keys, tx.Now); !rotated {
			return nil
		}
		return retireActive(tx, keys)
	})
	return rotated && err == nil, err
}

// Retire deletes compromised keys, so that nothing they signed is trusted any more: by each replica once it has reloaded,
// by verifiers once they have fetched the JWK set again. If the active key is among them the next one signs at once.
// Nothing is changed if one of the keys is unknown (ErrNotFound) or one that stays is locked (ErrLocked).
func (m *Manager) Retire(ctx context.Context, ids ...string) error {
	return m.change(ctx, func(tx models.Tx, keys *keyring) error {
		var found []*SigningKey
		for _, id := range ids {
			key, err := keys.find(id)
			if err != nil {
				return err
			}
			found = append(found, key)
		}
		if err := deleteKeys(tx, keys, found...); err != nil {
			return err
		}
		_, err := m.open(keys, tx.Now)
		return err
	})
}

// Prune deletes the retired keys whose tokens have all expired.
func (m *Manager) Prune(ctx context.Context) error {
	return m.store.DB(ctx).
		Where("state = ? AND retired_at < ?", Retired, m.rules.retiredBefore(m.store.Now())).
		Delete(&SigningKey{}).Error
}

// Check returns ErrLocked unless the secrets open every key that is trusted now, and ErrNoKeys if there are no keys. It writes
// nothing.
func (m *Manager) Check(ctx context.Context) error {
	stored, err := readKeys(m.store.DB(ctx))
	if err != nil {
		return err
	}
	if stored.active == nil {
		return ErrNoKeys
	}
	_, err = m.open(&stored, m.store.Now())
	return err
}

// List returns all keys without their sealed part: active, next, and the retired ones, the last one first.
func (m *Manager) List(ctx context.Context) ([]SigningKey, error) {
	keys, err := readKeys(m.store.DB(ctx).Omit("sealed"))
	if err != nil {
		return nil, err
	}
	list := make([]SigningKey, 0, 2+len(keys.retired))
	for _, key := range keys.all() {
		list = append(list, *key)
	}
	return list, nil
}

// Load reads the keys that are trusted now: the active one signs, the next one and the retired ones whose tokens may live
// verify. What a fallback opened is sealed anew. Errors are ErrNoKeys and ErrLocked.
func (m *Manager) Load(ctx context.Context) (tokens.KeySet, error) {
	db := m.store.DB(ctx)
	stored, err := readKeys(db)
	if err != nil {
		return tokens.KeySet{}, err
	}
	if stored.active == nil {
		return tokens.KeySet{}, ErrNoKeys
	}
	keys, err := m.open(&stored, m.store.Now())
	if err != nil {
		return tokens.KeySet{}, err
	}
	verifying := make([]tokens.Key, 0, len(keys))
	for _, key := range keys {
		if err := m.reseal(db, key); err != nil {
			return tokens.KeySet{}, err
		}
		verifying = append(verifying, key.Public())
	}
	return tokens.NewKeySet(keys[0].Key, verifying...)
}
