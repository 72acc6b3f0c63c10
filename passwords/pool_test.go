package passwords_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"latchkey/passwords"
)

// cheapest lists every algorithm at its lowest cost.
var cheapest = []passwords.Parameters{
	passwords.FastParameters(),
	{Algorithm: passwords.Bcrypt, Cost: 4},
	{Algorithm: passwords.Scrypt, N: 2, R: 1, P: 1},
	{Algorithm: passwords.PBKDF2SHA256, Iterations: 1},
}

func TestPool_Hash_Encodings(t *testing.T) {
	long := strings.Repeat("0123456789", 8)
	for _, test := range []struct {
		parameters passwords.Parameters
		password   string
		encoded    string
	}{
		{passwords.Parameters{}, "secret", `\$argon2id\$v=19\$m=19456,t=2,p=1\$[+/\w]{22}\$[+/\w]{43}`},
		{passwords.DefaultParameters(), "secret", `\$argon2id\$v=19\$m=19456,t=2,p=1\$[+/\w]{22}\$[+/\w]{43}`},
		{passwords.FastParameters(), "secret", `\$argon2id\$v=19\$m=8,t=1,p=1\$[+/\w]{22}\$[+/\w]{43}`},
		{cheapest[1], "secret", `\$2a\$04\$[./\w]{53}`},
		{cheapest[1], long, `bcrypt_sha256\$\$2a\$04\$[./\w]{53}`},
		{cheapest[2], "secret", `\$scrypt\$ln=1,r=1,p=1\$[+/\w]{22}\$[+/\w]{43}`},
		{cheapest[3], "secret", `\$pbkdf2-sha256\$i=1,l=32\$[+/\w]{22}\$[+/\w]{43}`},
	} {
		pool := newPool(t, passwords.Options{Parameters: test.parameters})
		first, err := pool.Hash(t.Context(), test.password)
		require.NoError(t, err)
		require.Regexp(t, regexp.MustCompile(`^`+test.encoded+`$`), first)

		second, err := pool.Hash(t.Context(), test.password)
		require.NoError(t, err)
		require.NotEqual(t, first, second, "each hash has a salt of its own")

		result, err := pool.Verify(t.Context(), test.password, first)
		require.NoError(t, err)
		require.Equal(t, passwords.Result{Match: true}, result)
	}
}

func TestPool_Verify_Outdated(t *testing.T) {
	parameters := append([]passwords.Parameters{
		{Algorithm: passwords.Argon2id, Memory: 16, Time: 1, Threads: 1},
		{Algorithm: passwords.Argon2id, Memory: 16, Time: 2, Threads: 1},
		{Algorithm: passwords.Argon2id, Memory: 16, Time: 1, Threads: 2},
		{Algorithm: passwords.Bcrypt, Cost: 5},
		{Algorithm: passwords.Scrypt, N: 4, R: 1, P: 1},
		{Algorithm: passwords.PBKDF2SHA256, Iterations: 2},
	}, cheapest...)
	for _, made := range parameters {
		for _, password := range []string{"secret", strings.Repeat("secret", 20)} {
			encoded, err := newPool(t, passwords.Options{Parameters: made}).Hash(t.Context(), password)
			require.NoError(t, err)
			for _, now := range parameters {
				now.Memory, now.Iterations = max(now.Memory, 1), max(now.Iterations, 1) // matter only if they are used
				result, err := newPool(t, passwords.Options{Parameters: now}).Verify(t.Context(), password, encoded)
				require.NoError(t, err)
				same := made.Algorithm == now.Algorithm && isSameCost(made, now)
				require.Equal(t, passwords.Result{Match: true, Outdated: !same}, result, "%s at %+v", encoded, now)
			}
		}
	}
}

// A hash with a shorter salt than ours is outdated although its costs are the same.
func TestPool_Verify_OutdatedSalt(t *testing.T) {
	pool := newPool(t, passwords.Options{Parameters: passwords.Parameters{Memory: 256, Time: 2, Threads: 1}})
	result, err := pool.Verify(t.Context(), formats[0].password, formats[0].encoded)
	require.NoError(t, err)
	require.Equal(t, passwords.Result{Match: true, Outdated: true}, result)
}

// isSameCost reports whether the costs that the algorithm uses are equal; the others must not matter.
func isSameCost(a, b passwords.Parameters) bool {
	switch a.Algorithm {
	case passwords.Argon2id:
		return a.Memory == b.Memory && a.Time == b.Time && a.Threads == b.Threads
	case passwords.PBKDF2SHA256:
		return a.Iterations == b.Iterations
	default:
		return a.Cost == b.Cost && a.N == b.N
	}
}

