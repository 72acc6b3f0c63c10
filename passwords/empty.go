package passwords

import "context"

// IsOfEmpty reports whether encoded is a hash of the empty password, which some systems store for accounts without one. No
// account opens with it; an import asks, so as to know who has no password. It takes as long as a login, and fails as Verify
// does.
func (p *Pool) IsOfEmpty(ctx context.Context, encoded string) (bool, error) {
	if !IsUsable(encoded) {
		return false, nil
	}
	stored, err := p.decode(encoded)
	if err != nil {
		return false, err
	}
	var isOfEmpty bool
	err = p.work(ctx, func(memory *lane) { isOfEmpty = stored.matches(memory, "") })
	return isOfEmpty, err
}

// Concurrency returns how many hashes the pool computes at once.
func (p *Pool) Concurrency() int { return cap(p.lanes) }
