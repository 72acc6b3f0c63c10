package tokens

import "fmt"

// KeySet holds the keys in use at one moment: one that signs and any number that verify, including the signing one. It is
// immutable; rotating keys means making a new set.
type KeySet struct {
	keys []Key // the signing key first
	byID map[string]Key
}

// NewKeySet returns a set of one key that signs and more that verify. It drops keys given twice. It fails with
// ErrKeyInvalid if the first key can't sign or any key is empty.
func NewKeySet(signing Key, verifying ...Key) (KeySet, error) {
	if !signing.CanSign() {
		return KeySet{}, fmt.Errorf("%w: %v can't sign", ErrKeyInvalid, signing)
	}
	set := KeySet{byID: make(map[string]Key, 1+len(verifying))}
	for _, key := range append([]Key{signing}, verifying...) {
		if key.material == nil {
			return KeySet{}, fmt.Errorf("%w: an empty key in a key set", ErrKeyInvalid)
		}
		if _, known := set.byID[key.id]; known {
			continue
		}
		set.byID[key.id] = key
		set.keys = append(set.keys, key)
	}
	return set, nil
}

// Signing returns the key that signs new tokens, or the zero Key, which can't, if the set is empty.
func (s KeySet) Signing() Key {
	if len(s.keys) == 0 {
		return Key{}
	}
	return s.keys[0]
}

// Lookup returns the key with exactly this id, and reports whether the set has it.
func (s KeySet) Lookup(id string) (Key, bool) {
	key, ok := s.byID[id]
	return key, ok
}
