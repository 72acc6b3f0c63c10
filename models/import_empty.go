package models

import (
	"context"
	"sync"
	"time"
)

// EmptyPasswords looks for hashes of the empty password among those that an import brings. Each takes as long as a login, so it
// stops when it has taken the time that it may.
type EmptyPasswords struct {
	manager *ImportManager
	left    time.Duration

	Unchecked int // hashes for which there was no time
}

// LookForEmptyPasswords returns a search that takes at most about limit.
func (m *ImportManager) LookForEmptyPasswords(limit time.Duration) *EmptyPasswords {
	return &EmptyPasswords{manager: m, left: limit}
}

// Mark sets HasEmptyPassword of those accounts of a batch whose new hash is of the empty password. New are the hashes that the
// last import did not bring.
func (e *EmptyPasswords) Mark(ctx context.Context, batch []ExternalAccount) error {
	candidates, err := e.manager.withNewHashes(ctx, batch)
	if err != nil {
		return err
	}
	began := e.manager.store.Now()
	limited, cancel := context.WithTimeout(ctx, e.left)
	defer cancel()
	next := make(chan *ExternalAccount)
	var checks sync.WaitGroup
	for range e.manager.rules.Hasher.Concurrency() {
		checks.Go(func() {
			for account := range next {
				// A hash that can't be checked comes in as it is; no account opens with it.
				account.HasEmptyPassword, _ = e.manager.rules.Hasher.IsOfEmpty(ctx, account.Password)
			}
		})
	}
	for i, account := range candidates {
		if limited.Err() != nil {
			e.Unchecked += len(candidates) - i
			break
		}
		next <- account
	}
	close(next)
	checks.Wait()
	e.left -= e.manager.store.Now().Sub(began)
	return ctx.Err()
}

// withNewHashes returns the accounts of a batch that could be stored and whose hash the last import did not bring.
func (m *ImportManager) withNewHashes(ctx context.Context, batch []ExternalAccount) ([]*ExternalAccount, error) {
	var stored []ExternalAccount
	var originals []*ExternalAccount
	for i := range batch {
		if account, reason := batch[i].canonical(m.rules.Hasher, m.store.Now()); reason == "" && account.Password != "" {
			stored, originals = append(stored, account), append(originals, &batch[i])
		}
	}
	present, err := m.find(m.store.DB(ctx), stored)
	if err != nil {
		return nil, err
	}
	var candidates []*ExternalAccount
	for i, account := range stored {
		if user := present.of(account); user != nil {
			if imported := present.imported[user.ID]; imported == nil || imported.isPassword(m.rules.ImportKeys, account.Password) {
				continue
			}
		}
		candidates = append(candidates, originals[i])
	}
	return candidates, nil
}
