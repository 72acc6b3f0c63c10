package server

import (
	"context"
	"fmt"
	"time"

	"latchkey/config"
	"latchkey/controllers"
	"latchkey/models"
	"latchkey/models/keys"
	"latchkey/tokens"
)

// signingKeys returns the current keys of access tokens as a function, and the tasks that maintain them. If the settings give
// no key, the keys are in the database, where the first run creates them.
func signingKeys(ctx context.Context, settings config.Settings, with Resources) (func() tokens.KeySet, []task, error) {
	if !settings.JWT.ManagesKeys() {
		keys, err := givenKeys(settings)
		return func() tokens.KeySet { return keys }, nil, err
	}
	managed, err := keys.NewCache(ctx, NewSigningKeyManager(settings, with))
	if err != nil {
		return nil, nil, err
	}
	if signing := managed.Current().Signing().Algorithm(); string(signing) != settings.JWT.Algorithm {
		with.Log.InfoContext(ctx, "tokens are signed with the former algorithm until verifiers have fetched the new key",
			"former", signing, "new", settings.JWT.Algorithm)
	}
	return managed.Current, []task{{"maintain_signing_keys", managed.Maintain}}, nil
}

// CheckSigningKey returns what is wrong with the signing key in the settings, or nil if the keys are in the database.
func CheckSigningKey(settings config.Settings) error {
	if settings.JWT.ManagesKeys() {
		return nil
	}
	_, err := givenKeys(settings)
	return err
}

// givenKeys returns a set of the one key that the settings give.
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
	if err := key.CheckStrength(); err != nil {
		return tokens.KeySet{}, fmt.Errorf("the key that signs tokens: %w; make another with openssl genpkey -algorithm RSA "+
			"-pkeyopt rsa_keygen_bits:3072 -out jwt.pem, and sessions go on with it", err)
	}
	return tokens.NewKeySet(key)
}

// clockDifference is by how much the clocks of replicas may differ.
const clockDifference = time.Minute

// VerifierCache is how long other services may keep the public keys before they fetch them again.
const VerifierCache = controllers.JWKSMaxAge

// NewSigningKeyManager constructs the manager of the signing keys in the database of the resources, of which it needs no hasher.
func NewSigningKeyManager(settings config.Settings, with Resources) *keys.Manager {
	audit := models.NewAuditLog(with.DB, models.Notices{}, with.Log, with.Now)
	return keys.NewManager(models.NewStore(with.DB, audit, with.Now), derivedKeys(settings, "signing-keys"), keys.Rules{
		Algorithm:     tokens.Algorithm(settings.JWT.Algorithm),
		Rotation:      settings.JWT.KeyRotation,
		TokenLifetime: settings.JWT.ExpirationDelta + settings.JWT.Leeway + clockDifference,
		Publication:   VerifierCache + keys.MaxAge + clockDifference,
	})
}

// derivedKeys returns the keys for one purpose: that of SECRET_KEY, which signs and seals, and those of its fallbacks, which only
// verify and open.
func derivedKeys(settings config.Settings, purpose string) [][]byte {
	keys := [][]byte{tokens.DeriveKey(settings.SecretKey.Bytes(), purpose)}
	for _, fallback := range settings.SecretKeyFallbacks {
		keys = append(keys, tokens.DeriveKey(fallback.Bytes(), purpose))
	}
	return keys
}
