package models

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/google/uuid"

	"latchkey/tokens"
)

// addressHash is what a device token says of the address that its account had then: enough to tell whose it is without a look
// at the database.
func addressHash(address string) [2]uint32 {
	sum := sha256.Sum256([]byte("device of " + address))
	return [2]uint32{binary.BigEndian.Uint32(sum[:]), binary.BigEndian.Uint32(sum[4:])}
}

// readDeviceToken returns the device that a valid token names, and whether the token was made for the address that account
// names. Otherwise the device is zero.
func readDeviceToken(codec *tokens.Codec, token, account string) (device uuid.UUID, isBound bool) {
	handle, err := codec.Decode(token)
	if err != nil {
		return uuid.Nil, false
	}
	return handle.ID, handle.Counters == addressHash(account)
}

// sourceOf names an account, whether there is one or not, together with the device if its token was made for that address.
func sourceOf(account string, device uuid.UUID, isBound bool) string {
	if !isBound {
		device = uuid.Nil
	}
	return account + " " + device.String()
}
