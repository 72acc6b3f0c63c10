package tokens_test

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"latchkey/tokens"
)

var (
	exampleSecret = []byte("an example secret of 32 bytes ok")
	exampleHandle = tokens.Handle{ID: uuid.MustParse("0199a5c2-7f00-7abc-8def-0123456789ab"), Counters: [2]uint32{7, 1}}
)

// Tokens must stay valid across releases; this one was computed independently.
const exampleToken = "lkr_AZmlwn8AeryN7wEjRWeJqwAAAAcAAAAB00d7qKyPZtR4gA4h-58OtK8iQJgyLOgKKhliPS48iGw"

func TestCodec_FormatIsStable(t *testing.T) {
	codec := must(tokens.NewCodec("lkr_", exampleSecret))
	require.Equal(t, exampleToken, codec.Encode(exampleHandle))
	handle, err := codec.Decode(exampleToken)
	require.NoError(t, err)
	require.Equal(t, exampleHandle, handle)
}

func drawHandle(t *rapid.T) tokens.Handle {
	return tokens.Handle{
		ID:       uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")),
		Counters: [2]uint32{rapid.Uint32().Draw(t, "first"), rapid.Uint32().Draw(t, "second")},
	}
}

func TestCodec_Decode_AcceptsEncodedAndRefusesEveryChange(t *testing.T) {
	codec := must(tokens.NewCodec("lkr_", exampleSecret))
	rapid.Check(t, func(t *rapid.T) {
		given := drawHandle(t)
		token := codec.Encode(given)
		require.Equal(t, token, codec.Encode(given))
		handle, err := codec.Decode(token)
		require.NoError(t, err)
		require.Equal(t, given, handle)

		changed := []byte(token)
		changed[rapid.IntRange(0, len(token)-1).Draw(t, "at")] ^= rapid.ByteRange(1, 255).Draw(t, "difference")
		handle, err = codec.Decode(string(changed))
		require.ErrorIs(t, err, tokens.ErrTokenInvalid)
		require.Zero(t, handle)
	})
}

func TestCodec_Decode_RefusesEveryChangedBit(t *testing.T) {
	codec := must(tokens.NewCodec("lkr_", exampleSecret))
	for bit := range len(exampleToken) * 8 {
		changed := []byte(exampleToken)
		changed[bit/8] ^= 1 << (bit % 8)
		_, err := codec.Decode(string(changed))
		require.ErrorIs(t, err, tokens.ErrTokenInvalid, "bit %d", bit)
	}
}

func TestCodec_KeysRotate(t *testing.T) {
	oldKey, newKey := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	before := must(tokens.NewCodec("lkr_", oldKey))
	during := must(tokens.NewCodec("lkr_", newKey, oldKey))
	after := must(tokens.NewCodec("lkr_", newKey))

	oldToken, newToken := before.Encode(exampleHandle), during.Encode(exampleHandle)
	require.Equal(t, after.Encode(exampleHandle), newToken)
	for _, token := range []string{oldToken, newToken} {
		handle, err := during.Decode(token)
		require.NoError(t, err)
		require.Equal(t, exampleHandle, handle)
	}
	_, err := after.Decode(oldToken)
	require.ErrorIs(t, err, tokens.ErrTokenInvalid)
	_, err = before.Decode(newToken)
	require.ErrorIs(t, err, tokens.ErrTokenInvalid)
}

