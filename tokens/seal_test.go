package tokens_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"latchkey/tokens"
)

func TestSeal_OpensOnlyUntouchedWithItsKeyAndData(t *testing.T) {
	key, other := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	rapid.Check(t, func(t *rapid.T) {
		plaintext := rapid.SliceOf(rapid.Byte()).Draw(t, "plaintext")
		data := rapid.SliceOf(rapid.Byte()).Draw(t, "additional data")
		sealed, err := tokens.Seal(key, plaintext, data)
		require.NoError(t, err)
		for _, keys := range [][][]byte{{key}, {other, key}, {key, other}} {
			opened, err := tokens.Open(keys, sealed, data)
			require.NoError(t, err)
			require.True(t, bytes.Equal(plaintext, opened))
		}
		again, err := tokens.Seal(key, plaintext, data)
		require.NoError(t, err)
		require.NotEqual(t, sealed, again, "two seals under one nonce")

		_, err = tokens.Open([][]byte{other}, sealed, data)
		require.ErrorIs(t, err, tokens.ErrSealBroken)
		_, err = tokens.Open([][]byte{key}, sealed, append(data, 0))
		require.ErrorIs(t, err, tokens.ErrSealBroken)
		_, err = tokens.Open([][]byte{key}, sealed[:rapid.IntRange(0, len(sealed)-1).Draw(t, "length")], data)
		require.ErrorIs(t, err, tokens.ErrSealBroken)
		sealed[rapid.IntRange(0, len(sealed)-1).Draw(t, "at")] ^= rapid.ByteRange(1, 255).Draw(t, "difference")
		_, err = tokens.Open([][]byte{key}, sealed, data)
		require.ErrorIs(t, err, tokens.ErrSealBroken)
	})
}

func TestSeal_NoncesDiffer(t *testing.T) {
	key, nonces := bytes.Repeat([]byte{1}, 32), map[string]bool{}
	const count, nonceLength = 50_000, 12
	for range count {
		sealed, err := tokens.Seal(key, nil, nil)
		require.NoError(t, err)
		nonces[string(sealed[:nonceLength])] = true
	}
	require.Len(t, nonces, count)
}

func TestSeal_RequiresAKeyOf32Bytes(t *testing.T) {
	for _, length := range []int{0, 16, 24, 31, 33, 64} {
		key := make([]byte, length)
		_, err := tokens.Seal(key, []byte("x"), nil)
		require.ErrorIs(t, err, tokens.ErrWeakKey, "%d bytes", length)
		_, err = tokens.Open([][]byte{key}, []byte("x"), nil)
		require.ErrorIs(t, err, tokens.ErrWeakKey, "%d bytes", length)
	}
	_, err := tokens.Open(nil, []byte("x"), nil)
	require.ErrorIs(t, err, tokens.ErrSealBroken)
}

// Derived keys must stay valid across releases; this one was computed independently.
func TestDeriveKey_IsStable(t *testing.T) {
	key := tokens.DeriveKey(exampleSecret, "refresh tokens")
	require.Equal(t, "05b239227f546c852ed1f7a73b33bf7aad96c412a899452b27b249d633987614", hex.EncodeToString(key))
}

func TestDeriveKey_DiffersByPurposeAndSecret(t *testing.T) {
	key := tokens.DeriveKey(exampleSecret, "a")
	require.Len(t, key, 32)
	require.NotEqual(t, key, tokens.DeriveKey(exampleSecret, "b"))
	require.NotEqual(t, key, tokens.DeriveKey(exampleSecret[1:], "a"))
	require.Panics(t, func() { tokens.DeriveKey(nil, "a") })
}
