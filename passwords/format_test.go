package passwords_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"latchkey/passwords"
)

func TestPool_Format_HasADecoyOfTheSameCosts(t *testing.T) {
	pool := fastPool(t)
	firebase := passwords.EncodeFirebase(4, 8, []byte("salt of a user"), make([]byte, 64), []byte(strings.Repeat("h", 64)))
	encoded := []string{firebase, "scrypt$16$saltofauser$8$1$DFcUeFQBFEISjJfRat4tpIx2nUzPESwOJWnw2UlU+ls="}
	for _, format := range formats {
		encoded = append(encoded, format.encoded)
	}
	for _, encoded := range encoded {
		format, err := pool.Format(encoded)
		require.NoError(t, err, encoded)
		require.True(t, strings.HasPrefix(encoded, format.Prefix))
		if format.IsNative {
			require.Empty(t, format.Decoy)
			continue
		}
		require.NotEmpty(t, format.Prefix)
		again, err := pool.Format(format.Decoy)
		require.NoError(t, err, format.Decoy)
		require.Equal(t, format, again, "a decoy is of its own format")
		_, hash, _ := strings.Cut(encoded, format.Prefix)
		require.NotContains(t, format.Decoy, hash[len(hash)-20:], "nothing secret is left")
		result, err := pool.Verify(t.Context(), letmein, format.Decoy)
		require.NoError(t, err)
		require.False(t, result.Match)
	}
	for _, parameters := range cheapest {
		native := newPool(t, passwords.Options{Parameters: parameters})
		encoded, err := native.Hash(t.Context(), letmein)
		require.NoError(t, err)
		format, err := native.Format(encoded)
		require.NoError(t, err)
		require.True(t, format.IsNative, encoded)
		format, err = newPool(t, passwords.Options{}).Format(encoded)
		require.NoError(t, err)
		require.False(t, format.IsNative, "other costs than those of new hashes")
	}
	for _, damaged := range []string{"", "!", "pbkdf2_sha256$1000$sea$", "hunter2"} {
		_, err := pool.Format(damaged)
		require.ErrorIs(t, err, passwords.ErrUnsupportedHash)
	}
}

func TestPool_Verified_CountsByFormat(t *testing.T) {
	pool := fastPool(t)
	const pbkdf2, bcrypt = "pbkdf2_sha256$1000$", "$2a$04$"
	like := func(prefix string) string {
		for _, format := range formats {
			if strings.HasPrefix(format.encoded, prefix) {
				return format.encoded
			}
		}
		t.Fatalf("no hash begins with %s", prefix)
		return ""
	}
	for _, encoded := range []string{"", passwords.Unusable(), "hunter2", like(pbkdf2), like(pbkdf2), like(bcrypt)} {
		_, _ = pool.Verify(t.Context(), "a guess", encoded)
	}
	require.Equal(t, map[string]uint64{"": 3, pbkdf2: 2, bcrypt: 1}, pool.Verified())
}

// share returns so many hashes of a format that costs what new ones do, or of one that does not.
func share(decoy string, count uint64) passwords.Share {
	return passwords.Share{Format: passwords.Format{Decoy: decoy, IsNative: decoy == ""}, Count: count}
}

func TestDecoys_For_FollowsTheSharesOfTheFormats(t *testing.T) {
	t.Parallel()
	var none *passwords.Decoys
	require.Empty(t, none.For("ann@example.com"))
	decoys := passwords.NewDecoys([]byte("a key"))
	require.Empty(t, decoys.For("ann@example.com"), "before the first count")
	decoys.Replace(nil)
	require.Empty(t, decoys.For("ann@example.com"), "nobody has a password")
	decoys.Replace([]passwords.Share{share("b", 250), share("", 650), share("a", 100)})
	const names = 100_000
	found := map[string]int{}
	for i := range names {
		name := fmt.Sprintf("user%d@example.com", i)
		found[decoys.For(name)]++
		require.Equal(t, decoys.For(name), decoys.For(name))
	}
	// Six standard deviations of the largest share.
	for decoy, want := range map[string]float64{"": 0.65, "b": 0.25, "a": 0.1} {
		require.InDelta(t, want, float64(found[decoy])/names, 6*0.5/316, "%q", decoy)
	}
	other := passwords.NewDecoys([]byte("another key"))
	other.Replace([]passwords.Share{share("", 500), share("a", 500)})
	decoys.Replace([]passwords.Share{share("", 500), share("a", 500)})
	differ := 0
	for i := range 1000 {
		if name := fmt.Sprint(i); other.For(name) != decoys.For(name) {
			differ++
		}
	}
	require.Greater(t, differ, 300, "nobody can tell without the key")
}

// Whatever logins and sign-ups do to the shares, a name never gets a decoy further away from new hashes.
func TestDecoys_For_OnlyMovesTowardsNewHashes(t *testing.T) {
	t.Parallel()
	rank := map[string]int{"": 0, "c": 1, "b": 2, "a": 3}
	rapid.Check(t, func(t *rapid.T) {
		native := rapid.Uint64Range(0, 1000).Draw(t, "native")
		foreign := map[string]uint64{}
		for _, decoy := range []string{"a", "b", "c"} {
			foreign[decoy] = rapid.Uint64Range(0, 1000).Draw(t, decoy)
		}
		decoys := passwords.NewDecoys([]byte("a key"))
		update := func() {
			counted := []passwords.Share{share("", native)}
			for decoy, count := range foreign {
				counted = append(counted, share(decoy, count))
			}
			decoys.Replace(counted)
		}
		name := rapid.String().Draw(t, "name")
		update()
		before := rank[decoys.For(name)]
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			if decoy := rapid.SampledFrom([]string{"a", "b", "c", ""}).Draw(t, "grows from"); decoy == "" {
				native++ // a sign-up
			} else if moved := min(foreign[decoy], rapid.Uint64Range(0, 200).Draw(t, "upgraded")); true {
				foreign[decoy] -= moved
				native += moved
			}
			update()
			now := rank[decoys.For(name)]
			require.LessOrEqual(t, now, before)
			before = now
		}
	})
}
