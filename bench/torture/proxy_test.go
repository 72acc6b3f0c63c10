package torture

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// wire is what a proxy does with what passes through it.
type wire int

const (
	pass      wire = iota
	blackHole      // takes everything and passes nothing on
	halfOpen       // passes requests on, and no responses
)

// proxy is a network between clients and a server.
type proxy struct {
	addr   string
	target string

	mu    sync.Mutex
	wire  wire
	left  int // bytes of responses until every connection is cut; negative: no limit
	links map[*link]bool
	cuts  int // connections that were reset
}

type link struct{ client, server net.Conn }

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{addr: listener.Addr().String(), target: target, left: -1, links: map[*link]bool{}}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { p.serve(client) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		p.reset()
		p.be(pass)
		running.Wait()
	})
	return p
}

// be changes what the proxy does, to open connections too.
func (p *proxy) be(w wire) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wire = w
}

// cutAfter resets every connection once this many more bytes of responses have passed.
func (p *proxy) cutAfter(bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = bytes
}

// reset resets every connection (RFC 9293, section 3.5.2) instead of closing it.
func (p *proxy) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resetLocked()
}

func (p *proxy) resetLocked() {
	for l := range p.links {
		p.cuts++
		for _, end := range []net.Conn{l.client, l.server} {
			_ = end.(*net.TCPConn).SetLinger(0)
			_ = end.Close()
		}
		delete(p.links, l)
	}
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	l := &link{client, server}
	p.mu.Lock()
	p.links[l] = true
	p.mu.Unlock()
	var running sync.WaitGroup
	running.Go(func() { p.copy(server, client, p.request) })
	p.copy(client, server, p.response)
	running.Wait()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}

var errCut = errors.New("the proxy cut the connection")

// copy copies from one end to the other, as far as allowed says for each piece, and closes both when one ends.
func (p *proxy) copy(to, from net.Conn, allowed func([]byte) ([]byte, error)) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			piece, cut := allowed(buffer[:n])
			if _, err := to.Write(piece); err != nil {
				return
			}
			if cut != nil {
				p.reset()
				return
			}
		}
		if err != nil {
			if errors.Is(err, io.EOF) && p.swallows() {
				p.waitPassing()
			}
			return
		}
	}
}

func (p *proxy) request(piece []byte) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wire == blackHole {
		return nil, nil
	}
	return piece, nil
}

func (p *proxy) response(piece []byte) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wire != pass {
		return nil, nil
	}
	if p.left < 0 {
		return piece, nil
	}
	if len(piece) < p.left {
		p.left -= len(piece)
		return piece, nil
	}
	piece, p.left = piece[:p.left], -1
	return piece, errCut
}

func (p *proxy) swallows() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wire != pass
}

// waitPassing keeps the end of a connection from its other end, as a network that passes nothing does.
func (p *proxy) waitPassing() {
	for p.swallows() {
		time.Sleep(10 * time.Millisecond)
	}
}
