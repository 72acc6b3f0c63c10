package passwords

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Options configure a Pool. Every zero value is a sensible default. A program that raises GOMAXPROCS above its cores
// gives Concurrency itself: 0 reads the raised number.
type Options struct {
	Parameters  Parameters    // of new hashes
	Concurrency int           // hashes at once; 0 means one for each core the process may use
	Wait        time.Duration // longest time in the queue; 0 means 2 seconds
	AllowLegacy []string      // names out of LegacyFormats that may be verified; none by default
}

// Pool hashes and verifies passwords, a bounded number at once. It is safe for concurrent use.
type Pool struct {
	parameters  Parameters
	allowLegacy []string
	workers     *workers
	lanes       chan *lane // one for each worker
	hashes      atomic.Uint64
}

// Result is what Verify found out. Outdated is set on a match only: the password should be hashed again, because the
// stored hash has other parameters than new ones.
type Result struct {
	Match    bool
	Outdated bool
}

// NewPool starts the workers of a pool, which Close ends. It fails on parameters that are unknown or too expensive.
func NewPool(options Options) (*Pool, error) {
	parameters, err := options.Parameters.normalize()
	if err != nil {
		return nil, fmt.Errorf("password parameters: %w", err)
	}
	for _, name := range options.AllowLegacy {
		if !slices.Contains(LegacyFormats(), name) {
			return nil, fmt.Errorf("unknown legacy password format %q: choose of %s",
				name, strings.Join(LegacyFormats(), ", "))
		}
	}
	if options.Concurrency < 0 || options.Wait < 0 {
		return nil, fmt.Errorf("password concurrency (%d) and wait (%s) must not be negative",
			options.Concurrency, options.Wait)
	}
	if options.Concurrency == 0 {
		options.Concurrency = min(runtime.GOMAXPROCS(0), runtime.NumCPU())
	}
	if options.Wait == 0 {
		options.Wait = 2 * time.Second
	}
	lanes := make(chan *lane, options.Concurrency)
	for range options.Concurrency {
		lanes <- &lane{limit: uint32(parameters.Memory)}
	}
	return &Pool{
		parameters:  parameters,
		lanes:       lanes,
		allowLegacy: slices.Clone(options.AllowLegacy),
		workers:     startWorkers(options.Concurrency, options.Wait),
	}, nil
}

// Hash returns a new encoded hash of the password. It fails with ErrPasswordTooLong or ErrInvalidPassword before
// anything is computed, with ErrOverloaded, or with the context's error.
func (p *Pool) Hash(ctx context.Context, password string) (encoded string, err error) {
	if err := validate(password); err != nil {
		return "", err
	}
	type outcome struct {
		encoded string
		err     error
	}
	var made outcome
	if err := p.work(ctx, func(memory *lane) { made.encoded, made.err = p.hash(memory, password) }); err != nil {
		return "", err
	}
	return made.encoded, made.err
}

// Verify reports whether the password matches the encoded hash. It computes exactly one hash whatever encoded is: an
// empty, unusable, undecodable or too expensive value costs what a new hash does and does not match. It fails as Hash
// does, and after that one hash with ErrUnsupportedHash or ErrHashTooExpensive.
func (p *Pool) Verify(ctx context.Context, password, encoded string) (Result, error) {
	if err := validate(password); err != nil {
		return Result{}, err
	}
	stored, decodeErr := p.decode(encoded)
	var match bool
	if err := p.work(ctx, func(memory *lane) { match = stored.matches(memory, password) }); err != nil {
		return Result{}, err
	}
	return Result{Match: match, Outdated: match && stored.parameters != p.parameters}, decodeErr
}

// Decodable reports why Verify would refuse an encoded value, or nil: imports check with it before they store.
func (p *Pool) Decodable(encoded string) error {
	_, err := p.decode(encoded)
	return err
}

// Hashes returns how many hashes the pool has computed: equal counts mean equal work.
func (p *Pool) Hashes() uint64 { return p.hashes.Load() }

// Stats is what a pool has done since it started, and what waits for it now.
type Stats struct {
	Hashes  uint64 // computed
	Waited  uint64 // had to queue
	Refused uint64 // answered ErrOverloaded
	Waiting int64  // in the queue now
}

// Stats returns the pool's counts.
func (p *Pool) Stats() Stats {
	return Stats{
		Hashes: p.Hashes(), Waited: p.workers.waited.Load(), Refused: p.workers.refused.Load(),
		Waiting: p.workers.waiting.Load(),
	}
}

// Close refuses what is queued with ErrPoolClosed, waits for the hashes that have started and ends the workers.
func (p *Pool) Close() { p.workers.stop() }

// work runs on a worker, with memory that nobody else uses meanwhile.
func (p *Pool) work(ctx context.Context, work func(memory *lane)) error {
	return p.workers.do(ctx, func() {
		memory := <-p.lanes // there is one for each worker
		defer func() { p.lanes <- memory }()
		work(memory)
	})
}

func (p *Pool) hash(memory *lane, password string) (encoded string, err error) {
	p.hashes.Add(1)
	return p.parameters.hash(memory, password)
}

// pretend costs what a new hash does and never matches.
func (p *Pool) pretend(memory *lane, password string) bool {
	_, _ = p.hash(memory, password)
	return false
}

// decode returns a hash to check whatever encoded is, so that every login does the same work.
func (p *Pool) decode(encoded string) (decoded, error) {
	if !IsUsable(encoded) {
		return decoded{matches: p.pretend}, nil
	}
	stored, err := decode(encoded)
	if err == nil && stored.legacy && !slices.Contains(p.allowLegacy, stored.algorithm) {
		err = unsupported("legacy %s hashes are not allowed here", stored.algorithm)
	}
	if err != nil {
		return decoded{matches: p.pretend}, err
	}
	matches := stored.matches
	stored.matches = func(memory *lane, password string) bool {
		if stored.legacy {
			// A bare digest takes no time, which would tell who still has one.
			p.pretend(memory, password)
		} else {
			p.hashes.Add(1)
		}
		return matches(memory, password)
	}
	return stored, nil
}
