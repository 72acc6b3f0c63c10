package commands

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"latchkey/config"
	"latchkey/controllers"
	"latchkey/models"
	"latchkey/tokens"
)

// signingKeys is where the keys of access tokens come from, and the chores that go with them: the settings, if they give
// a key, and else the database, where keys are made on the first run.
func signingKeys(ctx context.Context, settings config.Settings, with Resources) (func() tokens.KeySet, []chore, error) {
	if !settings.JWT.ManagesKeys() {
		keys, err := givenKeys(settings)
		return func() tokens.KeySet { return keys }, nil, err
	}
	managed, err := models.NewSigningKeys(ctx, newSigningKeyManager(settings, with.DB, with.Now))
	if err != nil {
		return nil, nil, err
	}
	if signing := managed.Current().Signing().Algorithm(); string(signing) != settings.JWT.Algorithm {
		with.Log.InfoContext(ctx, "tokens are signed with the former algorithm until verifiers have fetched the new key",
			"former", signing, "new", settings.JWT.Algorithm)
	}
	return managed.Current, []chore{{"maintain_signing_keys", managed.Maintain}}, nil
}

// givenKeys is the key in the settings.
func givenKeys(settings config.Settings) (tokens.KeySet, error) {
	algorithm, err := tokens.ParseAlgorithm(settings.JWT.Algorithm)
	if err != nil {
		return tokens.KeySet{}, fmt.Errorf("JWT_ALGORITHM: %w", err)
	}
	given := settings.JWT.PrivateKey
	if algorithm == tokens.HS256 {
		given = settings.JWT.SecretKey
	}
	key, err := tokens.ParsePrivateKey(algorithm, given.Bytes())
	if err != nil {
		return tokens.KeySet{}, fmt.Errorf("the key that signs tokens: %w", err)
	}
	return tokens.NewKeySet(key)
}

// clockDifference is by how much the clocks of replicas may differ.
const clockDifference = time.Minute

func newSigningKeyManager(settings config.Settings, db *gorm.DB, now func() time.Time) *models.SigningKeyManager {
	return models.NewSigningKeyManager(db, derivedKeys(settings, "signing-keys"), models.KeyRules{
		Algorithm:     tokens.Algorithm(settings.JWT.Algorithm),
		Rotation:      settings.JWT.KeyRotation,
		TokenLifetime: settings.JWT.ExpirationDelta + settings.JWT.Leeway + clockDifference,
		Publication:   controllers.JWKSMaxAge + models.MaxKeySetAge + clockDifference,
	}, now)
}

// derivedKeys are the keys of one purpose: that of SECRET_KEY, which makes, and those of its fallbacks, which only verify.
func derivedKeys(settings config.Settings, purpose string) [][]byte {
	keys := [][]byte{tokens.DeriveKey(settings.SecretKey.Bytes(), purpose)}
	for _, fallback := range settings.SecretKeyFallbacks {
		keys = append(keys, tokens.DeriveKey(fallback.Bytes(), purpose))
	}
	return keys
}
