package config

import (
	"net/netip"
	"strings"
	"time"
)

// Server configures where the service listens and which clients it trusts. PublicURL is an origin, without a trailing
// slash. RequestTimeout is how long a request may take before it is refused as unavailable, and KeepAliveTimeout how long a
// connection may wait for its next request. TrustedProxiesHeader is the header in which the proxies name the client. At shutdown
// the service is not ready for ShutdownDelay before it stops listening, and ShutdownTimeout is how long running requests may then
// take to finish.
type Server struct {
	Addr                 string        `env:"ADDR" envDefault:"127.0.0.1:8080"`
	PublicURL            string        `env:"PUBLIC_URL" derived:"http://localhost:8080"`
	RequestTimeout       time.Duration `env:"REQUEST_TIMEOUT" envDefault:"5s"`
	ShutdownDelay        time.Duration `env:"SHUTDOWN_DELAY" derived:"0s"`
	ShutdownTimeout      time.Duration `env:"SHUTDOWN_TIMEOUT" envDefault:"20s"`
	TrustedProxies       []string      `env:"TRUSTED_PROXIES"`
	TrustedProxiesHeader string        `env:"TRUSTED_PROXIES_HEADER" envDefault:"X-Forwarded-For"`
	KeepAliveTimeout     time.Duration `env:"KEEP_ALIVE_TIMEOUT" envDefault:"620s"`
	CORSAllowedOrigins   []string      `env:"CORS_ALLOWED_ORIGINS"`
	Docs                 bool          `env:"DOCS" envDefault:"true"`
}

// ProxyNetworks returns TrustedProxies as networks.
func (s Server) ProxyNetworks() []netip.Prefix {
	var networks []netip.Prefix
	for _, item := range s.TrustedProxies {
		if prefix, err := parseProxy(item); err == nil {
			networks = append(networks, prefix)
		}
	}
	return networks
}

// IsLocal reports whether PublicURL is the one that is derived from Addr, which differs between replicas and is of no use on
// another machine.
func (s Server) IsLocal() bool { return s.PublicURL == localURL(s.Addr) }

func serverSection() section {
	return section{
		title: "Server",
		variables: []description{
			{"ADDR", "address to listen on; in a container :8080, for every interface"},
			{"PUBLIC_URL", "origin under which clients reach the service; required in production, with https"},
			{"REQUEST_TIMEOUT", "how long a request may wait for the database before it is refused with 503"},
			{"SHUTDOWN_DELAY", "how long /readyz returns 503 after SIGTERM before the service stops listening; 5s in production"},
			{"SHUTDOWN_TIMEOUT", "how long running requests may take to finish after SIGTERM"},
			{"KEEP_ALIVE_TIMEOUT", "how long a connection may wait for its next request; longer than the proxy in front keeps it"},
			{"TRUSTED_PROXIES", "proxies that may name the client's address, such as 10.0.0.0/8,192.0.2.7"},
			{"TRUSTED_PROXIES_HEADER", "the header in which they name it: X-Forwarded-For or Forwarded (RFC 7239)"},
			{"CORS_ALLOWED_ORIGINS", "origins whose pages may call the API, such as https://app.example.com,capacitor://localhost"},
			{"DOCS", "serve the page /docs, on which people try the API"},
		},
		prefixes: []string{"CORS_", "TRUSTED_PROX"},
		complete: completeServer,
		check:    checkServer,
		deploy:   deployServer,
	}
}

// proxyHeaders returns the headers in which proxies name the client.
func proxyHeaders() []string { return []string{"X-Forwarded-For", "Forwarded"} }

const productionShutdownDelay = 5 * time.Second // two probes of a load balancer, and a bit

func completeServer(s *Settings, values map[string]string) {
	server := &s.Server
	if _, given := values["SHUTDOWN_DELAY"]; !given && s.InProduction() {
		server.ShutdownDelay = productionShutdownDelay
	}
	if server.PublicURL == "" && !s.InProduction() {
		server.PublicURL = localURL(server.Addr)
	}
	if origin, err := parseOrigin(strings.TrimSuffix(server.PublicURL, "/")); err == nil {
		server.PublicURL = origin
	}
	for _, header := range proxyHeaders() {
		if strings.EqualFold(server.TrustedProxiesHeader, header) {
			server.TrustedProxiesHeader = header
		}
	}
	for i, item := range server.TrustedProxies {
		if prefix, err := parseProxy(item); err == nil {
			server.TrustedProxies[i] = proxyString(prefix)
		}
	}
	for i, item := range server.CORSAllowedOrigins {
		if origin, err := parseClientOrigin(item); err == nil {
			server.CORSAllowedOrigins[i] = origin
		}
	}
}

