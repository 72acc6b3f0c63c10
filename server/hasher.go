package server

import (
	"fmt"
	"runtime"

	"latchkey/config"
	"latchkey/models"
	"latchkey/passwords"
)

// NewHasher starts the pool that the settings describe, with concurrency workers. In production it refuses costs below the
// minimum that OWASP recommends.
func NewHasher(settings config.Settings, concurrency int) (*passwords.Pool, error) {
	if err := CheckHashCosts(settings); err != nil {
		return nil, err
	}
	return passwords.NewPool(passwords.Options{
		Parameters:  hashParameters(settings.Hash),
		Concurrency: concurrency,
		Wait:        settings.Password.HashWait,
		AllowLegacy: settings.Hash.AllowLegacy,
	})
}

// SpareThreads lets two more threads run Go code than there are cores, so that requests go on while every core hashes a
// password. It returns the number of cores, which honours the limits of a container.
func SpareThreads() (cores int) {
	cores = runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(cores + 2)
	return cores
}

func passwordRules(settings config.Settings, hasher *passwords.Pool) models.PasswordRules {
	return models.PasswordRules{
		Hasher:     hasher,
		Policy:     passwords.NewPolicy(settings.Password.MinLength, settings.ForbiddenWords()...),
		Decoys:     passwords.NewDecoys(derivedKeys(settings, "login-decoy")[0]),
		ImportKeys: derivedKeys(settings, "imported-password"),
	}
}

func hashParameters(hash config.Hash) passwords.Parameters {
	return passwords.Parameters{
		Algorithm: hash.Algorithm,
		Memory:    hash.Argon2Memory, Time: hash.Argon2Time, Threads: hash.Argon2Threads,
		Cost: hash.BcryptCost,
		N:    hash.ScryptN, R: hash.ScryptR, P: hash.ScryptP,
		Iterations: hash.PBKDF2Iterations,
	}
}

// CheckHashCosts checks the costs of the chosen algorithm together. Only production insists on strong ones.
func CheckHashCosts(settings config.Settings) error {
	parameters := hashParameters(settings.Hash)
	check := parameters.Check
	if settings.InProduction() {
		check = parameters.CheckStrength
	}
	if err := check(); err != nil {
		return fmt.Errorf("the costs of PASSWORD_HASH=%s: %w", settings.Hash.Algorithm, err)
	}
	return nil
}
