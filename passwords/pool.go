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

// Options configures a Pool. The zero value of every field is a sensible default, except that a program which raises
// GOMAXPROCS above the cores it may use must set Concurrency.
type Options struct {
	Parameters  Parameters    // of new hashes
	Concurrency int           // hashes at once; 0 means as many as GOMAXPROCS, but no more than the machine has CPUs
	Wait        time.Duration // longest time in the queue; 0 means 2 seconds
	AllowLegacy []string      // those of LegacyFormats that may be verified; none by default
}

// Pool hashes and verifies passwords, a bounded number at a time. It is safe for concurrent use.
type Pool struct {
	parameters  Parameters
	allowLegacy []string
	workers     *workers
	lanes       chan *lane // one for each worker
	hashes      atomic.Uint64
	verified    verifications
}

// Result is the outcome of Verify. Outdated is set only with Match: the stored hash has other parameters than new ones, or was
// not made of the password's normal form, so the password should be hashed again.
type Result struct {
	Match    bool
	Outdated bool
}

// NewPool returns a pool whose workers run until Close. It fails on parameters that are unknown or too expensive, on unknown
// legacy formats and on negative numbers.
func NewPool(options Options) (*Pool, error) {
	parameters, err := options.Parameters.normalize()
	if err != nil {
		return nil, fmt.Errorf("password parameters: %w", err)
	}
	for _, name := range options.AllowLegacy {
		if !slices.Contains(LegacyFormats(), name) {
			return nil, fmt.Errorf("unknown legacy password format %q: choose from %s",
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

// Hash returns a new encoded hash of the password's normal form (RFC 8265, section 4.2: NFC, one kind of space). It fails with
// ErrPasswordEmpty, ErrPasswordTooLong or ErrInvalidPassword before anything is computed, with ErrOverloaded, or with the
// context's error.
func (p *Pool) Hash(ctx context.Context, password string) (encoded string, err error) {
	if password == "" {
		return "", ErrPasswordEmpty
	}
	if err := validate(password); err != nil {
		return "", err
	}
	type outcome struct {
		encoded string
		err     error
	}
	var made outcome
	if err := p.work(ctx, func(memory *lane) { made.encoded, made.err = p.hash(memory, normalize(password)) }); err != nil {
		return "", err
	}
	return made.encoded, made.err
}

// Verify reports whether the password, in its normal form or in one of up to three others in which the same characters can be
// typed, matches the encoded hash. It computes one hash for each of these forms, which is one for an ASCII password, whatever
// encoded is and whichever form matches: an empty, unusable, undecodable or too expensive value costs as much as a new hash
// and does not match. An empty password costs what any other does and never matches, though systems that accounts come from
// may have stored a hash of it. Verify fails as Hash does for a password of too many bytes or of invalid characters, and, after
// computing, with ErrUnsupportedHash or ErrHashTooExpensive.
func (p *Pool) Verify(ctx context.Context, password, encoded string) (Result, error) {
	if err := validate(password); err != nil {
		return Result{}, err
	}
	stored, decodeErr := p.decode(encoded)
	forms := formsOf(password)
	matches := make([]bool, len(forms))
	err := p.work(ctx, func(memory *lane) {
		for i, form := range forms { // all of them: the time must not tell which one it was
			matches[i] = stored.matches(memory, form)
		}
	})
	if err != nil {
		return Result{}, err
	}
	p.verified.add(encoded, decodeErr)
	match := password != "" && slices.Contains(matches, true)
	return Result{Match: match, Outdated: match && (stored.parameters != p.parameters || !matches[0])}, decodeErr
}

// Do calls work as a hash is computed: in one of the pool's slots, at its priority, and in its queue. It is for what costs as
// much as a hash. It fails as Hash does, other than for the password.
func (p *Pool) Do(ctx context.Context, work func()) error { return p.workers.do(ctx, work) }

// Decodable returns the error with which Verify would refuse an encoded value, or nil. Imports call it before they store a
// hash.
func (p *Pool) Decodable(encoded string) error {
	_, err := p.decode(encoded)
	return err
}

// Hashes returns the number of hashes that the pool has computed, with which tests compare the work of two requests.
func (p *Pool) Hashes() uint64 { return p.hashes.Load() }

// Stats holds a pool's counts since it started, and the length of its queue.
type Stats struct {
	Hashes  uint64 // hashes computed
	Waited  uint64 // calls that had to queue
	Refused uint64 // calls that failed with ErrOverloaded
	Waiting int64  // calls in the queue now
}

// Stats returns the pool's current counts.
func (p *Pool) Stats() Stats {
	return Stats{
		Hashes: p.Hashes(), Waited: p.workers.waited.Load(), Refused: p.workers.refused.Load(),
		Waiting: p.workers.waiting(),
	}
}

// CheckPriority returns the error with which the system refused to give the hashing threads the lowest priority, or nil. With
// such an error a flood of logins slows down all other requests.
func (p *Pool) CheckPriority() error { return p.workers.priority }

// Close refuses queued calls with ErrPoolClosed, waits for the hashes that have started and ends the workers.
func (p *Pool) Close() { p.workers.stop() }

// work calls a function on a worker, with memory that nothing else uses meanwhile.
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

// dummy takes as long as a new hash and never matches.
func (p *Pool) dummy(memory *lane, password string) bool {
	_, _ = p.hash(memory, password)
	return false
}

// decode always returns a hash to verify, also with an error, so that every login does the same work.
func (p *Pool) decode(encoded string) (decoded, error) {
	if !IsUsable(encoded) {
		return decoded{matches: p.dummy}, nil
	}
	stored, err := decode(encoded)
	if err == nil && stored.legacy && !slices.Contains(p.allowLegacy, stored.algorithm) {
		err = unsupported("legacy %s hashes are not allowed here", stored.algorithm)
	}
	if err != nil {
		return decoded{matches: p.dummy}, err
	}
	matches := stored.matches
	stored.matches = func(memory *lane, password string) bool {
		if stored.legacy {
			// A bare digest takes next to no time, which would reveal who still has one.
			p.dummy(memory, password)
		} else {
			p.hashes.Add(1)
		}
		return matches(memory, password)
	}
	return stored, nil
}
