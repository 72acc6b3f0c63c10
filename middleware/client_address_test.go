package middleware

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func proxies(header string) Proxies {
	return Proxies{Header: header, Trusted: []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:ffff::/48"),
	}}
}

const proxy = "10.0.0.1"

func TestProxies_Client(t *testing.T) {
	t.Parallel()
	tests := []struct {
		peer    string
		lines   string // of the header, each after a line break
		want    string
		problem string
	}{
		{peer: "203.0.113.1", lines: "198.51.100.1", want: "203.0.113.1"},
		{peer: proxy, want: proxy},
		{peer: proxy, lines: "203.0.113.9", want: "203.0.113.9"},
		{peer: proxy, lines: "203.0.113.9:17085, 10.0.0.6", want: "203.0.113.9"},
		{peer: proxy, lines: "203.0.113.9\n10.0.0.6", want: "203.0.113.9"},
		{peer: proxy, lines: " 198.51.100.1 ,\t203.0.113.9\t", want: "203.0.113.9"},
		{peer: proxy, lines: "198.51.100.1,203.0.113.9,,", want: "203.0.113.9"},
		{peer: proxy, lines: "garbage, 203.0.113.9", want: "203.0.113.9"},
		{peer: proxy, lines: "[2001:db8::1]:4711", want: "2001:db8::1"},
		{peer: proxy, lines: "[2001:db8::1]", want: "2001:db8::1"},
		{peer: proxy, lines: "2001:DB8::1", want: "2001:db8::1"},
		{peer: proxy, lines: "fe80::1%eth0", want: "fe80::1"},
		{peer: proxy, lines: "[fe80::1%25eth0]:1", want: "fe80::1"},
		{peer: proxy, lines: "::ffff:203.0.113.9", want: "203.0.113.9"},
		{peer: proxy, lines: "::ffff:203.0.113.9, ::ffff:10.0.0.7", want: "203.0.113.9"},
		{peer: "2001:db8:ffff::2", lines: "203.0.113.9, [2001:db8:ffff::3]:80", want: "203.0.113.9"},
		{peer: proxy, lines: "10.0.0.3, 10.0.0.2", want: "10.0.0.3"},
		{peer: proxy, lines: "unknown", want: proxy, problem: "not an address"},
		{peer: proxy, lines: "203.0.113.9, unknown, 10.0.0.6", want: "10.0.0.6", problem: "not an address"},
		{peer: proxy, lines: "203.0.113.9:", want: proxy, problem: "not an address"},
		{peer: proxy, lines: "[203.0.113.9", want: proxy, problem: "not an address"},
		{peer: proxy, lines: "[2001:db8::1]4711", want: proxy, problem: "not an address"},
		{peer: proxy, lines: "203.0.113.9 4711", want: proxy, problem: "not an address"},
		{peer: proxy, lines: "203.0.113.009", want: proxy, problem: "not an address"},
	}
	for _, test := range tests {
		header := http.Header{ForwardedFor: strings.Split(test.lines, "\n"), Forwarded: {"for=192.0.2.99"}}
		if test.lines == "" {
			header = http.Header{}
		}
		client, problem := proxies(ForwardedFor).client(netip.MustParseAddr(test.peer), header)
		require.Equal(t, test.want, client.String(), test.lines)
		require.Contains(t, problem, test.problem, test.lines)
		require.Equal(t, test.problem == "", problem == "", test.lines)
	}
}

func TestProxies_ClientOfForwarded(t *testing.T) {
	t.Parallel()
	tests := []struct {
		lines   string
		want    string
		problem string
	}{
		{lines: `for=203.0.113.9`, want: "203.0.113.9"},
		{lines: `For="[2001:db8::1]:4711"`, want: "2001:db8::1"},
		{lines: `for="203.0.113.9:4711";proto=https;by=10.0.0.1;host="a.example"`, want: "203.0.113.9"},
		{lines: `proto=https ; for=203.0.113.9 ; by="_x,y"`, want: "203.0.113.9"},
		{lines: `for=192.0.2.43, for="203.0.113.9"`, want: "203.0.113.9"},
		{lines: "for=203.0.113.9\nfor=10.0.0.6", want: "203.0.113.9"},
		{lines: `for=203.0.113.9:80,for=[2001:db8:ffff::1]`, want: "203.0.113.9"},
		{lines: `for="203\.0.113.9"`, want: "203.0.113.9"},
		{lines: `for="198.51.100.1, for=203.0.113.9`, want: "203.0.113.9"},
		{lines: `for="198.51.100.1\, for=203.0.113.9;proto=https`, want: "203.0.113.9"},
		{lines: `;;=, for=203.0.113.9`, want: "203.0.113.9"},
		{lines: `for=_hidden`, want: proxy, problem: "not an address"},
		{lines: `for=unknown`, want: proxy, problem: "not an address"},
		{lines: `for="_mystery:_port"`, want: proxy, problem: "not an address"},
		{lines: `proto=https`, want: proxy, problem: "not an address"},
		{lines: `for=1.1.1.1;for=203.0.113.9`, want: proxy, problem: "not an address"},
		{lines: `203.0.113.9`, want: proxy, problem: "not an address"},
		{lines: `for=203.0.113.9;`, want: "203.0.113.9"},
		{lines: `for = 203.0.113.9`, want: proxy, problem: "not an address"},
		{lines: ``, want: proxy, problem: "the other header"},
	}
	for _, test := range tests {
		header := http.Header{Forwarded: strings.Split(test.lines, "\n"), ForwardedFor: {"192.0.2.99"}}
		client, problem := proxies(Forwarded).client(netip.MustParseAddr(proxy), header)
		require.Equal(t, test.want, client.String(), test.lines)
		require.Contains(t, problem, test.problem, test.lines)
		require.Equal(t, test.problem == "", problem == "", test.lines)
	}
}

// Whatever a client sends, a proxy that adds its address has the last word.
func FuzzProxies_Client(f *testing.F) {
	for _, sent := range []string{"", ",", "1.2.3.4", `for="`, `for="\`, "[", `for=a;for=b,"`, "[::1]:", "for=10.0.0.1", strings.Repeat(`",`, 20)} {
		f.Add(sent)
	}
	added := map[string]string{ForwardedFor: "203.0.113.9:1, 10.0.0.6", Forwarded: `for="203.0.113.9:1";proto=https, for=10.0.0.6`}
	f.Fuzz(func(t *testing.T, sent string) {
		for name, hops := range added {
			for _, header := range []http.Header{{name: {sent, hops}}, {name: {sent + ", " + hops}}} {
				client, problem := proxies(name).client(netip.MustParseAddr(proxy), header)
				require.Equal(t, "203.0.113.9", client.String())
				require.Empty(t, problem)
			}
			_, _ = proxies(name).client(netip.MustParseAddr(proxy), http.Header{name: {sent}})
		}
	})
}
