// Package http3 stands in for quic-go, which Gin's Engine.RunQUIC needs and Latchkey does not (docs/adr/0022-size-and-start.md).
package http3

import (
	"errors"
	"net/http"
)

var errLeftOut = errors.New("HTTP/3 is left out of this program; remove the replacement of quic-go from go.mod")

// ListenAndServeQUIC fails.
func ListenAndServeQUIC(_, _, _ string, _ http.Handler) error { return errLeftOut }