func TestNewPool_Refuses(t *testing.T) {
	for name, options := range map[string]passwords.Options{
		"unknown algorithm":      {Parameters: passwords.Parameters{Algorithm: "md5"}},
		"argon2id little memory": {Parameters: passwords.Parameters{Memory: 7}},
		"argon2id negative":      {Parameters: passwords.Parameters{Time: -1}},
		"argon2id too much":      {Parameters: passwords.Parameters{Memory: 1 << 30}},
		"argon2id lanes":         {Parameters: passwords.Parameters{Threads: 257}},
		"bcrypt low":             {Parameters: passwords.Parameters{Algorithm: passwords.Bcrypt, Cost: 3}},
		"bcrypt high":            {Parameters: passwords.Parameters{Algorithm: passwords.Bcrypt, Cost: 16}},
		"scrypt odd":             {Parameters: passwords.Parameters{Algorithm: passwords.Scrypt, N: 1000}},
		"scrypt negative":        {Parameters: passwords.Parameters{Algorithm: passwords.Scrypt, R: -8}},
		"pbkdf2 negative":        {Parameters: passwords.Parameters{Algorithm: passwords.PBKDF2SHA256, Iterations: -1}},
		"pbkdf2 too much":        {Parameters: passwords.Parameters{Algorithm: passwords.PBKDF2SHA256, Iterations: 1 << 30}},
		"unknown legacy format":  {AllowLegacy: []string{"crypt"}},
		"negative concurrency":   {Concurrency: -1},
		"negative wait":          {Wait: -1},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := passwords.NewPool(options)
			require.Error(t, err)
		})
	}
}

// Any login, for a known or unknown user and with whatever stored, computes one hash.
func TestPool_Verify_CostsOneHash(t *testing.T) {
	for _, parameters := range cheapest {
		pool := newPool(t, passwords.Options{Parameters: parameters})
		known, err := pool.Hash(t.Context(), "secret")
		require.NoError(t, err)
		for _, encoded := range []string{known, "", passwords.Unusable(), "!", "garbage", "$argon2id$", known + "x"} {
			for _, password := range []string{"secret", "wrong", "", strings.Repeat("x", passwords.MaxLength)} {
				before := pool.Hashes()
				result, _ := pool.Verify(t.Context(), password, encoded)
				require.Equal(t, encoded == known && password == "secret", result.Match)
				require.Equal(t, before+1, pool.Hashes(), "%q", encoded)
			}
		}
	}
}

func TestPool_Verify_UnusableIsNoError(t *testing.T) {
	pool := fastPool(t)
	for _, encoded := range []string{"", "!", passwords.Unusable()} {
		result, err := pool.Verify(t.Context(), "", encoded)
		require.NoError(t, err)
		require.Equal(t, passwords.Result{}, result)
		require.NoError(t, pool.Decodable(encoded))

		algorithm, err := passwords.Identify(encoded)
		require.NoError(t, err)
		require.Equal(t, "unusable", algorithm)
	}
}

func TestUnusable_IsRandomAndUnusable(t *testing.T) {
	first, second := passwords.Unusable(), passwords.Unusable()
	require.Regexp(t, `^![A-Za-z0-9]{40}$`, first)
	require.NotEqual(t, first, second)
	require.False(t, passwords.IsUsable(first))
	require.False(t, passwords.IsUsable(""))
	require.True(t, passwords.IsUsable("x!"))
}

func TestPool_RefusesPasswordsBeforeHashing(t *testing.T) {
	pool := fastPool(t)
	for password, want := range map[string]error{
		strings.Repeat("x", passwords.MaxLength+1): passwords.ErrPasswordTooLong,
		strings.Repeat("x", 10<<20):                passwords.ErrPasswordTooLong,
		strings.Repeat("é", 513):                   passwords.ErrPasswordTooLong,
		"secret\xff":                               passwords.ErrInvalidPassword,
		"secret\xed\xa0\x80":                       passwords.ErrInvalidPassword, // a lone surrogate
		"secret\x00":                               passwords.ErrInvalidPassword,
	} {
		_, err := pool.Hash(t.Context(), password)
		require.ErrorIs(t, err, want)
		_, err = pool.Verify(t.Context(), password, "")
		require.ErrorIs(t, err, want)
	}
	require.Zero(t, pool.Hashes())
}

