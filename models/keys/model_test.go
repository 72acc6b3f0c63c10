package keys_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"pgregory.net/rapid"

	"latchkey/models/keys"
	"latchkey/testkit"
	"latchkey/tokens"
)

const verifierCache = 5 * time.Minute // how long verifiers keep a JWK set

// keyWorld is three replicas with the key sets they have cached, two verifiers elsewhere with copies of the JWK set, and
// the tokens under way. The replicas reload within a minute and the verifiers within their cache time, never sooner than
// a schedule makes them.
type keyWorld struct {
	keyFixture
	ctx       context.Context
	replicas  []*keyReplica
	verifiers []*keyVerifier
	signed    []signedToken
	doomed    map[string]time.Time // by kid, since when it has been compromised
	unknown   map[string]time.Time // by kid that had to sign too early, until when some may not know it
}

type keyReplica struct {
	manager  *keys.Manager
	keys     *keys.Cache
	access   *tokens.AccessTokens
	reloaded time.Time
}

type keyVerifier struct {
	kids    map[string]bool
	fetched time.Time
}

type signedToken struct {
	token, kid string
	expires    time.Time
}

func newKeyWorld(t *rapid.T, ctx context.Context, db *gorm.DB) *keyWorld {
	require.NoError(t, db.Where("true").Delete(&keys.SigningKey{}).Error)
	w := &keyWorld{
		keyFixture: keyFixture{db, testkit.NewClock()}, ctx: ctx,
		replicas: make([]*keyReplica, 3), verifiers: []*keyVerifier{{}, {}},
		doomed: map[string]time.Time{}, unknown: map[string]time.Time{},
	}
	for i := range w.replicas {
		w.start(t, i, tokens.EdDSA)
	}
	for _, verifier := range w.verifiers {
		w.fetch(verifier, w.replicas[0])
	}
	return w
}

func (w *keyWorld) start(t *rapid.T, i int, algorithm tokens.Algorithm) {
	manager := keys.NewManager(testkit.NewStore(w.db, w.clock.Now), sealingKeys("the secret key"), keys.Rules{
		Algorithm: algorithm, Rotation: 30 * time.Minute,
		TokenLifetime: keyTokenOptions.Lifetime, Publication: keyPublication,
	})
	cached, err := keys.NewCache(w.ctx, manager)
	require.NoError(t, err)
	access := tokens.NewAccessTokens(cached.Current, keyTokenOptions, w.clock.Now)
	w.replicas[i] = &keyReplica{manager, cached, access, w.clock.Now()}
}

func (w *keyWorld) fetch(verifier *keyVerifier, from *keyReplica) {
	verifier.kids, verifier.fetched = map[string]bool{}, w.clock.Now()
	for _, key := range from.keys.Current().JWKS().Keys {
		verifier.kids[key.KeyID] = true
	}
}

func (w *keyWorld) anyReplica(t *rapid.T) *keyReplica {
	return rapid.SampledFrom(w.replicas).Draw(t, "replica")
}

func (w *keyWorld) signs(t *rapid.T) {
	replica := w.anyReplica(t)
	issued, err := replica.access.Issue(tokens.Claims{Subject: "ann"})
	require.NoError(t, err)
	kid := replica.keys.Current().Signing().ID()
	w.signed = append(w.signed, signedToken{issued.Token, kid, w.clock.Now().Add(issued.ExpiresIn)})
}

func (w *keyWorld) reloads(t *rapid.T) { w.reload(t, w.anyReplica(t)) }

func (w *keyWorld) reload(t *rapid.T, replica *keyReplica) {
	work := replica.keys.Reload
	if rapid.Bool().Draw(t, "maintains") {
		work = replica.keys.Maintain
	}
	require.NoError(t, work(w.ctx))
	replica.reloaded = w.clock.Now()
}

func (w *keyWorld) fetches(t *rapid.T) {
	w.fetch(rapid.SampledFrom(w.verifiers).Draw(t, "verifier"), w.anyReplica(t))
}

func (w *keyWorld) rotatesByHand(t *rapid.T) {
	if err := w.anyReplica(t).manager.Rotate(w.ctx); !errors.Is(err, keys.ErrNotPublished) {
		require.NoError(t, err)
	}
}

