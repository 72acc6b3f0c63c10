package config

import (
	"net/mail"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// Password configures the policy for new passwords, and the pool that hashes them. ForbiddenWords are those of the operator;
// the names of the service are known from other settings. HashConcurrency of 0 means one hash per core. HashWait is
// how long a request waits for its turn.
type Password struct {
	MinLength       int           `env:"PASSWORD_MIN_LENGTH" envDefault:"8"`
	ForbiddenWords  []string      `env:"PASSWORD_FORBIDDEN_WORDS"`
	HashConcurrency int           `env:"PASSWORD_HASH_CONCURRENCY" envDefault:"0"`
	HashWait        time.Duration `env:"PASSWORD_HASH_WAIT" envDefault:"2s"`
}

// Hash configures the algorithm that hashes new passwords, and the costs of each algorithm. AllowLegacy names formats of
// imported hashes that are otherwise refused as too weak.
type Hash struct {
	Algorithm        string   `env:"PASSWORD_HASH" envDefault:"argon2id"`
	Argon2Memory     int      `env:"PASSWORD_ARGON2_MEMORY" envDefault:"19456"` // KiB
	Argon2Time       int      `env:"PASSWORD_ARGON2_TIME" envDefault:"2"`
	Argon2Threads    int      `env:"PASSWORD_ARGON2_THREADS" envDefault:"1"`
	BcryptCost       int      `env:"PASSWORD_BCRYPT_COST" envDefault:"12"`
	ScryptN          int      `env:"PASSWORD_SCRYPT_N" envDefault:"32768"`
	ScryptR          int      `env:"PASSWORD_SCRYPT_R" envDefault:"8"`
	ScryptP          int      `env:"PASSWORD_SCRYPT_P" envDefault:"3"`
	PBKDF2Iterations int      `env:"PASSWORD_PBKDF2_ITERATIONS" envDefault:"600000"`
	AllowLegacy      []string `env:"PASSWORD_ALLOW_LEGACY_HASHES"`
}

// ForbiddenWords returns what attackers connect with the service, of which a new password must not be made: its name, the domain
// that its mail comes from, the host of PUBLIC_URL, and PASSWORD_FORBIDDEN_WORDS.
func (s Settings) ForbiddenWords() []string {
	words := []string{s.ServiceName()}
	if from, err := mail.ParseAddress(s.Mail.From); err == nil {
		words = append(words, from.Address[strings.LastIndex(from.Address, "@")+1:])
	}
	if public, err := url.Parse(s.Server.PublicURL); err == nil {
		words = append(words, public.Hostname())
	}
	return append(words, s.Password.ForbiddenWords...)
}

func passwordsSection() section {
	return section{
		title: "Passwords",
		variables: []description{
			{"PASSWORD_MIN_LENGTH", "minimum number of characters in a new password, from 8 to 64"},
			{"PASSWORD_FORBIDDEN_WORDS", "more words that no password may be made of, besides the names of the service: acme,road runner"},
			{"PASSWORD_HASH_CONCURRENCY", "number of passwords hashed at once; 0: one per core"},
			{"PASSWORD_HASH_WAIT", "how long a login waits for its turn to hash before the client is told to retry later"},
			{"PASSWORD_HASH", "argon2id, bcrypt, scrypt or pbkdf2_sha256; a login upgrades hashes made with other settings"},
			{"PASSWORD_ARGON2_MEMORY", "KiB of memory per argon2id hash; latchkey passwords calibrate finds costs for this machine"},
			{"PASSWORD_ARGON2_TIME", "number of passes of argon2id over its memory"},
			{"PASSWORD_ARGON2_THREADS", "number of lanes of argon2id"},
			{"PASSWORD_BCRYPT_COST", "cost of bcrypt, the base-2 logarithm of its rounds"},
			{"PASSWORD_SCRYPT_N", "cost of scrypt, a power of two; a hash takes N × r × 128 bytes"},
			{"PASSWORD_SCRYPT_R", "block size of scrypt"},
			{"PASSWORD_SCRYPT_P", "parallelism of scrypt"},
			{"PASSWORD_PBKDF2_ITERATIONS", "iterations of pbkdf2_sha256"},
			{"PASSWORD_ALLOW_LEGACY_HASHES", "weak formats of imported hashes to accept: md5, sha1, unsalted_md5, unsalted_sha1"},
		},
		prefixes: []string{"PASSWORD_"},
		check:    checkPasswords,
		deploy:   deployPasswords,
	}
}

// checkPasswords checks each cost of hashing on its own. The package passwords checks whether they are reasonable together.
func checkPasswords(c *checker) {
	password, hash := c.settings.Password, c.settings.Hash
	c.between("PASSWORD_MIN_LENGTH", password.MinLength, 8, 64)
	for _, word := range password.ForbiddenWords {
		if length := utf8.RuneCountInString(word); length < 3 || length > 64 {
			c.fail("PASSWORD_FORBIDDEN_WORDS", "has a word of fewer than 3 or more than 64 characters",
				"Separate the words by commas, as in acme,road runner.")
			break
		}
	}
	c.between("PASSWORD_HASH_CONCURRENCY", password.HashConcurrency, 0, 1024)
	c.within("PASSWORD_HASH_WAIT", password.HashWait, time.Millisecond, 30*time.Second)
	c.oneOf("PASSWORD_HASH", hash.Algorithm, "argon2id", "bcrypt", "scrypt", "pbkdf2_sha256")
	c.between("PASSWORD_ARGON2_MEMORY", hash.Argon2Memory, 8, 128*1024)
	c.between("PASSWORD_ARGON2_TIME", hash.Argon2Time, 1, 1024)
	c.between("PASSWORD_ARGON2_THREADS", hash.Argon2Threads, 1, 16)
	c.between("PASSWORD_BCRYPT_COST", hash.BcryptCost, 4, 15)
	c.between("PASSWORD_SCRYPT_N", hash.ScryptN, 2, 1<<20)
	if n := hash.ScryptN; n >= 2 && n&(n-1) != 0 {
		c.fail("PASSWORD_SCRYPT_N", "is not a power of two", "Write one, such as 32768 or 65536.")
	}
	c.between("PASSWORD_SCRYPT_R", hash.ScryptR, 1, 64)
	c.between("PASSWORD_SCRYPT_P", hash.ScryptP, 1, 16)
	c.between("PASSWORD_PBKDF2_ITERATIONS", hash.PBKDF2Iterations, 1, 4_000_000)
	for _, name := range hash.AllowLegacy {
		if !c.oneOf("PASSWORD_ALLOW_LEGACY_HASHES", name, "md5", "sha1", "unsalted_md5", "unsalted_sha1") {
			break
		}
	}
}

func deployPasswords(c *checker) {
	const singleFactor = 15 // characters; NIST SP 800-63B-4, section 3.1.1.2
	if c.settings.Password.MinLength < singleFactor {
		c.warn("PASSWORD_MIN_LENGTH", "is below 15, which NIST SP 800-63B-4 requires where a password is the only factor",
			"Set PASSWORD_MIN_LENGTH=15.")
	}
	if legacy := c.settings.Hash.AllowLegacy; len(legacy) > 0 {
		c.warn("PASSWORD_ALLOW_LEGACY_HASHES",
			"accepts "+strings.Join(legacy, ", ")+" hashes, which are cracked in no time once the database is stolen",
			"Remove it once most users have logged in; the others can reset their passwords.")
	}
}
