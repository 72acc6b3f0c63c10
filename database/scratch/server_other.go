//go:build !unix

package scratch

import "context"

type installation struct{ binaries, dir string }

func (installation) initialize(context.Context, string) error { return ErrUnsupported }

func (installation) serve(context.Context, int) (*server, error) { return nil, ErrUnsupported }

type server struct{}

func (*server) stop() error { return nil }
