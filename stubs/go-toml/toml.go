// Package toml stands in for go-toml, which Gin's TOML needs and Latchkey does not (docs/adr/0022-size-and-start.md).
package toml

import (
	"errors"
	"io"
)

var errLeftOut = errors.New("TOML is left out of this program; remove the replacement of go-toml from go.mod")

// Decoder reads nothing.
type Decoder struct{}

// NewDecoder returns a decoder that fails.
func NewDecoder(io.Reader) *Decoder { return &Decoder{} }

// Decode fails.
func (*Decoder) Decode(any) error { return errLeftOut }

// Marshal fails.
func Marshal(any) ([]byte, error) { return nil, errLeftOut }
