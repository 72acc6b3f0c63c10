package passwords

import (
	"encoding/binary"
	_ "unsafe" // for go:linkname

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/blake2b"
)

// lane is the memory in which argon2id with one lane is computed (RFC 9106, section 3): on the caller's thread, and reused
// for the next hash. argon2.IDKey in contrast computes on goroutines of its own, which have normal priority, and allocates
// new memory for every hash, so that some is always waiting to be collected.
type lane struct {
	blocks []block
	limit  uint32 // blocks to keep; a hash that needs more, which only an imported one can, gets memory of its own
}

// block is 1024 bytes, as the compression function takes them.
type block = [128]uint64

const (
	slicesInPass = 4    // synchronisation points (section 3.4)
	blockBytes   = 1024 // size of a block
	typeID       = 2    // argon2id
	minimumSize  = 8    // in blocks
)

// The compression function G (section 3.5) of x/crypto, in each architecture's assembly. compressInto XORs the result into
// out. A test compares the keys derived here with those of argon2.IDKey.
//
//go:linkname compress golang.org/x/crypto/argon2.processBlock
func compress(out, x, y *block)

//go:linkname compressInto golang.org/x/crypto/argon2.processBlockXOR
func compressInto(out, x, y *block)

// argon2id derives the same key as argon2.IDKey with one thread. The caller checks that time (passes) and memory (KiB) are
// at least 1 and 8.
func (l *lane) argon2id(password, salt []byte, time, memory uint32, keyLength int) []byte {
	size := max(memory/slicesInPass*slicesInPass, minimumSize)
	blocks := l.take(size)
	seed := l.seed(password, salt, [...]uint32{1, uint32(keyLength), memory, time, argon2.Version, typeID})
	for i := range uint32(2) {
		first := longHash(blockBytes, binary.LittleEndian.AppendUint32(append([]byte(nil), seed...), i), make([]byte, 4))
		for word := range blocks[i] {
			blocks[i][word] = binary.LittleEndian.Uint64(first[8*word:])
		}
	}
	for pass := range time {
		for slice := range uint32(slicesInPass) {
			fill(blocks, position{pass: pass, slice: slice, passes: time})
		}
	}
	var last [blockBytes]byte
	for word, value := range blocks[size-1] {
		binary.LittleEndian.PutUint64(last[8*word:], value)
	}
	return longHash(keyLength, last[:])
}

// take returns size blocks: reused ones up to the limit, and new ones beyond.
func (l *lane) take(size uint32) []block {
	if size > l.limit {
		return make([]block, size)
	}
	if uint32(len(l.blocks)) < size {
		l.blocks = make([]block, size)
	}
	return l.blocks[:size]
}

// seed returns H0 (section 3.2), without a secret and without associated data.
func (*lane) seed(password, salt []byte, parameters [6]uint32) []byte {
	hash, _ := blake2b.New512(nil) // fails only on a key that is too long
	word := func(value uint32) { _ = binary.Write(hash, binary.LittleEndian, value) }
	for _, parameter := range parameters {
		word(parameter)
	}
	for _, part := range [][]byte{password, salt, nil, nil} {
		word(uint32(len(part)))
		hash.Write(part)
	}
	return hash.Sum(nil)
}

// longHash returns H' (section 3.3) of the concatenated parts, length bytes long.
func longHash(length int, parts ...[]byte) []byte {
	short := func(size int, parts ...[]byte) []byte {
		hash, _ := blake2b.New(size, nil)
		for _, part := range parts {
			hash.Write(part)
		}
		return hash.Sum(nil)
	}
	parts = append([][]byte{binary.LittleEndian.AppendUint32(nil, uint32(length))}, parts...)
	if length <= blake2b.Size {
		return short(length, parts...)
	}
	var out []byte
	v := short(blake2b.Size, parts...)
	for ; length-len(out) > blake2b.Size; v = short(min(length-len(out), blake2b.Size), v) {
		out = append(out, v[:blake2b.Size/2]...)
	}
	return append(out, v...)
}

// position identifies the segment that is being filled.
type position struct{ pass, slice, passes uint32 }

// independent reports whether the segment's references must not depend on the password: in the first half of the first pass.
func (p position) independent() bool { return p.pass == 0 && p.slice < slicesInPass/2 }

// fill computes the blocks of one segment (section 3.4).
func fill(blocks []block, at position) {
	size := uint32(len(blocks))
	segment := size / slicesInPass
	var input, addresses, zero block
	input = block{uint64(at.pass), 0, uint64(at.slice), uint64(size), uint64(at.passes), typeID}
	for i := range segment {
		if at.independent() && i%uint32(len(addresses)) == 0 {
			input[6]++
			compress(&addresses, &input, &zero)
			compress(&addresses, &addresses, &zero)
		}
		if at.pass == 0 && at.slice == 0 && i < 2 {
			continue // derived from the seed
		}
		current := at.slice*segment + i
		previous := (current + size - 1) % size
		random := blocks[previous][0]
		if at.independent() {
			random = addresses[i%uint32(len(addresses))]
		}
		reference := at.reference(uint32(random), i, segment)
		if at.pass == 0 {
			compress(&blocks[current], &blocks[previous], &blocks[reference])
		} else {
			compressInto(&blocks[current], &blocks[previous], &blocks[reference])
		}
	}
}

// reference maps 32 random bits to the index of a finished block other than the previous one, and prefers recent blocks
// (section 3.4.2).
func (p position) reference(random, index, segment uint32) uint32 {
	finished, start := 3*segment+index-1, (p.slice+1)%slicesInPass*segment
	if p.pass == 0 {
		finished, start = p.slice*segment+index-1, 0
	}
	square := uint64(random) * uint64(random) >> 32
	back := uint64(finished) * square >> 32
	return uint32((uint64(start) + uint64(finished) - 1 - back) % uint64(slicesInPass*segment))
}
