package tokens

import "fmt"

// KeySet is the keys in use at one moment: one that signs and any number that verify, the signing one among them. It
// does not change; to rotate keys is to make a new one.
type KeySet struct {
	keys []Key // the signing key first
	byID map[string]Key
}

// NewKeySet makes a set of a key that signs (else ErrKeyInvalid) and more that verify. A key given twice counts once.
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

// Signing is the key that signs new tokens; of an empty set, a key that can't.
func (s KeySet) Signing() Key {
	if len(s.keys) == 0 {
		return Key{}
	}
	return s.keys[0]
}

// Lookup finds the key with exactly this id.
func (s KeySet) Lookup(id string) (Key, bool) {
	key, ok := s.byID[id]
	return key, ok
}
