package passwords

import (
	"fmt"
	"math/bits"
	"slices"
)

// What one stored hash may ask for. Every default of Django, passlib, PHP and OWASP fits; the most expensive hash that
// does takes about two seconds of one core. A hash beyond is refused before anything is computed.
const (
	maxEncoded          = 512       // bytes of the whole encoded value
	maxKiB              = 128 << 10 // memory of argon2 and scrypt
	maxArgon2Work       = 1 << 20   // argon2: KiB × passes
	maxScryptWork       = 512 << 10 // scrypt: KiB × parallelism
	maxLanes            = 16        // argon2 lanes and scrypt parallelism
	maxBcryptCost       = 15
	maxPBKDF2Iterations = 4_000_000

	minArgon2Salt = 8  // RFC 9106, section 3.1
	minArgon2Key  = 16 // bytes of output that make a collision by chance unthinkable
	maxArgon2Key  = 64

	saltLength = 16 // of new hashes
	keyLength  = 32 // of new hashes
)

func checkArgon2(memory, time, threads int) error {
	switch {
	case time < 1 || threads < 1 || memory < 8*threads:
		return unsupported("argon2 needs one pass, one lane and 8 KiB a lane at least")
	case threads > maxLanes || memory > maxKiB || time > maxArgon2Work/memory:
		return tooExpensive("argon2 may use %d KiB, %d lanes and %d KiB × passes", maxKiB, maxLanes, maxArgon2Work)
	}
	return nil
}

func checkBcrypt(cost int) error {
	switch {
	case cost < 4:
		return unsupported("the bcrypt cost must be 4 at least")
	case cost > maxBcryptCost:
		return tooExpensive("the bcrypt cost may be %d", maxBcryptCost)
	}
	return nil
}

func checkScrypt(n, r, p int) error {
	if n < 2 || bits.OnesCount(uint(n)) != 1 || r < 1 || p < 1 {
		return unsupported("scrypt needs N a power of two above one, and r and p above zero")
	}
	if p > maxLanes || r > maxKiB || n > 8*maxKiB/r || n*r/8*p > maxScryptWork {
		return tooExpensive("scrypt may use %d KiB (N × r / 8), p = %d and %d KiB × p", maxKiB, maxLanes, maxScryptWork)
	}
	return nil
}

func checkPBKDF2(iterations int) error {
	switch {
	case iterations < 1:
		return unsupported("pbkdf2 needs one iteration at least")
	case iterations > maxPBKDF2Iterations:
		return tooExpensive("pbkdf2 may use %d iterations", maxPBKDF2Iterations)
	}
	return nil
}

// checkKeyLength names the lengths one by one: the outputs of scrypt and PBKDF2 are prefixes of each other, so a
// truncated hash would match.
func checkKeyLength(key []byte, lengths ...int) error {
	if !slices.Contains(lengths, len(key)) {
		return unsupported("its hash is %d bytes long, not one of %v", len(key), lengths)
	}
	return nil
}

// These texts name what is wrong and never quote the stored value, which may be anything, even a password.
func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrUnsupportedHash}, args...)...)
}

func tooExpensive(format string, args ...any) error {
	return fmt.Errorf("%w: "+format+" at most", append([]any{ErrHashTooExpensive}, args...)...)
}
