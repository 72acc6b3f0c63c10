// Package validator stands in for go-playground's validator, which Gin's Bind needs and Latchkey does not: controllers.Bind
// is stricter (docs/adr/0022-size-and-start.md).
package validator

import "errors"

var errLeftOut = errors.New("validation by tags is left out of this program; use controllers.Bind, or remove the replacement " +
	"of validator from go.mod")

// Validate fails for every value, so that nothing passes for validated that was not.
type Validate struct{}

// New returns a Validate.
func New() *Validate { return &Validate{} }

// SetTagName does nothing.
func (*Validate) SetTagName(string) {}

// Struct fails.
func (*Validate) Struct(any) error { return errLeftOut }
