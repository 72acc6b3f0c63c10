package passwords

import (
	"encoding/base64"
	"fmt"

	"golang.org/x/crypto/argon2"
)

// hashArgon2id encodes as the PHC string of the reference implementation.
func hashArgon2id(password string, memory, time, threads int) string {
	salt := newSalt()
	key := argon2.IDKey([]byte(password), salt, uint32(time), uint32(memory), uint8(threads), keyLength)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, time, threads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
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
	derive := argon2.IDKey
	if id == "argon2i" {
		derive = argon2.Key
	}
	stored := decoded{algorithm: id, matches: func(password string) bool {
		return equal(key, derive([]byte(password), salt, uint32(time), uint32(memory), uint8(threads), uint32(len(key))))
	}}
	if id == Argon2id && isFull(salt, key) {
		stored.parameters = Parameters{Algorithm: Argon2id, Memory: memory, Time: time, Threads: threads}
	}
	return stored, nil
}