func TestPool_CanceledAndClosed(t *testing.T) {
	pool := fastPool(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := pool.Hash(ctx, "secret")
	require.ErrorIs(t, err, context.Canceled)

	pool.Close()
	pool.Close()
	_, err = pool.Verify(t.Context(), "secret", "")
	require.ErrorIs(t, err, passwords.ErrPoolClosed)
	require.Zero(t, pool.Hashes())
}

// Every byte counts: no algorithm truncates, folds, trims or normalizes.
func TestPool_Verify_EveryByteCounts(t *testing.T) {
	long := strings.Repeat("0123456789", 102) + "abcd"
	for _, parameters := range cheapest {
		pool := newPool(t, passwords.Options{Parameters: parameters})
		encoded, err := pool.Hash(t.Context(), long)
		require.NoError(t, err)
		for _, i := range []int{0, 54, 63, 64, 71, 72, 73, 127, 128, 999, 1000, 1023} {
			result, err := pool.Verify(t.Context(), long[:i]+"X"+long[i+1:], encoded)
			require.NoError(t, err)
			require.False(t, result.Match, "byte %d at %+v", i, parameters)
		}
		for _, other := range []string{long[:1023], long[:72], long[:1000]} {
			result, err := pool.Verify(t.Context(), other, encoded)
			require.NoError(t, err)
			require.False(t, result.Match)
		}
	}
}

func TestPool_Verify_AcceptsWhatHashMade(t *testing.T) {
	var pools []*passwords.Pool
	for _, parameters := range cheapest {
		pools = append(pools, newPool(t, passwords.Options{Parameters: parameters}))
	}
	withoutNUL := func(text string) bool { return !strings.Contains(text, "\x00") }
	password := rapid.StringN(1, -1, passwords.MaxLength).Filter(withoutNUL)
	rapid.Check(t, func(t *rapid.T) {
		pool := rapid.SampledFrom(pools).Draw(t, "pool")
		mine := password.Draw(t, "mine")
		other := rapid.OneOf(password, nearly(mine)).Draw(t, "other")

		encoded, err := pool.Hash(context.Background(), mine)
		require.NoError(t, err)
		_, err = passwords.Identify(encoded)
		require.NoError(t, err)
		require.LessOrEqual(t, len(encoded), 128, "fits Django's column")

		result, err := pool.Verify(context.Background(), mine, encoded)
		require.NoError(t, err)
		require.Equal(t, passwords.Result{Match: true}, result)

		result, err = pool.Verify(context.Background(), other, encoded)
		if err == nil {
			require.Equal(t, mine == other, result.Match)
		}
	})
}

// nearly generates texts that differ from text in one place.
func nearly(text string) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		i := rapid.IntRange(0, len(text)).Draw(t, "place")
		return rapid.SampledFrom([]string{
			text[:i], text[:i] + "x" + text[i:], strings.ToUpper(text), strings.TrimSpace(text), text + " ", text + text,
		}).Draw(t, "change")
	})
}

func BenchmarkPool_Hash(b *testing.B) {
	for _, parameters := range []passwords.Parameters{
		passwords.DefaultParameters(),
		{Algorithm: passwords.Bcrypt},
		{Algorithm: passwords.Scrypt},
		{Algorithm: passwords.PBKDF2SHA256},
		passwords.FastParameters(),
	} {
		b.Run(fmt.Sprintf("%s/%d", parameters.Algorithm, parameters.Memory), func(b *testing.B) {
			pool := newPool(b, passwords.Options{Parameters: parameters, Concurrency: 1})
			b.ReportAllocs()
			for b.Loop() {
				_, err := pool.Hash(b.Context(), "correct horse battery staple")
				require.NoError(b, err)
			}
		})
	}
}

// A hash whose computation panics costs its caller an error and nobody anything else.
func TestPool_Do_OutlivesPanics(t *testing.T) {
	pool, err := passwords.NewPool(passwords.Options{Parameters: passwords.FastParameters(), Concurrency: 2})
	require.NoError(t, err)
	defer pool.Close()
	for range 5 {
		require.ErrorContains(t, pool.Do(t.Context(), func() { panic("no") }), "panic while a password was hashed")
	}
	encoded, err := pool.Hash(t.Context(), "secret")
	require.NoError(t, err)
	result, err := pool.Verify(t.Context(), "secret", encoded)
	require.NoError(t, err)
	require.True(t, result.Match)
}
