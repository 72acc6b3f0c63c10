// Package bson stands in for MongoDB's driver, which Gin's BSON needs and Latchkey does not (docs/adr/0022-size-and-start.md).
package bson

import "errors"

var errLeftOut = errors.New("BSON is left out of this program; remove the replacement of mongo-driver from go.mod")

// Marshal fails.
func Marshal(any) ([]byte, error) { return nil, errLeftOut }

// Unmarshal fails.
func Unmarshal([]byte, any) error { return errLeftOut }
