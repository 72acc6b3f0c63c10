package keys

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"latchkey/tokens"
)

// Cache is the key set of one replica, as it last read it. It starts no goroutine: the caller runs Maintain at
// least twice in MaxAge.
type Cache struct {
	manager *Manager
	current atomic.Pointer[tokens.KeySet]
	reload  sync.Mutex // so that an older set never replaces a newer one
}

// NewCache ensures that there are keys and loads them. Errors are those of Ensure and Load.
func NewCache(ctx context.Context, manager *Manager) (*Cache, error) {
	if err := manager.Ensure(ctx); err != nil {
		return nil, err
	}
	cache := &Cache{manager: manager}
	return cache, cache.Reload(ctx)
}

// Current returns the set to sign and verify with now.
func (c *Cache) Current() tokens.KeySet { return *c.current.Load() }

// Reload replaces the current set by the stored one. After an error the current set stays.
func (c *Cache) Reload(ctx context.Context) error {
	c.reload.Lock()
	defer c.reload.Unlock()
	set, err := c.manager.Load(ctx)
	if err != nil {
		return err
	}
	c.current.Store(&set)
	return nil
}

// Maintain rotates the keys if they are due, deletes those that are not needed any more and reloads. It does each, even if
// another fails, and is safe to run in all replicas at once.
func (c *Cache) Maintain(ctx context.Context) error {
	_, rotate := c.manager.RotateIfDue(ctx)
	return errors.Join(rotate, c.manager.Prune(ctx), c.Reload(ctx))
}
