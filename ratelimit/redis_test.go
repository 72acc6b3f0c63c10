package ratelimit_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/ratelimit"
	"latchkey/testkit"
)

// A key over its quota stays so for as long as it has to, even if another request at the same time takes it for a new one.
func TestRedis_AKeyLivesAsLongAsItCounts(t *testing.T) {
	server := testkit.NewRedis(t)
	redis, err := ratelimit.NewRedis(ratelimit.RedisOptions{
		URL: server.URL, Timeout: 10 * time.Second, Log: slog.New(slog.DiscardHandler), Now: testkit.NewClock().Now,
	})
	require.NoError(t, err)
	defer redis.Close()
	added, err := redis.SetIfNotExistsWithTTL(t.Context(), "k", 7, time.Hour)
	require.NoError(t, err)
	require.True(t, added)
	added, err = redis.SetIfNotExistsWithTTL(t.Context(), "k", 8, time.Nanosecond)
	require.NoError(t, err)
	require.False(t, added)
	swapped, err := redis.CompareAndSwapWithTTL(t.Context(), "k", 8, 9, time.Nanosecond)
	require.NoError(t, err)
	require.False(t, swapped)
	require.Greater(t, lifetime(t, server, "k"), 59*time.Minute)
	swapped, err = redis.CompareAndSwapWithTTL(t.Context(), "k", 7, 9, 2*time.Hour)
	require.NoError(t, err)
	require.True(t, swapped)
	require.Greater(t, lifetime(t, server, "k"), 119*time.Minute)
	swapped, err = redis.CompareAndSwapWithTTL(t.Context(), "gone", 7, 9, time.Hour)
	require.NoError(t, err)
	require.False(t, swapped)
}

func TestNewRedis_DoesNotRepeatAWrongURL(t *testing.T) {
	_, err := ratelimit.NewRedis(ratelimit.RedisOptions{URL: "http://:HUSH@host"})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "HUSH")
}

// lifetime returns how long a key will still exist.
func lifetime(t *testing.T, server *testkit.Redis, key string) time.Duration {
	t.Helper()
	reply := strings.Trim(server.Command(t, "PTTL", "latchkey:limit:"+key), ":\r\n")
	milliseconds, err := strconv.Atoi(reply)
	require.NoError(t, err, reply)
	return time.Duration(milliseconds) * time.Millisecond
}

func openRedis(t *testing.T, url string, log *testkit.Log) *ratelimit.Redis {
	t.Helper()
	redis, err := ratelimit.NewRedis(ratelimit.RedisOptions{
		URL: url, Timeout: 10 * time.Second, Log: slog.New(slog.NewJSONHandler(log, nil)), Now: time.Now,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, redis.Close()) })
	return redis
}

func TestRedis_ReadsTheTimeOfTheServer(t *testing.T) {
	redis := openRedis(t, testkit.NewRedis(t).URL, &testkit.Log{})
	before := time.Now()
	value, at, err := redis.GetWithTime(t.Context(), "k")
	require.NoError(t, err)
	require.EqualValues(t, -1, value)
	require.WithinRange(t, at, before.Add(-time.Millisecond), time.Now())
	added, err := redis.SetIfNotExistsWithTTL(t.Context(), "k", 1_800_000_000_123_456_789, time.Hour)
	require.NoError(t, err)
	require.True(t, added)
	value, _, err = redis.GetWithTime(t.Context(), "k")
	require.NoError(t, err)
	require.EqualValues(t, 1_800_000_000_123_456_789, value)
}

// A probe that meets a connection broken by a restart must not take the server for one that is still down.
func TestRedis_OneProbeDropsEveryConnectionThatARestartBroke(t *testing.T) {
	server, clock, log := testkit.NewRedis(t), testkit.NewClock(), &testkit.Log{}
	limiter := replica(t, server, ratelimit.Quota{Count: 1000, Period: time.Hour}, clock, log)
	takeAtOnce(t, limiter, 20) // leaves several connections idle
	server.Stop(t)
	require.Equal(t, ratelimit.InMemory, take(t, limiter, "a").Store)
	server.Start(t)
	clock.Advance(2 * time.Second)
	require.Equal(t, ratelimit.InRedis, take(t, limiter, "a").Store)
}

