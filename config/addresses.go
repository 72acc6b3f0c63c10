package config

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var errProxy = errors.New("neither an address nor a network")

// hostPattern matches a host in a URL: a name in ASCII, an IPv4 address or an IPv6 address in brackets.
var hostPattern = regexp.MustCompile(`^(` + labelPattern + `(\.` + labelPattern + `)*|\[[0-9a-f:.]+\])$`)

const labelPattern = `[a-z0-9]([a-z0-9_-]*[a-z0-9])?`

func isListenAddress(addr string) bool {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || !isPort(port) {
		return false
	}
	if _, err := netip.ParseAddr(host); err == nil || host == "" {
		return true
	}
	return hostPattern.MatchString(strings.ToLower(host))
}

// redisPath is the number of a database, or nothing.
var redisPath = regexp.MustCompile(`^(/\d{0,9}/?)?$`)

func isRedisURL(raw string) bool {
	parsed, err := url.Parse(raw)
	return err == nil && (parsed.Scheme == "redis" || parsed.Scheme == "rediss") && parsed.Opaque == "" &&
		redisPath.MatchString(parsed.Path) && parsed.RawQuery == "" && parsed.Fragment == ""
}

// isOnThisMachine reports whether every host of a server's URL, in its authority or its parameter host, is this machine:
// by a socket or by the loopback interface.
func isOnThisMachine(server *url.URL) bool {
	hosts := server.Host
	if query := server.Query().Get("host"); query != "" {
		hosts = query
	}
	for host := range strings.SplitSeq(hosts, ",") {
		name, _, _ := cutPort(host)
		if name != "" && !strings.HasPrefix(name, "/") && !isLoopback(strings.Trim(name, "[]")) {
			return false
		}
	}
	return true
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

func isPort(port string) bool {
	_, err := strconv.ParseUint(port, 10, 16)
	return err == nil
}

// localURL returns the URL of this machine at the port of addr. Port 0, which the system chooses later, is left out.
func localURL(addr string) string {
	_, port, err := net.SplitHostPort(addr)
	if err != nil || port == "80" || port == "0" || !isPort(port) {
		return "http://localhost"
	}
	return "http://localhost:" + port
}

// parseOrigin returns raw as an origin that a browser would send (RFC 6454, section 6.1): in lowercase, without the default
// port. The error reads as the end of a sentence and repeats no part of raw.
func parseOrigin(raw string) (string, error) {
	parsed, err := url.Parse(raw)
	if err != nil {
		return "", errors.New("can't be read as a URL")
	}
	scheme, host := strings.ToLower(parsed.Scheme), strings.ToLower(parsed.Host)
	switch {
	case scheme != "http" && scheme != "https":
		return "", errors.New("does not begin with https:// or http://")
	case parsed.User != nil:
		return "", errors.New("contains a user name or password")
	case parsed.Path != "" || strings.ContainsAny(raw, "?#"):
		return "", errors.New("has something after the host")
	}
	if name, port, found := cutPort(host); found {
		if !isPort(port) || port == "0" {
			return "", errors.New("has no usable port")
		}
		if isDefaultPort(scheme, port) {
			host = name
		}
	}
	if name, _, _ := cutPort(host); !hostPattern.MatchString(name) {
		return "", errors.New("has no usable host; write one with non-ASCII letters as xn--…")
	}
	return scheme + "://" + host, nil
}

// schemePattern matches the scheme of a URL in lowercase (RFC 3986, section 3.1).
var schemePattern = regexp.MustCompile(`^[a-z][a-z0-9+.-]*$`)

// hasNoOrigin reports whether a scheme's pages send the origin null, or there are no pages of it.
func hasNoOrigin(scheme string) bool {
	return slices.Contains([]string{"file", "data", "blob", "about", "javascript", "filesystem", "ws", "wss", "ftp"}, scheme)
}

// parseClientOrigin returns raw as the origin that a client's pages send: as parseOrigin does, or with the scheme of an app or a
// browser extension, such as capacitor://localhost. Electron's apps may have a dot as their host. The error reads as that of
// parseOrigin does.
func parseClientOrigin(raw string) (string, error) {
	scheme, host, found := strings.Cut(strings.ToLower(raw), "://")
	if !found || scheme == "http" || scheme == "https" || !schemePattern.MatchString(scheme) {
		return parseOrigin(raw)
	}
	name, port, hasPort := cutPort(host)
	switch {
	case hasNoOrigin(scheme):
		return "", errors.New("begins with " + scheme + "://, whose pages have no origin of their own")
	case strings.Contains(host, "@"):
		return "", errors.New("contains a user name or password")
	case strings.ContainsAny(host, "/?#"):
		return "", errors.New("has something after the host")
	case hasPort && (!isPort(port) || port == "0"):
		return "", errors.New("has no usable port")
	case name != "." && !hostPattern.MatchString(name):
		return "", errors.New("has no usable host")
	}
	return scheme + "://" + host, nil
}

func isDefaultPort(scheme, port string) bool {
	return scheme == "http" && port == "80" || scheme == "https" && port == "443"
}

func cutPort(host string) (name, port string, found bool) {
	colon := strings.LastIndex(host, ":")
	if colon < 0 || colon < strings.LastIndex(host, "]") {
		return host, "", false
	}
	return host[:colon], host[colon+1:], true
}

// parseProxy parses an IP address or a network. An IPv4-mapped IPv6 address becomes the IPv4 address that it would match.
func parseProxy(item string) (netip.Prefix, error) {
	const mapped = 96 // bits in front of the IPv4 address (RFC 4291, section 2.5.5.2)
	if addr, err := netip.ParseAddr(item); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(item)
	if err != nil {
		return netip.Prefix{}, errProxy
	}
	if addr := prefix.Addr(); addr.Is4In6() {
		if prefix.Bits() < mapped {
			return netip.Prefix{}, errProxy
		}
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-mapped)
	}
	return prefix.Masked(), nil
}

func proxyString(prefix netip.Prefix) string {
	if prefix.IsSingleIP() {
		return prefix.Addr().String()
	}
	return prefix.String()
}
