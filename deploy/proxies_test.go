package deploy_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

const host = "auth.example.com"

// proxy starts a reverse proxy in front of the service at upstream, with its configuration in deploy. It returns the address that
// it listens on, and the certificates to trust.
type proxy func(t *testing.T, upstream string) (addr string, roots func() *x509.CertPool)

// Each proxy is the real one, with the configuration that docs/deploy.md points to.
func TestProxies(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]proxy{"nginx": startNginx, "haproxy": startHAProxy, "caddy": startCaddy} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := testkit.NewApp(t, testkit.SQLite(t), "PUBLIC_URL=https://"+host, "TRUSTED_PROXIES=127.0.0.1")
			addr, roots := start(t, app.Addr)
			client := connect(t, addr, roots)

			passesWhoAsks(t, app, client)
			passesTheHost(t, client)
			passesTheRefusalOfABigBody(t, client)
		})
	}
}

// connect returns a client whose address is not the proxy's, once the service responds through the proxy.
func connect(t *testing.T, addr string, roots func() *x509.CertPool) *http.Client {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	var client *http.Client
	require.Eventually(t, func() bool {
		transport := &http.Transport{
			DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", addr) },
			TLSClientConfig:   &tls.Config{RootCAs: roots(), ServerName: host},
			ForceAttemptHTTP2: true,
		}
		client = &http.Client{Transport: transport}
		response, err := client.Get("https://" + host + "/healthz")
		if err != nil {
			transport.CloseIdleConnections()
			return false
		}
		return response.Body.Close() == nil && response.StatusCode == http.StatusOK
	}, testkit.Patience, testkit.Patience/1000)
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func send(t *testing.T, client *http.Client, request *http.Request) testkit.Response {
	t.Helper()
	response, err := client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	var body bytes.Buffer
	_, err = body.ReadFrom(response.Body)
	require.NoError(t, err)
	require.Equal(t, 2, response.ProtoMajor, "the proxy speaks HTTP/2")
	return testkit.Response{Status: response.StatusCode, Header: response.Header, Body: body.String()}
}

func request(t *testing.T, method, path, body string) *http.Request {
	t.Helper()
	made, err := http.NewRequestWithContext(t.Context(), method, "https://"+host+path, strings.NewReader(body))
	require.NoError(t, err)
	return made
}

// The service logs the address of the client and the id that the proxy gave the request, whatever the client claims.
func passesWhoAsks(t *testing.T, app *testkit.App, client *http.Client) {
	t.Helper()
	asked := request(t, http.MethodGet, "/.well-known/jwks.json", "")
	asked.Header.Set("X-Forwarded-For", "203.0.113.7")
	asked.Header.Set("X-Request-Id", "chosen-by-the-client")
	response := send(t, client, asked)
	require.Equal(t, http.StatusOK, response.Status)
	id := response.Header.Get("X-Request-Id")
	require.NotEmpty(t, id)
	require.NotEqual(t, "chosen-by-the-client", id)
	for line := range strings.Lines(app.Log.String()) {
		if strings.Contains(line, id) {
			require.Contains(t, line, `"client":"127.0.0.2"`)
			return
		}
	}
	require.Fail(t, "the log has no line of the request")
}

// A form is refused if its page's origin is not the host that the service sees.
func passesTheHost(t *testing.T, client *http.Client) {
	t.Helper()
	for origin, want := range map[string]int{"https://" + host: http.StatusBadRequest, "https://other.example": http.StatusForbidden} {
		form := request(t, http.MethodPost, "/verify-email", "token=unknown")
		form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		form.Header.Set("Origin", origin)
		require.Equal(t, want, send(t, client, form).Status, origin)
	}
}

func passesTheRefusalOfABigBody(t *testing.T, client *http.Client) {
	t.Helper()
	signup := request(t, http.MethodPost, "/api/v1/signup", `{"email":"`+strings.Repeat("a", 100*1024)+`"}`)
	signup.Header.Set("Content-Type", "application/json")
	response := send(t, client, signup)
	require.Equal(t, http.StatusRequestEntityTooLarge, response.Status)
	require.Equal(t, "body_too_large", response.Text(t, "code"))
}

// configuration returns a file of deploy, with each text of changes replaced by the one after it.
func configuration(t *testing.T, file string, changes ...string) string {
	t.Helper()
	text := read(t, "deploy", file)
	for i := 0; i < len(changes); i += 2 {
		require.Contains(t, text, changes[i])
		text = strings.ReplaceAll(text, changes[i], changes[i+1])
	}
	return text
}

func write(t *testing.T, folder, name, text string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func freeAddr(t *testing.T) string {
	t.Helper()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(testkit.Port(t)))
}

// certificate returns a certificate of host and its key as PEM, and what trusts it. They are those of package httptest.
func certificate(t *testing.T) (chain, key string, roots func() *x509.CertPool) {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	private, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})), func() *x509.CertPool { return pool }
}

