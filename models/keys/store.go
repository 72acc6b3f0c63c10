package keys

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"latchkey/models"
	"latchkey/tokens"
)

func readKeys(db *gorm.DB) (keyring, error) {
	var rows []SigningKey
	err := db.Order("retired_at DESC, id").Find(&rows).Error
	return newKeyring(rows), err
}

// change takes one step from the keys as they are and fills the places that it left empty, in one transaction. If another
// replica was quicker it starts over, from what that one left.
func (m *Manager) change(ctx context.Context, step func(models.Tx, *keyring) error) error {
	return models.Retry(func() error {
		return m.store.Transaction(ctx, func(tx models.Tx) error {
			keys, err := readKeys(tx.DB)
			if err != nil {
				return err
			}
			if err := step(tx, &keys); err != nil {
				return err
			}
			return m.fill(tx, &keys)
		})
	})
}

// fill promotes the next key if the active one is gone, and makes the keys that are missing then.
func (m *Manager) fill(tx models.Tx, keys *keyring) error {
	if keys.complete() {
		return nil
	}
	// With the wrong SECRET_KEY a key would be added that the other replicas can't open.
	if _, err := m.open(keys, tx.Now); err != nil {
		return err
	}
	algorithm := cmp.Or(keys.algorithm, m.rules.Algorithm)
	switch {
	case keys.active != nil:
	case keys.next != nil:
		promotion := map[string]any{"state": Active, "activated_at": tx.Now}
		if err := models.Claim(stillAs(tx, keys.next).Updates(promotion)); err != nil {
			return err
		}
	default:
		if err := m.create(tx, SigningKey{State: Active, Algorithm: algorithm, ActivatedAt: &tx.Now}); err != nil {
			return err
		}
	}
	return m.create(tx, SigningKey{State: Next, Algorithm: algorithm})
}

// create makes and stores the key of a row that says the rest.
func (m *Manager) create(tx models.Tx, row SigningKey) error {
	key, err := tokens.GenerateKey(row.Algorithm)
	if err != nil {
		return fmt.Errorf("make a signing key: %w", err)
	}
	text, err := key.MarshalPrivateKey()
	if err != nil {
		return fmt.Errorf("make a signing key: %w", err)
	}
	row.ID, row.CreatedAt = key.ID(), tx.Now
	if row.Sealed, err = tokens.Seal(m.sealing[0], text, []byte(row.ID)); err != nil {
		return fmt.Errorf("seal a signing key: %w", err)
	}
	return models.Claim(tx.Create(&row))
}

func retireActive(tx models.Tx, keys *keyring) error {
	retirement := map[string]any{"state": Retired, "retired_at": tx.Now}
	if err := models.Claim(stillAs(tx, keys.active).Updates(retirement)); err != nil {
		return err
	}
	keys.retired = append(keys.retired, keys.active)
	keys.active = nil
	return nil
}

func deleteKeys(tx models.Tx, keys *keyring, doomed ...*SigningKey) error {
	for _, key := range keys.all() {
		if !slices.Contains(doomed, key) {
			continue
		}
		if err := models.Claim(stillAs(tx, key).Delete(&SigningKey{})); err != nil {
			return err
		}
	}
	keys.remove(doomed)
	return nil
}

// stillAs narrows a change to a key in the state in which it was read.
func stillAs(tx models.Tx, key *SigningKey) *gorm.DB {
	return tx.Model(&SigningKey{}).Where("id = ? AND state = ?", key.ID, key.State)
}

// openedKey is a key with the row that it is stored in.
type openedKey struct {
	tokens.Key
	row        *SigningKey
	byFallback bool
}

// open unseals the trusted keys of a ring, in its order. The error names every key that none of the secrets opens.
func (m *Manager) open(keys *keyring, now time.Time) ([]openedKey, error) {
	var opened []openedKey
	var locked []string
	for _, row := range keys.trusted(m.rules, now) {
		key, err := m.unseal(row)
		switch {
		case errors.Is(err, tokens.ErrSealBroken):
			locked = append(locked, row.ID)
		case err != nil:
			return nil, fmt.Errorf("signing key %s: %w", row.ID, err)
		default:
			opened = append(opened, key)
		}
	}
	if len(locked) > 0 {
		return nil, lockedError(locked)
	}
	return opened, nil
}

func (m *Manager) unseal(row *SigningKey) (openedKey, error) {
	opened := openedKey{row: row}
	text, err := tokens.Open(m.sealing[:1], row.Sealed, []byte(row.ID))
	if errors.Is(err, tokens.ErrSealBroken) {
		opened.byFallback = true
		text, err = tokens.Open(m.sealing[1:], row.Sealed, []byte(row.ID))
	}
	if err == nil {
		opened.Key, err = tokens.ParsePrivateKey(row.Algorithm, text)
	}
	return opened, err
}

// reseal seals under the first secret what a fallback opened, unless another replica has done so.
func (m *Manager) reseal(db *gorm.DB, key openedKey) error {
	if !key.byFallback {
		return nil
	}
	text, err := key.MarshalPrivateKey()
	if err != nil {
		return err
	}
	sealed, err := tokens.Seal(m.sealing[0], text, []byte(key.row.ID))
	if err != nil {
		return fmt.Errorf("seal a signing key anew: %w", err)
	}
	return db.Model(&SigningKey{}).Where("id = ? AND sealed = ?", key.row.ID, key.row.Sealed).
		Update("sealed", sealed).Error
}

func lockedError(ids []string) error {
	return fmt.Errorf("%w: put that one into SECRET_KEY_FALLBACKS; if it is lost, give these keys up with all they "+
		"signed, by: latchkey keys retire -- %s", ErrLocked, strings.Join(ids, " "))
}
