package passwords

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/argon2"
	"pgregory.net/rapid"
)

// All share one lane, so that a hash which depended on what the one before left in memory would fail.
func TestLane_Argon2id_DerivesWhatTheLibraryDoes(t *testing.T) {
	used := lane{limit: 2000}
	rapid.Check(t, func(t *rapid.T) {
		password, salt := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "password"), rapid.SliceOfN(rapid.Byte(), 8, 64).Draw(t, "salt")
		time, memory := rapid.Uint32Range(1, 5).Draw(t, "time"), rapid.Uint32Range(1, 3000).Draw(t, "memory")
		length := rapid.IntRange(4, 300).Draw(t, "length")
		require.Equal(t, hex.EncodeToString(argon2.IDKey(password, salt, time, memory, 1, uint32(length))),
			hex.EncodeToString(used.argon2id(password, salt, time, memory, length)))
	})
}

// The lane allocates its memory once: later hashes of 19 MiB allocate next to nothing.
func TestLane_Argon2id_ReusesItsMemory(t *testing.T) {
	used := lane{limit: 19 * 1024}
	derive := func(memory uint32) {
		used.argon2id([]byte("plum tree by the gate"), []byte("salt and pepper!"), 2, memory, 32)
	}
	derive(19 * 1024)
	blocks := &used.blocks[0]
	require.Less(t, testing.AllocsPerRun(2, func() { derive(19 * 1024) }), 200.0)
	derive(19*1024 + 4)
	require.Len(t, used.blocks, 19*1024, "the memory of a costlier imported hash is not kept")
	require.Same(t, blocks, &used.blocks[0])
}

func BenchmarkArgon2id(b *testing.B) {
	password, salt := []byte("plum tree by the gate"), []byte("salt and pepper!")
	b.Run("lane", func(b *testing.B) {
		used := lane{limit: 19 * 1024}
		b.ReportAllocs()
		for b.Loop() {
			used.argon2id(password, salt, 2, 19*1024, 32)
		}
	})
	b.Run("library", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			argon2.IDKey(password, salt, 2, 19*1024, 1, 32)
		}
	})
}
