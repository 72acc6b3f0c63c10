package commands

import (
	"fmt"

	"latchkey/config"
	"latchkey/models"
	"latchkey/passwords"
)

// NewHasher starts the pool that the settings describe, with as many workers as concurrency says. In production it
// refuses costs below the minimum that OWASP recommends.
func NewHasher(settings config.Settings, concurrency int) (*passwords.Pool, error) {
	if err := checkHashCosts(settings); err != nil {
		return nil, err
	}
	return passwords.NewPool(passwords.Options{
		Parameters:  hashParameters(settings.Hash),
		Concurrency: concurrency,
		Wait:        settings.Password.HashWait,
		AllowLegacy: settings.Hash.AllowLegacy,
	})
}

func passwordRules(settings config.Settings, hasher *passwords.Pool) models.PasswordRules {
	return models.PasswordRules{
		Hasher: hasher, Policy: passwords.NewPolicy(settings.Password.MinLength),
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

// checkHashCosts judges the costs of the chosen algorithm together. Only production insists on strong ones.
func checkHashCosts(settings config.Settings) error {
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
