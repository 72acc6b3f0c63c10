package models

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/google/uuid"

	"latchkey/tokens"
)

// addressHash is what a device token says of the address that its account had then: enough to tell whose it is without a look
// at the database.
func addressHash(address string) [2]uint32 {
	sum := sha256.Sum256([]byte("device of " + address))
	return [2]uint32{binary.BigEndian.Uint32(sum[:]), binary.BigEndian.Uint32(sum[4:])}
}

// newDeviceID returns the id of a device that no account knows yet.
func newDeviceID() (uuid.UUID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil, fmt.Errorf("make a device id: %w", err)
	}
	return id, nil
}

// device is what a device token says of where a request comes from. The zero value is that of no valid token.
type device struct {
	id      uuid.UUID
	isBound bool // the token was made for the address that the request names
}

// readDeviceToken returns what a token says of the device of a request for an account.
func readDeviceToken(codec *tokens.Codec, token, account string) device {
	handle, err := codec.Decode(token)
	if err != nil {
		return device{}
	}
	return device{handle.ID, handle.Counters == addressHash(account)}
}

// sourceFor names an account, whether there is one or not, together with the device if its token was made for that address.
func (d device) sourceFor(account string) string {
	if !d.isBound {
		d.id = uuid.Nil
	}
	return account + " " + d.id.String()
}