func checkServer(c *checker) {
	server := c.settings.Server
	if !isListenAddress(server.Addr) {
		c.fail("ADDR", "is "+shown(server.Addr)+", which is not an address to listen on",
			"Write HOST:PORT, such as 127.0.0.1:8080, or :8080 to listen on every interface.")
	}
	c.within("REQUEST_TIMEOUT", server.RequestTimeout, time.Second, 10*time.Minute)
	c.within("KEEP_ALIVE_TIMEOUT", server.KeepAliveTimeout, time.Second, time.Hour)
	c.oneOf("TRUSTED_PROXIES_HEADER", server.TrustedProxiesHeader, proxyHeaders()...)
	c.within("SHUTDOWN_DELAY", server.ShutdownDelay, 0, 10*time.Minute)
	c.within("SHUTDOWN_TIMEOUT", server.ShutdownTimeout, time.Second, 10*time.Minute)
	checkPublicURL(c)
	checkProxies(c)
	checkOrigins(c)
}

func checkPublicURL(c *checker) {
	public := c.settings.Server.PublicURL
	if public == "" {
		c.fail("PUBLIC_URL", "is required in production",
			"Write the URL at which clients reach the service, such as https://auth.example.com.")
		return
	}
	switch origin, err := parseOrigin(public); {
	case err != nil:
		c.fail("PUBLIC_URL", err.Error(),
			"Write only the scheme and the host, such as https://auth.example.com; a path is not supported.")
	case c.settings.InProduction() && !strings.HasPrefix(origin, "https://"):
		c.fail("PUBLIC_URL", "must begin with https:// in production", useTLSProxy)
	}
}

const useTLSProxy = "Put a proxy that terminates TLS in front of the service, and write the proxy's URL."

const trustOwnProxies = "Write only the addresses of your own proxies."

func checkProxies(c *checker) {
	for _, item := range c.settings.Server.TrustedProxies {
		prefix, err := parseProxy(item)
		switch {
		case err != nil:
			c.fail("TRUSTED_PROXIES", "contains "+shown(item)+", which is neither an IP address nor a network",
				"Write IP addresses and networks separated by commas, such as 10.0.0.0/8,192.0.2.7.")
		case prefix.Bits() == 0 && c.settings.InProduction():
			c.fail("TRUSTED_PROXIES", "contains "+prefix.String()+", which lets every client choose its own address",
				trustOwnProxies)
		}
	}
}

func checkOrigins(c *checker) {
	const variable = "CORS_ALLOWED_ORIGINS"
	const remedy = "Write origins as a browser or app sends them, such as https://app.example.com or " +
		"capacitor://localhost, separated by commas."
	for _, item := range c.settings.Server.CORSAllowedOrigins {
		_, err := parseClientOrigin(item)
		switch {
		case strings.Contains(item, "*"):
			c.fail(variable, "contains a wildcard, which would open the API to every web page", remedy)
		case item == "null":
			c.fail(variable, "contains null, which is the origin of every sandboxed page, whoever wrote it", remedy)
		case err != nil:
			c.fail(variable, "contains an item that "+err.Error(), remedy)
		}
	}
}

func deployServer(c *checker) {
	server := c.settings.Server
	if !strings.HasPrefix(server.PublicURL, "https://") {
		c.fail("PUBLIC_URL", "does not begin with https://, so passwords and tokens are sent unencrypted", useTLSProxy)
	}
	if len(server.TrustedProxies) == 0 {
		c.warn("TRUSTED_PROXIES", "names no proxy that terminates TLS; behind one, all clients share its address",
			"Write the proxy's address, such as 10.0.0.7.")
	}
	for _, proxy := range server.TrustedProxies {
		if strings.HasSuffix(proxy, "/0") {
			c.fail("TRUSTED_PROXIES", "trusts every address, which lets every client choose its own", trustOwnProxies)
		}
	}
	var alterable []string
	for _, origin := range server.CORSAllowedOrigins {
		if strings.HasPrefix(origin, "http://") {
			alterable = append(alterable, origin)
		}
	}
	if len(alterable) > 0 {
		c.warn("CORS_ALLOWED_ORIGINS", "lets "+strings.Join(alterable, ", ")+
			" call the API, whose pages anyone on the network path can alter", "Allow only origins that begin with https://.")
	}
}