func startNginx(t *testing.T, upstream string) (addr string, roots func() *x509.CertPool) {
	program, folder := testkit.Program(t, "nginx"), t.TempDir()
	addr = freeAddr(t)
	chain, key, roots := certificate(t)
	site := write(t, folder, "latchkey.conf", configuration(t, "nginx.conf",
		"127.0.0.1:8080", upstream,
		"listen 443", "listen "+addr,
		"/etc/ssl/auth.example.com.pem", write(t, folder, "chain.pem", chain),
		"/etc/ssl/auth.example.com.key", write(t, folder, "key.pem", key)))
	var temporary strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temporary.WriteString(kind + "_temp_path " + filepath.Join(folder, kind) + ";\n")
	}
	whole := write(t, folder, "nginx.conf", "daemon off; master_process off; pid "+filepath.Join(folder, "pid")+
		"; error_log stderr; events {}\nhttp {\naccess_log off;\n"+temporary.String()+"include "+site+";\n}\n")
	testkit.StartProgram(t, program, nil, "-p", folder, "-e", "stderr", "-c", whole)
	return addr, roots
}

func startHAProxy(t *testing.T, upstream string) (addr string, roots func() *x509.CertPool) {
	program, folder := testkit.Program(t, "haproxy"), t.TempDir()
	addr = freeAddr(t)
	chain, key, roots := certificate(t)
	path := write(t, folder, "haproxy.cfg", configuration(t, "haproxy.cfg",
		"127.0.0.1:8080", upstream,
		"bind :443", "bind "+addr,
		"/etc/haproxy/auth.example.com.pem", write(t, folder, "both.pem", chain+key)))
	testkit.StartProgram(t, program, nil, "-db", "-f", path)
	return addr, roots
}

// startCaddy has Caddy issue the certificate itself, as nobody outside may.
func startCaddy(t *testing.T, upstream string) (addr string, roots func() *x509.CertPool) {
	program, folder := testkit.Program(t, "caddy"), t.TempDir()
	addr = freeAddr(t)
	_, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	local := "{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\tauto_https disable_redirects\n\thttps_port " + port +
		"\n\tdefault_bind 127.0.0.1\n}\n"
	path := write(t, folder, "Caddyfile", local+read(t, "deploy", "Caddyfile"))
	testkit.StartProgram(t, program, []string{
		"HOME=" + folder, "XDG_DATA_HOME=" + folder, "XDG_CONFIG_HOME=" + folder,
		"PUBLIC_URL=https://" + host, "LATCHKEY_UPSTREAM=" + upstream,
	}, "run", "--adapter", "caddyfile", "--config", path)
	return addr, func() *x509.CertPool {
		pool := x509.NewCertPool()
		root, _ := os.ReadFile(filepath.Join(folder, "caddy", "pki", "authorities", "local", "root.crt"))
		pool.AppendCertsFromPEM(root) // none until Caddy has made it
		return pool
	}
}
