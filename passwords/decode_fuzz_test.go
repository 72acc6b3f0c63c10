package passwords_test

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/passwords"
)

var digits = regexp.MustCompile(`[0-9]+`)

// FuzzIdentify checks that decoding never panics, that it fails with one of two errors that do not repeat the value, and that
// the costs of what it accepts are within the bounds, which are read here in another way than in the decoder.
func FuzzIdentify(f *testing.F) {
	for _, format := range formats {
		f.Add(format.encoded)
	}
	for _, encoded := range []string{"", "!", "$", "$$$$", "md5$$", "argon2$", "$argon2id$v=19$m=8,t=131073,p=1$c29tZXNhbHQ$" +
		"nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "$2b$31$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG"} {
		f.Add(encoded)
	}
	pool := newPool(f, passwords.Options{
		Parameters:  passwords.FastParameters(),
		AllowLegacy: passwords.LegacyFormats(),
	})
	f.Fuzz(func(t *testing.T, encoded string) {
		algorithm, err := passwords.Identify(encoded)
		require.Equal(t, err, pool.Decodable(encoded))
		if err != nil {
			require.True(t, errors.Is(err, passwords.ErrUnsupportedHash) || errors.Is(err, passwords.ErrHashTooExpensive))
			require.True(t, len(encoded) < 24 || !strings.Contains(err.Error(), encoded))
			return
		}
		if !passwords.IsUsable(encoded) {
			return
		}
		requireAffordable(t, algorithm, encoded)
		if isQuick(encoded) {
			_, err := pool.Verify(t.Context(), "secret", encoded)
			require.NoError(t, err)
		}
	})
}

func requireAffordable(t *testing.T, algorithm, encoded string) {
	t.Helper()
	switch costs := numbersIn(encoded); {
	case strings.HasPrefix(algorithm, "argon2"):
		m, time, p := named(encoded, "m="), named(encoded, "t="), named(encoded, "p=")
		require.LessOrEqual(t, m, 128*1024.0)
		require.LessOrEqual(t, m*time, 1024*1024.0)
		require.LessOrEqual(t, p, 16.0)
	case strings.HasPrefix(algorithm, "bcrypt"):
		cost, err := strconv.Atoi(strings.Split(encoded[strings.Index(encoded, "$2")+1:], "$")[1])
		require.NoError(t, err)
		require.LessOrEqual(t, cost, 15)
	case algorithm == "scrypt" && strings.HasPrefix(encoded, "$"):
		require.LessOrEqual(t, float64(uint64(1)<<uint64(named(encoded, "ln=")))*named(encoded, "r="), 1024*1024.0)
		require.LessOrEqual(t, named(encoded, "p="), 16.0)
	case strings.HasPrefix(algorithm, "pbkdf2") && strings.HasPrefix(encoded, "$"):
		require.LessOrEqual(t, costs[1], 4_000_000.0)
	}
}

func numbersIn(text string) (values []float64) {
	for _, digits := range digits.FindAllString(text, -1) {
		value, _ := strconv.ParseFloat(digits, 64)
		values = append(values, value)
	}
	return values
}

func named(text, name string) float64 {
	_, rest, _ := strings.Cut(text, name)
	value, _ := strconv.ParseFloat(digits.FindString(rest), 64)
	return value
}

// isQuick reports whether a hash is cheap, so that the fuzzer does not spend its time on slow ones that are within the bounds.
func isQuick(encoded string) bool {
	product := 1.0
	for _, value := range numbersIn(encoded) {
		product *= max(value, 1)
	}
	return product < 1e6 && !strings.Contains(encoded, "$2")
}