func TestCodec_Decode_RefusesWhatItDidNotMake(t *testing.T) {
	codec := must(tokens.NewCodec("lkr_", exampleSecret))
	reset := must(tokens.NewCodec("lkp_", exampleSecret))
	short := must(tokens.NewCodec("lk", exampleSecret))
	body := strings.TrimPrefix(exampleToken, "lkr_")
	es := fixtureKeys()[tokens.ES256]
	for name, token := range map[string]string{
		"empty":                      "",
		"the prefix alone":           "lkr_",
		"without its prefix":         body,
		"the prefix twice":           "lkr_" + exampleToken,
		"the prefix in capitals":     "LKR_" + body,
		"of another prefix":          reset.Encode(exampleHandle),
		"renamed":                    "lkr_" + strings.TrimPrefix(reset.Encode(exampleHandle), "lkp_"),
		"of a shorter prefix":        short.Encode(exampleHandle),
		"of a shorter one, renamed":  "lkr_" + strings.TrimPrefix(short.Encode(exampleHandle), "lk"),
		"a character short":          exampleToken[:len(exampleToken)-1],
		"a character long":           exampleToken + "A",
		"padded":                     exampleToken + "=",
		"with a line end":            exampleToken + "\n",
		"a line end within":          exampleToken[:len(exampleToken)-1] + "\n",
		"line ends for its body":     "lkr_" + strings.Repeat("\n", len(body)),
		"a space before":             " " + exampleToken,
		"in standard base64":         strings.ReplaceAll(exampleToken, "-", "+"),
		"all zero":                   "lkr_" + strings.Repeat("A", len(body)),
		"twice":                      exampleToken + exampleToken,
		"10 MB":                      "lkr_" + strings.Repeat("A", 10<<20),
		"an access token":            es.sign(goodHeader(es).String(), goodClaims().String()),
		"its unused bits respelt, 1": exampleToken[:len(exampleToken)-1] + "x",
		"its unused bits respelt, 2": exampleToken[:len(exampleToken)-1] + "y",
		"its unused bits respelt, 3": exampleToken[:len(exampleToken)-1] + "z",
		"the MAC of other counters": swapMAC(codec.Encode(tokens.Handle{ID: exampleHandle.ID, Counters: [2]uint32{8, 1}}),
			exampleToken),
	} {
		handle, err := codec.Decode(token)
		require.ErrorIs(t, err, tokens.ErrTokenInvalid, name)
		require.Zero(t, handle, name)
	}
}

// swapMAC returns the first token with the MAC of the second; 4 + 32 characters come before both.
func swapMAC(token, other string) string { return token[:36] + other[36:] }

func TestCodec_Code_IsOneOfAMillionEvenly(t *testing.T) {
	codec := must(tokens.NewCodec("lko_", tokens.DeriveKey([]byte("secret"), "codes")))
	const codes, buckets = 100_000, 100
	counts, distinct := [buckets]int{}, map[string]bool{}
	for i := range uint32(codes) {
		code := codec.Code(tokens.Handle{Counters: [2]uint32{i, 0}})
		require.Regexp(t, `^[0-9]{6}$`, code)
		distinct[code] = true
		counts[must(strconv.Atoi(code))*buckets/1_000_000]++
	}
	// Of a million, 100,000 draws leave 95,163 distinct ones on average, with a standard deviation of about 68.
	require.InDelta(t, 95_163, len(distinct), 500)
	chi := 0.0
	for _, count := range counts {
		difference := float64(count) - codes/buckets
		chi += difference * difference / (codes / buckets)
	}
	require.Less(t, chi, 170.0, "of 99 degrees of freedom; the keys are fixed, so this is no matter of luck")
}

func TestNewCodec_RequiresProperKeys(t *testing.T) {
	_, err := tokens.NewCodec("lkr_")
	require.ErrorIs(t, err, tokens.ErrKeyInvalid)
	_, err = tokens.NewCodec("lkr_", exampleSecret[:31])
	require.ErrorIs(t, err, tokens.ErrWeakKey)
	_, err = tokens.NewCodec("lkr_", exampleSecret, nil)
	require.ErrorIs(t, err, tokens.ErrWeakKey)
}

func FuzzCodec_Decode(f *testing.F) {
	codec := must(tokens.NewCodec("lkr_", exampleSecret, bytes.Repeat([]byte{1}, 32)))
	f.Add(exampleToken)
	f.Add(codec.Encode(tokens.Handle{Counters: [2]uint32{math.MaxUint32, 0}}))
	f.Add(exampleToken + "\n")
	f.Add("lkr_" + strings.Repeat("A", 75))
	f.Fuzz(func(t *testing.T, token string) {
		handle, err := codec.Decode(token)
		if err != nil {
			require.ErrorIs(t, err, tokens.ErrTokenInvalid)
			require.Zero(t, handle)
			return
		}
		require.Equal(t, token, codec.Encode(handle), "two spellings of one token")
	})
}

func BenchmarkCodec_Decode(b *testing.B) {
	codec := must(tokens.NewCodec("lkr_", exampleSecret))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := codec.Decode(exampleToken); err != nil {
			b.Fatal(err)
		}
	}
}
