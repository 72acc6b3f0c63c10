package server

import (
	"context"
	"errors"
	"fmt"
	"latchkey/middleware"
	"net"
	"net/http"
	"net/netip"
	"time"
)

const healthTimeout = 3 * time.Second

// CheckLive asks the server that listens at addr, which is ADDR as in the settings, whether its process runs, and returns an
// error unless the response is 200.
func CheckLive(ctx context.Context, addr string) error { return ask(ctx, addr, middleware.LivePath) }

// CheckReady is CheckLive for whether the server can do its work.
func CheckReady(ctx context.Context, addr string) error { return ask(ctx, addr, middleware.ReadyPath) }

func ask(ctx context.Context, addr, path string) error {
	local, err := localAddress(addr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+local+path, nil)
	if err != nil {
		return err
	}
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true}, // and no proxy
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("http://%s%s has not responded within %s", local, path, healthTimeout)
	}
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("http://%s%s responded with %s", local, path, response.Status)
	}
	return nil
}

// localAddress returns where this machine reaches a server that listens at addr.
func localAddress(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	if port == "0" {
		return "", errors.New("ADDR has port 0, so the server chose a port that only its log tells")
	}
	if host == "" {
		host = "127.0.0.1"
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip.Is6() {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port), nil
}