func (w *keyWorld) rotatesInAnEmergency(t *rapid.T) {
	require.NoError(t, w.anyReplica(t).manager.RotateNow(w.ctx))
	w.noteEarlyKey(t)
}

func (w *keyWorld) retires(t *rapid.T) {
	rows, _ := w.stored(t)
	kid := rapid.SampledFrom(rows).Draw(t, "key").ID
	require.NoError(t, w.anyReplica(t).manager.Retire(w.ctx, kid))
	w.doomed[kid] = w.clock.Now()
	w.noteEarlyKey(t)
}

func (w *keyWorld) noteEarlyKey(t *rapid.T) {
	rows, _ := w.stored(t)
	for _, row := range rows {
		if known := row.CreatedAt.Add(keyPublication); row.State == keys.Active && w.clock.Now().Before(known) {
			w.unknown[row.ID] = known
		}
	}
}

func (w *keyWorld) restarts(t *rapid.T) {
	algorithm := rapid.SampledFrom([]tokens.Algorithm{tokens.EdDSA, tokens.ES256}).Draw(t, "algorithm")
	w.start(t, rapid.IntRange(0, len(w.replicas)-1).Draw(t, "which"), algorithm)
}

// timePasses lets everybody keep their deadline and no more.
func (w *keyWorld) timePasses(t *rapid.T) {
	passing := rapid.SampledFrom([]time.Duration{
		time.Second, 29 * time.Second, keys.MaxAge, verifierCache - time.Second, verifierCache, keyPublication,
	}).Draw(t, "time")
	for end := w.clock.Now().Add(passing); w.clock.Now().Before(end); {
		w.clock.Advance(min(end.Sub(w.clock.Now()), w.untilDeadline(t)))
		w.check(t)
	}
}

func (w *keyWorld) untilDeadline(t *rapid.T) time.Duration {
	now := w.clock.Now()
	next := now.Add(time.Hour)
	for _, replica := range w.replicas {
		if !replica.reloaded.Add(keys.MaxAge).After(now) {
			w.reload(t, replica)
		}
		next = earlier(next, replica.reloaded.Add(keys.MaxAge))
	}
	for _, verifier := range w.verifiers {
		if !verifier.fetched.Add(verifierCache).After(now) {
			w.fetch(verifier, w.anyReplica(t))
		}
		next = earlier(next, verifier.fetched.Add(verifierCache))
	}
	return next.Sub(now)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// check is the property: until it expires a token is accepted by all, unless its key was compromised, or had to sign in
// an emergency before all could know it; and nobody who has reloaded accepts one of a compromised key.
func (w *keyWorld) check(t *rapid.T) {
	requireOneActiveAndOneNext(t, w.ids(t))
	now := w.clock.Now()
	var alive []signedToken
	for _, token := range w.signed {
		if !now.Before(token.expires) {
			continue
		}
		alive = append(alive, token)
		for i, replica := range w.replicas {
			_, err := replica.access.Verify(token.token)
			since, doomed := w.doomed[token.kid]
			switch {
			case !doomed && !now.Before(w.unknown[token.kid]):
				require.NoError(t, err, "replica %d refuses %s", i, token.kid)
			case doomed && replica.reloaded.After(since):
				require.ErrorIs(t, err, tokens.ErrTokenInvalid, "replica %d still trusts %s", i, token.kid)
			}
		}
		if _, doomed := w.doomed[token.kid]; doomed || now.Before(w.unknown[token.kid]) {
			continue
		}
		for i, verifier := range w.verifiers {
			require.True(t, verifier.kids[token.kid], "verifier %d does not know %s", i, token.kid)
		}
	}
	w.signed = alive
}

func TestManagerModel_EveryTokenVerifiesEverywhereUntilItExpires(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		rapid.Check(t, func(rt *rapid.T) {
			w := newKeyWorld(rt, t.Context(), db)
			rt.Repeat(map[string]func(*rapid.T){
				"sign": w.signs, "sign more": w.signs,
				"reload":      w.reloads,
				"fetch":       w.fetches,
				"rotate":      w.rotatesByHand,
				"emergency":   w.rotatesInAnEmergency,
				"retire":      w.retires,
				"restart":     w.restarts,
				"time passes": w.timePasses, "more time passes": w.timePasses,
				"": w.check,
			})
		})
	})
}
