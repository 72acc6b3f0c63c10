package passwords_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"latchkey/passwords"
)

func TestMinimum_IsStrongAndAnythingBelowIsWeak(t *testing.T) {
	for _, algorithm := range passwords.Algorithms() {
		minimum := passwords.Minimum(algorithm)
		require.Equal(t, algorithm, minimum.Algorithm)
		require.NoError(t, minimum.CheckStrength())
		require.NoError(t, passwords.Parameters{Algorithm: algorithm}.CheckStrength(), "the defaults")
		for name, weaker := range map[string]passwords.Parameters{
			"memory":     {Algorithm: algorithm, Memory: minimum.Memory - 1, Time: minimum.Time, Threads: 1},
			"time":       {Algorithm: algorithm, Memory: minimum.Memory, Time: minimum.Time - 1, Threads: 1},
			"cost":       {Algorithm: algorithm, Cost: minimum.Cost - 1},
			"n":          {Algorithm: algorithm, N: minimum.N / 2, R: minimum.R, P: minimum.P},
			"p":          {Algorithm: algorithm, N: minimum.N, R: minimum.R, P: minimum.P - 1},
			"r":          {Algorithm: algorithm, N: minimum.N, R: minimum.R - 1, P: minimum.P},
			"iterations": {Algorithm: algorithm, Iterations: minimum.Iterations - 1},
		} {
			if slices.Contains(costsOf(algorithm), name) {
				require.ErrorIs(t, weaker.CheckStrength(), passwords.ErrWeakParameters, "%s %s", algorithm, name)
			}
		}
	}
}

func costsOf(algorithm string) []string {
	return map[string][]string{
		passwords.Argon2id: {"memory", "time"}, passwords.Bcrypt: {"cost"}, passwords.Scrypt: {"n", "r", "p"},
		passwords.PBKDF2SHA256: {"iterations"},
	}[algorithm]
}

func TestParameters_CheckStrength_AcceptsAllThatOWASPCallsEqual(t *testing.T) {
	for _, parameters := range []passwords.Parameters{
		{Memory: 47104, Time: 1}, {Memory: 12288, Time: 3}, {Memory: 9216, Time: 4}, {Memory: 7168, Time: 5},
		{Algorithm: passwords.Scrypt, N: 1 << 17, P: 1}, {Algorithm: passwords.Scrypt, N: 1 << 13, P: 10},
	} {
		require.NoError(t, parameters.CheckStrength(), "%+v", parameters)
	}
	require.ErrorIs(t, passwords.FastParameters().CheckStrength(), passwords.ErrWeakParameters)
	require.ErrorIs(t, passwords.Parameters{Memory: 1 << 30}.CheckStrength(), passwords.ErrHashTooExpensive)
}

func TestParameters_Scale_IsAlwaysAcceptedAndNeverCheaper(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minimum := passwords.Minimum(rapid.SampledFrom(passwords.Algorithms()).Draw(t, "algorithm"))
		factor := rapid.Float64Range(0, math.MaxFloat64).Draw(t, "factor")
		scaled := minimum.Scale(factor)
		require.NoError(t, scaled.CheckStrength(), "%+v", scaled)
		require.Equal(t, minimum.Memory, scaled.Memory, "no more memory")
		require.Equal(t, minimum.N, scaled.N, "no more memory")
	})
}

func TestParameters_Scale(t *testing.T) {
	scaled := func(algorithm string, factor float64) passwords.Parameters {
		return passwords.Minimum(algorithm).Scale(factor)
	}
	require.Equal(t, 5, scaled(passwords.Argon2id, 2.6).Time)
	require.Equal(t, 11, scaled(passwords.Bcrypt, 3.9).Cost)
	require.Equal(t, 7, scaled(passwords.Scrypt, 2.5).P)
	require.Equal(t, 1_500_000, scaled(passwords.PBKDF2SHA256, 2.51).Iterations)
	for _, algorithm := range passwords.Algorithms() {
		require.Equal(t, passwords.Minimum(algorithm), scaled(algorithm, 0.1))
	}
}
