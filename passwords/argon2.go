package passwords

import (
	"encoding/base64"
	"fmt"

	"golang.org/x/crypto/argon2"
)

// hashArgon2id encodes as the PHC string of the reference implementation.
func hashArgon2id(memory *lane, password string, p Parameters) string {
	salt := newSalt()
	key := deriveArgon2id(memory, []byte(password), salt, p, keyLength)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.Memory, p.Time, p.Threads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

// deriveArgon2id works in the lane if that is enough.
func deriveArgon2id(memory *lane, password, salt []byte, p Parameters, length int) []byte {
	if p.Threads != 1 {
		return argon2.IDKey(password, salt, uint32(p.Time), uint32(p.Memory), uint8(p.Threads), uint32(length))
	}
	return memory.argon2id(password, salt, uint32(p.Time), uint32(p.Memory), length)
}

// decodeArgon2 reads v, the costs, salt and hash. Version 16, which has no v, is obsolete and not read.
func decodeArgon2(id string, fields []string) (decoded, error) {
	if len(fields) != 4 || fields[0] != "v=19" {
		return decoded{}, unsupported("it is no argon2 hash of version 19")
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
		return decoded{}, unsupported("its salt or its hash has no sensible length")
	}
	parameters := Parameters{Algorithm: Argon2id, Memory: memory, Time: time, Threads: threads}
	stored := decoded{algorithm: id, matches: func(in *lane, password string) bool {
		if id == "argon2i" {
			return equal(key, argon2.Key([]byte(password), salt, uint32(time), uint32(memory), uint8(threads), uint32(len(key))))
		}
		return equal(key, deriveArgon2id(in, []byte(password), salt, parameters, len(key)))
	}}
	if id == Argon2id && isFull(salt, key) {
		stored.parameters = parameters
	}
	return stored, nil
}
