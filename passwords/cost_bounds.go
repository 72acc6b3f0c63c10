package passwords

import (
	"fmt"
	"math/bits"
	"slices"
)

// The bounds on the costs of one stored hash. Every default of Django, passlib, PHP and OWASP is within them; the most
// expensive hash within them takes about two seconds of one core. A hash beyond is refused before anything is computed.
const (
	maxEncoded          = 512       // bytes of the whole encoded value
	maxKiB              = 128 << 10 // memory of argon2 and scrypt
	maxArgon2Work       = 1 << 20   // argon2: KiB × passes
	maxScryptWork       = 512 << 10 // scrypt: KiB × parallelism
	maxLanes            = 16        // argon2 lanes and scrypt parallelism
	maxBcryptCost       = 15
	maxPBKDF2Iterations = 4_000_000

	minArgon2Salt = 8  // RFC 9106, section 3.1
	minArgon2Key  = 16 // bytes; fewer could match by chance
	maxArgon2Key  = 64

	saltLength = 16 // of new hashes
	keyLength  = 32 // of new hashes
)

func checkArgon2(memory, time, threads int) error {
	switch {
	case time < 1 || threads < 1 || memory < 8*threads:
		return unsupported("argon2 needs at least one pass, one lane and 8 KiB per lane")
	case threads > maxLanes || memory > maxKiB || time > maxArgon2Work/memory:
		return tooExpensive("argon2 may use %d KiB, %d lanes and %d KiB × passes", maxKiB, maxLanes, maxArgon2Work)
	}
	return nil
}

func checkBcrypt(cost int) error {
	switch {
	case cost < 4:
		return unsupported("the bcrypt cost must be at least 4")
	case cost > maxBcryptCost:
		return tooExpensive("the bcrypt cost may be %d", maxBcryptCost)
	}
	return nil
}

func checkScrypt(n, r, p int) error {
	if n < 2 || bits.OnesCount(uint(n)) != 1 || r < 1 || p < 1 {
		return unsupported("scrypt needs an N that is a power of two above one, and r and p above zero")
	}
	if p > maxLanes || r > maxKiB || n > 8*maxKiB/r || n*r/8*p > maxScryptWork {
		return tooExpensive("scrypt may use %d KiB (N × r / 8), p = %d and %d KiB × p", maxKiB, maxLanes, maxScryptWork)
	}
	return nil
}

func checkPBKDF2(iterations int) error {
	switch {
	case iterations < 1:
		return unsupported("pbkdf2 needs at least one iteration")
	case iterations > maxPBKDF2Iterations:
		return tooExpensive("pbkdf2 may use %d iterations", maxPBKDF2Iterations)
	}
	return nil
}

// checkKeyLength refuses a key that does not have exactly one of the lengths (bytes): shorter outputs of scrypt and PBKDF2
// are prefixes of longer ones, so a truncated hash would match.
func checkKeyLength(key []byte, lengths ...int) error {
	if !slices.Contains(lengths, len(key)) {
		return unsupported("its hash is %d bytes long, not one of %v", len(key), lengths)
	}
	return nil
}

// unsupported returns an ErrUnsupportedHash with a reason. The reason never quotes the stored value, which may be anything,
// even a password; nor does that of tooExpensive.
func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrUnsupportedHash}, args...)...)
}

// tooExpensive returns an ErrHashTooExpensive that names the bounds.
func tooExpensive(format string, args ...any) error {
	return fmt.Errorf("%w: "+format+" at most", append([]any{ErrHashTooExpensive}, args...)...)
}
