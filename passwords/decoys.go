package passwords

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"slices"
	"sync/atomic"
)

// Decoys choose the hash that a password is verified against for a name that has no hash of its own, so that the work is the same
// as for one that has. The share of such names that get a hash of a format is the share of that format among all hashes. It is
// safe for concurrent use; nil chooses new hashes for all.
type Decoys struct {
	key    []byte
	shares atomic.Pointer[shares]
}

// Share is how many hashes there are of a format.
type Share struct {
	Format
	Count uint64
}

// shares are counts of formats, those that cost what new hashes do first.
type shares struct {
	ordered []Share
	total   uint64
}

// NewDecoys returns decoys that choose by a MAC of the name under key. Until Replace they choose new hashes for all.
func NewDecoys(key []byte) *Decoys { return &Decoys{key: key} }

// Replace replaces the counts that the choice is made by.
func (d *Decoys) Replace(counted []Share) {
	ordered := slices.Clone(counted)
	// New hashes come first, and the others in an order that does not depend on how many there are. So whatever makes the share
	// of new hashes grow moves names towards them, and none away.
	slices.SortFunc(ordered, func(a, b Share) int { return cmp.Compare(b.order(), a.order()) })
	made := shares{ordered: ordered}
	for _, share := range ordered {
		made.total += share.Count
	}
	d.shares.Store(&made)
}

// order is what formats are sorted by, in falling order.
func (s Share) order() string {
	if s.IsNative {
		return "~"
	}
	return s.Decoy
}

// For returns the encoded hash to verify a password of this name against. The same name gets the same one until the shares
// change. It is empty for the cost of a new hash. The result of the verification says nothing.
func (d *Decoys) For(name string) string {
	if d == nil {
		return ""
	}
	counted := d.shares.Load()
	if counted == nil {
		return ""
	}
	mac := hmac.New(sha256.New, d.key)
	mac.Write([]byte(name))
	place, _ := bits.Mul64(binary.BigEndian.Uint64(mac.Sum(nil)), counted.total) // evenly from zero to the total
	for _, share := range counted.ordered {
		if place < share.Count {
			return share.Decoy
		}
		place -= share.Count
	}
	return ""
}
