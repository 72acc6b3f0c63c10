package passwords

import (
	"encoding/base64"
	"fmt"

	"golang.org/x/crypto/argon2"
)

// hashArgon2id returns a new hash as a PHC string, as the reference implementation encodes it.
func hashArgon2id(memory *lane, password string, p Parameters) string {
	salt := newSalt()
	key := deriveArgon2id(memory, []byte(password), salt, p, keyLength)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.Memory, p.Time, p.Threads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

// deriveArgon2id derives a key of length bytes. It computes a hash of one lane in memory, and others with the library.
func deriveArgon2id(memory *lane, password, salt []byte, p Parameters, length int) []byte {
	if p.Threads != 1 {
		return argon2.IDKey(password, salt, uint32(p.Time), uint32(p.Memory), uint8(p.Threads), uint32(length))
	}
	return memory.argon2id(password, salt, uint32(p.Time), uint32(p.Memory), length)
}

// decodeArgon2 reads the version, costs, salt and hash of a PHC string. It refuses version 16, which is obsolete and whose
// strings have no v.
func decodeArgon2(id string, fields []string) (decoded, error) {
	if len(fields) != 4 || fields[0] != "v=19" {
		return decoded{}, unsupported("it is not an argon2 hash of version 19")
	}
	costs, err := numbers(fields[1], "m", "t", "p")
	if err != nil {
		return decoded{}, err
	}
	memory, time, threads := costs[0], costs[1], costs[2]
	if err := checkArgon2(memory, time, threads); err != nil {
		return decoded{}, err
	}
	salt, key, err := saltAndKey(fields[2], fields[3])
	if err != nil {
		return decoded{}, err
	}
	if len(salt) < minArgon2Salt || len(key) < minArgon2Key || len(key) > maxArgon2Key {
		return decoded{}, unsupported("its salt or hash is too short or too long")
	}
	parameters := Parameters{Algorithm: Argon2id, Memory: memory, Time: time, Threads: threads}
	stored := decoded{algorithm: id, matches: func(in *lane, password string) bool {
		if id == "argon2i" {
			return equal(key, argon2.Key([]byte(password), salt, uint32(time), uint32(memory), uint8(threads), uint32(len(key))))
		}
		return equal(key, deriveArgon2id(in, []byte(password), salt, parameters, len(key)))
	}}
	if id == Argon2id && hasDefaultLengths(salt, key) {
		stored.parameters = parameters
	}
	return stored, nil
}