// takeAtOnce takes count times at the same time.
func takeAtOnce(t *testing.T, limiter *ratelimit.Limiter, count int) {
	t.Helper()
	failed := make(chan error, count)
	for range count {
		go func() {
			_, err := limiter.Take(t.Context(), "a")
			failed <- err
		}()
	}
	for range count {
		require.NoError(t, <-failed)
	}
}

func TestRedis_LogsNoPassword(t *testing.T) {
	server := testkit.NewRedis(t)
	server.Command(t, "CONFIG", "SET", "requirepass", "right")
	address := strings.TrimPrefix(server.URL, "redis://")
	for _, url := range []string{"redis://:HUSH@" + address, "redis://HUSH@" + address, "redis://ann:HUSH@" + address + "/1",
		"rediss://:HUSH@" + address, "redis://:HUSH@127.0.0.1:1"} {
		log := &testkit.Log{}
		counting := ratelimit.Counting{Redis: openRedis(t, url, log), Now: time.Now}
		limiter, err := ratelimit.NewLimiter("login", ratelimit.Quota{Count: 2, Period: time.Hour}, counting)
		require.NoError(t, err)
		require.Equal(t, ratelimit.InMemory, take(t, limiter, "a").Store, url)
		require.Contains(t, log.String(), "Redis does not answer", url)
		require.NotContains(t, log.String(), "HUSH", url)
	}
	counting := ratelimit.Counting{Redis: openRedis(t, "redis://:right@"+address+"/1", &testkit.Log{}), Now: time.Now}
	limiter, err := ratelimit.NewLimiter("login", ratelimit.Quota{Count: 2, Period: time.Hour}, counting)
	require.NoError(t, err)
	require.Equal(t, ratelimit.InRedis, take(t, limiter, "a").Store)
}

// trusting is the environment variable with which the test starts itself again, to use a Redis whose certificate the system
// trusts: a process reads the system's certificates only once.
const trusting = "TEST_REDISS_URL"

func TestRedis_SpeaksTLSToAServerThatTheSystemTrusts(t *testing.T) {
	if url := os.Getenv(trusting); url != "" {
		_, _, err := openRedis(t, url, &testkit.Log{}).GetWithTime(t.Context(), "k")
		require.NoError(t, err)
		return
	}
	url, certificate := startTLS(t)
	_, _, err := openRedis(t, url, &testkit.Log{}).GetWithTime(t.Context(), "k")
	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, err, &unknown)

	self := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	self.Env = append(os.Environ(), trusting+"="+url, "SSL_CERT_FILE="+certificate)
	output, err := self.CombinedOutput()
	require.NoError(t, err, "%s", output)
}

// startTLS starts a Redis server that accepts only TLS, and returns its URL and the file of its certificate.
func startTLS(t *testing.T) (url, certificate string) {
	t.Helper()
	program := testkit.Program(t, "redis-server", "valkey-server")
	dir := t.TempDir()
	certificate, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, certificate, key)
	port := strconv.Itoa(testkit.Port(t))
	address := net.JoinHostPort("127.0.0.1", port)
	server := exec.Command(program, "--port", "0", "--tls-port", port, "--bind", "127.0.0.1", "--save", "", "--dir", dir,
		"--tls-cert-file", certificate, "--tls-key-file", key, "--tls-auth-clients", "no")
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, testkit.Patience, 10*time.Millisecond)
	return "rediss://" + address, certificate
}

func writeCertificate(t *testing.T, certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	public, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	for file, block := range map[string]*pem.Block{
		certificate: {Type: "CERTIFICATE", Bytes: public}, key: {Type: "PRIVATE KEY", Bytes: secret},
	} {
		require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	}
}

func TestRedis_Ping(t *testing.T) {
	server := testkit.NewRedis(t)
	ping := func(url string) error {
		redis, err := ratelimit.NewRedis(ratelimit.RedisOptions{
			URL: url, Timeout: 10 * time.Second, Log: slog.New(slog.DiscardHandler), Now: testkit.NewClock().Now,
		})
		require.NoError(t, err)
		defer redis.Close()
		return redis.Ping(t.Context())
	}
	require.NoError(t, ping(server.URL))
	server.Command(t, "CONFIG", "SET", "requirepass", "plum-stone")
	require.Error(t, ping(server.URL))
	require.NoError(t, ping("redis://:plum-stone@"+server.Addr))
	server.Stop(t)
	require.ErrorContains(t, ping(server.URL), "connect to Redis")
}
