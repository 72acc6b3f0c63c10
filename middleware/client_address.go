package middleware

import (
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
)

// The headers in which a proxy may name the client: the one that most write, and that of RFC 7239.
const (
	ForwardedFor = "X-Forwarded-For"
	Forwarded    = "Forwarded"
)

// Proxies are the peers that may name the client that they forward a request of, and the header that they write. A client's other
// header counts for nothing, because a proxy passes it on as it came.
type Proxies struct {
	Trusted []netip.Prefix
	Header  string // ForwardedFor or Forwarded
}

const clientAddressKey = "latchkey.client_address"

// IdentifyClient finds the address of the client for ClientAddress: the peer's or, if that is a trusted proxy, the right-most one
// in the proxies' header that is not itself trusted. It logs, once each, what makes clients share one address: a peer that
// forwards requests and is not trusted, and a trusted one whose header is missing or can't be read.
func IdentifyClient(log *slog.Logger, proxies Proxies) gin.HandlerFunc {
	var untrusted, misread sync.Once
	return func(c *gin.Context) {
		peer := peerAddress(c.Request)
		client, problem := proxies.client(peer, c.Request.Header)
		c.Set(clientAddressKey, client)
		switch {
		case problem != "":
			misread.Do(func() {
				log.WarnContext(c.Request.Context(), "a trusted proxy does not say which client it forwards; all such clients share "+
					"its address and its rate limits", "peer", addressText(peer), "header", proxies.Header, "problem", problem)
			})
		case !proxies.trusts(peer) && isForwarded(c.Request.Header):
			untrusted.Do(func() {
				log.WarnContext(c.Request.Context(), "forwarded addresses are ignored, because TRUSTED_PROXIES does not name the "+
					"peer that sent them; if the peer is your proxy, all of its clients share one address and one rate limit",
					"peer", addressText(peer))
			})
		}
		c.Next()
	}
}

// ClientAddress returns the address of the request's client, without a zone, or "" if the connection has none.
func ClientAddress(c *gin.Context) string {
	address, _ := c.MustGet(clientAddressKey).(netip.Addr)
	return addressText(address)
}

// PeerAddress returns the address that the request's connection comes from, which may be a proxy's.
func PeerAddress(c *gin.Context) netip.Addr { return peerAddress(c.Request) }

func peerAddress(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	return address.Unmap().WithZone("")
}

func addressText(address netip.Addr) string {
	if !address.IsValid() {
		return ""
	}
	return address.String()
}

func isForwarded(header http.Header) bool {
	return header.Get(ForwardedFor) != "" || header.Get(Forwarded) != ""
}

func (p Proxies) trusts(address netip.Addr) bool {
	return slices.ContainsFunc(p.Trusted, func(network netip.Prefix) bool { return network.Contains(address) })
}

// client walks from the peer towards the client, for as long as the hops are trusted. If it can't go on, it returns the last hop
// that it could read, and why. What a client wrote itself is on the left of what the first trusted proxy added, and never read.
func (p Proxies) client(peer netip.Addr, header http.Header) (client netip.Addr, problem string) {
	if !p.trusts(peer) {
		return peer, ""
	}
	hops := strings.Join(header.Values(p.Header), ",")
	if hops == "" && isForwarded(header) {
		return peer, "the request has the other header"
	}
	for client = peer; p.trusts(client); {
		node, rest, found := p.nearest(hops)
		if !found {
			break
		}
		address, isAddress := parseNode(node)
		if !isAddress {
			return client, "an element is not an address"
		}
		client, hops = address, rest
	}
	return client, ""
}

// nearest returns the last element of the proxies' header and what precedes it. Empty elements of a list count for nothing
// (RFC 9110, section 5.6.1.2).
func (p Proxies) nearest(list string) (node, rest string, found bool) {
	list = strings.TrimRight(list, ", \t")
	if list == "" {
		return "", "", false
	}
	if p.Header == Forwarded {
		node, rest = lastForwarded(list)
		return node, rest, true
	}
	comma := strings.LastIndexByte(list, ',')
	return strings.TrimLeft(list[comma+1:], " \t"), list[:max(comma, 0)], true
}

// parseNode returns the address of a hop: an IPv4 or IPv6 address, in brackets or not, with or without a port and a zone
// (RFC 7239, section 6, and what proxies write into X-Forwarded-For).
func parseNode(node string) (netip.Addr, bool) {
	host, port := node, ""
	if bracketed, isBracketed := strings.CutPrefix(node, "["); isBracketed {
		host, port, isBracketed = strings.Cut(bracketed, "]")
		if !isBracketed || port != "" && port[0] != ':' {
			return netip.Addr{}, false
		}
	} else if strings.Count(node, ":") == 1 { // an IPv6 address has at least two
		host, port, _ = strings.Cut(node, ":")
		port = ":" + port
	}
	address, err := netip.ParseAddr(host)
	if err != nil || port != "" && !isToken(port[1:]) { // ports may be obfuscated (RFC 7239, section 6.3)
		return netip.Addr{}, false
	}
	return address.Unmap().WithZone(""), true
}
