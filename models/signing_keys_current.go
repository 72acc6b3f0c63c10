package models

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"latchkey/tokens"
)

// SigningKeys is the key set of one replica, as it last read it. It starts no goroutine: the caller runs Maintain at
// least twice in MaxKeySetAge.
type SigningKeys struct {
	manager *SigningKeyManager
	current atomic.Pointer[tokens.KeySet]
	reload  sync.Mutex // so that an older set never replaces a newer one
}

// NewSigningKeys ensures that there are keys and loads them. Errors are those of Ensure and Load.
func NewSigningKeys(ctx context.Context, manager *SigningKeyManager) (*SigningKeys, error) {
	if err := manager.Ensure(ctx); err != nil {
		return nil, err
	}
	keys := &SigningKeys{manager: manager}
	return keys, keys.Reload(ctx)
}

// Current is the set to sign and verify with now.
func (k *SigningKeys) Current() tokens.KeySet { return *k.current.Load() }

// Reload replaces the current set by the stored one. After an error the current set stays.
func (k *SigningKeys) Reload(ctx context.Context) error {
	k.reload.Lock()
	defer k.reload.Unlock()
	set, err := k.manager.Load(ctx)
	if err != nil {
		return err
	}
	k.current.Store(&set)
	return nil
}

// Maintain rotates the keys if they are due, deletes those that nobody needs any more and reloads. It does each, whatever
// becomes of the others, and is safe to run in all replicas at once.
func (k *SigningKeys) Maintain(ctx context.Context) error {
	_, rotate := k.manager.RotateIfDue(ctx)
	return errors.Join(rotate, k.manager.Prune(ctx), k.Reload(ctx))
}
