package tokens_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"latchkey/tokens"
)

var (
	exampleSecret = []byte("an example secret of 32 bytes ok")
	exampleParts  = tokens.Parts{ID: uuid.MustParse("0199a5c2-7f00-7abc-8def-0123456789ab"), Counters: [2]uint32{7, 1}}
)

// Tokens must outlive releases; this one was computed independently.
const exampleOpaque = "lkr_AZmlwn8AeryN7wEjRWeJqwAAAAcAAAAB00d7qKyPZtR4gA4h-58OtK8iQJgyLOgKKhliPS48iGw"

func TestOpaqueFormatIsStable(t *testing.T) {
	opaque := must(tokens.NewOpaque("lkr_", exampleSecret))
	require.Equal(t, exampleOpaque, opaque.Encode(exampleParts))
	parts, err := opaque.Decode(exampleOpaque)
	require.NoError(t, err)
	require.Equal(t, exampleParts, parts)
}

func drawParts(t *rapid.T) tokens.Parts {
	return tokens.Parts{
		ID:       uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")),
		Counters: [2]uint32{rapid.Uint32().Draw(t, "first"), rapid.Uint32().Draw(t, "second")},
	}
}

func TestOpaqueRoundTripAndEveryChangeRefused(t *testing.T) {
	opaque := must(tokens.NewOpaque("lkr_", exampleSecret))
	rapid.Check(t, func(t *rapid.T) {
		given := drawParts(t)
		token := opaque.Encode(given)
		require.Equal(t, token, opaque.Encode(given))
		parts, err := opaque.Decode(token)
		require.NoError(t, err)
		require.Equal(t, given, parts)

		changed := []byte(token)
		changed[rapid.IntRange(0, len(token)-1).Draw(t, "at")] ^= rapid.ByteRange(1, 255).Draw(t, "difference")
		parts, err = opaque.Decode(string(changed))
		require.ErrorIs(t, err, tokens.ErrTokenInvalid)
		require.Zero(t, parts)
	})
}

func TestEveryBitOfAnOpaqueTokenCounts(t *testing.T) {
	opaque := must(tokens.NewOpaque("lkr_", exampleSecret))
	for bit := range len(exampleOpaque) * 8 {
		changed := []byte(exampleOpaque)
		changed[bit/8] ^= 1 << (bit % 8)
		_, err := opaque.Decode(string(changed))
		require.ErrorIs(t, err, tokens.ErrTokenInvalid, "bit %d", bit)
	}
}

func TestOpaqueKeysRotate(t *testing.T) {
	oldKey, newKey := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	before := must(tokens.NewOpaque("lkr_", oldKey))
	during := must(tokens.NewOpaque("lkr_", newKey, oldKey))
	after := must(tokens.NewOpaque("lkr_", newKey))

	oldToken, newToken := before.Encode(exampleParts), during.Encode(exampleParts)
	require.Equal(t, after.Encode(exampleParts), newToken)
	for _, token := range []string{oldToken, newToken} {
		parts, err := during.Decode(token)
		require.NoError(t, err)
		require.Equal(t, exampleParts, parts)
	}
	_, err := after.Decode(oldToken)
	require.ErrorIs(t, err, tokens.ErrTokenInvalid)
	_, err = before.Decode(newToken)
	require.ErrorIs(t, err, tokens.ErrTokenInvalid)
}

func TestOpaqueRefusesWhatItDidNotMake(t *testing.T) {
	opaque := must(tokens.NewOpaque("lkr_", exampleSecret))
	reset := must(tokens.NewOpaque("lkp_", exampleSecret))
	short := must(tokens.NewOpaque("lk", exampleSecret))
	body := strings.TrimPrefix(exampleOpaque, "lkr_")
	es := fixtureKeys()[tokens.ES256]
	for name, token := range map[string]string{
		"empty":                      "",
		"the prefix alone":           "lkr_",
		"without its prefix":         body,
		"the prefix twice":           "lkr_" + exampleOpaque,
		"the prefix in capitals":     "LKR_" + body,
		"of another prefix":          reset.Encode(exampleParts),
		"renamed":                    "lkr_" + strings.TrimPrefix(reset.Encode(exampleParts), "lkp_"),
		"of a shorter prefix":        short.Encode(exampleParts),
		"of a shorter one, renamed":  "lkr_" + strings.TrimPrefix(short.Encode(exampleParts), "lk"),
		"a character short":          exampleOpaque[:len(exampleOpaque)-1],
		"a character long":           exampleOpaque + "A",
		"padded":                     exampleOpaque + "=",
		"with a line end":            exampleOpaque + "\n",
		"a line end within":          exampleOpaque[:len(exampleOpaque)-1] + "\n",
		"line ends for its body":     "lkr_" + strings.Repeat("\n", len(body)),
		"a space before":             " " + exampleOpaque,
		"in standard base64":         strings.ReplaceAll(exampleOpaque, "-", "+"),
		"all zero":                   "lkr_" + strings.Repeat("A", len(body)),
		"twice":                      exampleOpaque + exampleOpaque,
		"10 MB":                      "lkr_" + strings.Repeat("A", 10<<20),
		"an access token":            es.sign(goodHeader(es).String(), goodClaims().String()),
		"its unused bits respelt, 1": exampleOpaque[:len(exampleOpaque)-1] + "x",
		"its unused bits respelt, 2": exampleOpaque[:len(exampleOpaque)-1] + "y",
		"its unused bits respelt, 3": exampleOpaque[:len(exampleOpaque)-1] + "z",
		"the MAC of other counters": swapMAC(opaque.Encode(tokens.Parts{ID: exampleParts.ID, Counters: [2]uint32{8, 1}}),
			exampleOpaque),
	} {
		parts, err := opaque.Decode(token)
		require.ErrorIs(t, err, tokens.ErrTokenInvalid, name)
		require.Zero(t, parts, name)
	}
}

// swapMAC answers the first token with the MAC of the second; 4 + 32 characters come before both.
func swapMAC(token, other string) string { return token[:36] + other[36:] }

func TestOpaqueNeedsProperKeys(t *testing.T) {
	_, err := tokens.NewOpaque("lkr_")
	require.ErrorIs(t, err, tokens.ErrKeyInvalid)
	_, err = tokens.NewOpaque("lkr_", exampleSecret[:31])
	require.ErrorIs(t, err, tokens.ErrWeakKey)
	_, err = tokens.NewOpaque("lkr_", exampleSecret, nil)
	require.ErrorIs(t, err, tokens.ErrWeakKey)
}

func FuzzOpaqueDecode(f *testing.F) {
	opaque := must(tokens.NewOpaque("lkr_", exampleSecret, bytes.Repeat([]byte{1}, 32)))
	f.Add(exampleOpaque)
	f.Add(opaque.Encode(tokens.Parts{Counters: [2]uint32{math.MaxUint32, 0}}))
	f.Add(exampleOpaque + "\n")
	f.Add("lkr_" + strings.Repeat("A", 75))
	f.Fuzz(func(t *testing.T, token string) {
		parts, err := opaque.Decode(token)
		if err != nil {
			require.ErrorIs(t, err, tokens.ErrTokenInvalid)
			require.Zero(t, parts)
			return
		}
		require.Equal(t, token, opaque.Encode(parts), "two spellings of one token")
	})
}

func BenchmarkOpaqueDecode(b *testing.B) {
	opaque := must(tokens.NewOpaque("lkr_", exampleSecret))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := opaque.Decode(exampleOpaque); err != nil {
			b.Fatal(err)
		}
	}
}
