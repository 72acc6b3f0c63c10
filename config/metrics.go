package config

import (
	"net"
	"strings"
)

// Metrics configures the listener for Prometheus. If Addr is empty, there is no listener.
type Metrics struct {
	Addr string `env:"METRICS_ADDR"`
}

func metricsSection() section {
	return section{
		title: "Metrics",
		variables: []description{
			{"METRICS_ADDR", "where Prometheus scrapes GET /metrics, such as 127.0.0.1:9090; empty: nowhere"},
		},
		check:  checkMetrics,
		deploy: deployMetrics,
	}
}

func checkMetrics(c *checker) {
	addr := c.settings.Metrics.Addr
	switch {
	case addr == "":
	case !isListenAddress(addr):
		c.fail("METRICS_ADDR", "is "+shown(addr)+", which is not an address to listen on",
			"Write HOST:PORT, such as 127.0.0.1:9090.")
	case addr == c.settings.Server.Addr && !strings.HasSuffix(addr, ":0"):
		c.fail("METRICS_ADDR", "is the same as ADDR, where everyone could read the metrics", "Write another port.")
	}
}

func deployMetrics(c *checker) {
	addr := c.settings.Metrics.Addr
	if host, _, _ := net.SplitHostPort(addr); addr != "" && (host == "" || net.ParseIP(host).IsUnspecified()) {
		c.warn("METRICS_ADDR", "listens on every network interface and requires no authentication",
			"Write an address that only Prometheus can reach, such as 127.0.0.1:9090.")
	}
}
