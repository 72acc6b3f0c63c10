package passwords

import (
	"cmp"
	"fmt"
)

// The algorithms of new hashes.
const (
	Argon2id     = "argon2id"
	Bcrypt       = "bcrypt"
	Scrypt       = "scrypt"
	PBKDF2SHA256 = "pbkdf2_sha256"
)

// Parameters holds the algorithm of new hashes and its costs. A cost of zero means the algorithm's default; costs of other
// algorithms are ignored.
type Parameters struct {
	Algorithm string // Argon2id, Bcrypt, Scrypt or PBKDF2SHA256; empty means Argon2id

	Memory  int // argon2id: KiB
	Time    int // argon2id: passes over the memory
	Threads int // argon2id: lanes

	Cost int // bcrypt: log2 of the rounds

	N int // scrypt: a power of two
	R int // scrypt: block size
	P int // scrypt: parallelism

	Iterations int // pbkdf2_sha256
}

// DefaultParameters returns argon2id with 19 MiB, two passes and one lane, as OWASP recommends.
func DefaultParameters() Parameters {
	return Parameters{Algorithm: Argon2id, Memory: 19 * 1024, Time: 2, Threads: 1}
}

// FastParameters returns the lowest costs that argon2id has. They protect nothing and are meant for tests.
func FastParameters() Parameters {
	return Parameters{Algorithm: Argon2id, Memory: 8, Time: 1, Threads: 1}
}

// normalize fills in defaults and clears the costs that the algorithm does not use, so that == compares only those that it
// does. It refuses costs for which a stored hash would be refused.
func (p Parameters) normalize() (Parameters, error) {
	switch p.Algorithm {
	case Argon2id, "":
		d := DefaultParameters()
		p = Parameters{
			Algorithm: Argon2id,
			Memory:    cmp.Or(p.Memory, d.Memory),
			Time:      cmp.Or(p.Time, d.Time),
			Threads:   cmp.Or(p.Threads, d.Threads),
		}
		return p, checkArgon2(p.Memory, p.Time, p.Threads)
	case Bcrypt:
		p = Parameters{Algorithm: Bcrypt, Cost: cmp.Or(p.Cost, 12)}
		return p, checkBcrypt(p.Cost)
	case Scrypt:
		p = Parameters{Algorithm: Scrypt, N: cmp.Or(p.N, 1<<15), R: cmp.Or(p.R, 8), P: cmp.Or(p.P, 3)}
		return p, checkScrypt(p.N, p.R, p.P)
	case PBKDF2SHA256:
		p = Parameters{Algorithm: PBKDF2SHA256, Iterations: cmp.Or(p.Iterations, 600_000)}
		return p, checkPBKDF2(p.Iterations)
	}
	return p, fmt.Errorf("unknown password algorithm %q: choose %s, %s, %s or %s",
		p.Algorithm, Argon2id, Bcrypt, Scrypt, PBKDF2SHA256)
}

// hash returns a new encoded hash with a random salt. It computes argon2id with one lane in memory.
func (p Parameters) hash(memory *lane, password string) (string, error) {
	switch p.Algorithm {
	case Bcrypt:
		return hashBcrypt(password, p.Cost)
	case Scrypt:
		return hashScrypt(password, p.N, p.R, p.P)
	case PBKDF2SHA256:
		return hashPBKDF2(password, p.Iterations)
	default:
		return hashArgon2id(memory, password, p), nil
	}
}
