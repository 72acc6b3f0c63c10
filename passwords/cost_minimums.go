package passwords

import (
	"errors"
	"math"
)

// ErrWeakParameters means that guessing the password of a stolen hash with these parameters would be too cheap.
var ErrWeakParameters = errors.New("these password parameters are below the minimum that OWASP recommends")

// Algorithms returns the names that Parameters.Algorithm may have, the recommended one first.
func Algorithms() []string {
	return []string{Argon2id, Bcrypt, Scrypt, PBKDF2SHA256}
}

// Minimum returns the cheapest parameters that OWASP's Password Storage Cheat Sheet recommends for an algorithm, those of
// argon2id if it is unknown. Of those that it calls equivalent, Minimum chooses a moderate use of memory: 19 MiB for argon2id
// and 32 MiB for scrypt.
func Minimum(algorithm string) Parameters {
	switch algorithm {
	case Bcrypt:
		return Parameters{Algorithm: Bcrypt, Cost: 10}
	case Scrypt:
		return Parameters{Algorithm: Scrypt, N: 1 << 15, R: 8, P: 3}
	case PBKDF2SHA256:
		return Parameters{Algorithm: PBKDF2SHA256, Iterations: 600_000}
	default:
		return DefaultParameters()
	}
}

// Check returns why no pool accepts the parameters: an ErrUnsupportedHash or ErrHashTooExpensive, or an error about the
// algorithm's name. It returns nil if a pool does.
func (p Parameters) Check() error {
	_, err := p.normalize()
	return err
}

// CheckStrength fails as Check does, and with ErrWeakParameters on parameters weaker than all that OWASP recommends.
func (p Parameters) CheckStrength() error {
	p, err := p.normalize()
	if err != nil {
		return err
	}
	for _, enough := range recommended() {
		if p.atLeast(enough) {
			return nil
		}
	}
	return ErrWeakParameters
}

// recommended returns the minimums of OWASP's Password Storage Cheat Sheet; those of one algorithm are equally strong.
func recommended() []Parameters {
	return []Parameters{
		{Algorithm: Argon2id, Memory: 47104, Time: 1},
		{Algorithm: Argon2id, Memory: 19456, Time: 2},
		{Algorithm: Argon2id, Memory: 12288, Time: 3},
		{Algorithm: Argon2id, Memory: 9216, Time: 4},
		{Algorithm: Argon2id, Memory: 7168, Time: 5},
		{Algorithm: Scrypt, N: 1 << 17, R: 8, P: 1},
		{Algorithm: Scrypt, N: 1 << 16, R: 8, P: 2},
		{Algorithm: Scrypt, N: 1 << 15, R: 8, P: 3},
		{Algorithm: Scrypt, N: 1 << 14, R: 8, P: 5},
		{Algorithm: Scrypt, N: 1 << 13, R: 8, P: 10},
		{Algorithm: Bcrypt, Cost: 10},
		{Algorithm: PBKDF2SHA256, Iterations: 600_000},
	}
}

// atLeast reports whether p has the algorithm of q and no cost of p is below that of q.
func (p Parameters) atLeast(q Parameters) bool {
	return p.Algorithm == q.Algorithm && p.Memory >= q.Memory && p.Time >= q.Time && p.Cost >= q.Cost &&
		p.N >= q.N && p.R >= q.R && p.P >= q.P && p.Iterations >= q.Iterations
}

// Scale returns parameters that take about factor times as long as p, with the same memory. It never returns less than p,
// nor more than a stored hash may cost: a factor beyond either gives the nearest parameters within.
func (p Parameters) Scale(factor float64) Parameters {
	scaled := p.scale(max(1, factor))
	for scaled.Check() != nil && factor > 1 {
		factor *= 0.9
		scaled = p.scale(max(1, factor))
	}
	return scaled
}

func (p Parameters) scale(factor float64) Parameters {
	const most = 1 << 30 // above every bound
	times := func(cost int) int { return int(min(most, float64(cost)*factor)) }
	switch p.Algorithm {
	case Bcrypt:
		p.Cost += int(min(64, math.Log2(factor)))
	case Scrypt:
		p.P = times(p.P)
	case PBKDF2SHA256:
		const round = 10_000
		p.Iterations = max(p.Iterations, times(p.Iterations)/round*round)
	default:
		p.Time = times(p.Time)
	}
	return p
}
