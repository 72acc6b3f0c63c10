package deploy_test

import (
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// stopping returns how long to let the program stop by default, in production: jobs and requests share SHUTDOWN_TIMEOUT, and
// the rest takes about a second.
func stopping(t *testing.T) time.Duration {
	t.Helper()
	defaults := environment{"APP_ENV": "production"}.requireValid(t).Server
	return defaults.ShutdownDelay + defaults.ShutdownTimeout + 2*time.Second
}

func compose(t *testing.T) map[string]any {
	t.Helper()
	var document map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "compose.yaml")), &document))
	return document
}

func TestCompose_GivesTheProgramSettingsThatItKnows(t *testing.T) {
	t.Parallel()
	services, checked := at(t, compose(t), "services").(map[string]any), 0
	for name, service := range services {
		if interpolate(at(t, service, "image").(string), nil) != "latchkey:local" {
			continue
		}
		checked++
		given := environment{}
		for variable, value := range at(t, service, "environment").(map[string]any) {
			given[variable] = interpolate(value.(string), map[string]string{"PUBLIC_URL": "https://auth.example.com"})
		}
		require.Contains(t, given, "DATABASE_URL_FILE", name)
		given.requireValid(t)
	}
	require.Equal(t, 2, checked)
}

func TestCompose_TrustsItsProxyAndWaitsForTheEnd(t *testing.T) {
	t.Parallel()
	document := compose(t)
	services := at(t, document, "services")
	address := at(t, services, "caddy", "networks", "front", "ipv4_address").(string)
	require.Equal(t, address, at(t, services, "latchkey", "environment", "TRUSTED_PROXIES"))
	network := at(t, document, "networks", "front", "ipam", "config", 0)
	require.True(t, netip.MustParsePrefix(at(t, network, "subnet").(string)).Contains(netip.MustParseAddr(address)))
	others := netip.MustParsePrefix(at(t, network, "ip_range").(string))
	require.False(t, others.Contains(netip.MustParseAddr(address)), "another container could have the address")
	require.NotContains(t, at(t, services, "latchkey"), "ports", "only the proxy is reachable")
	grace, err := time.ParseDuration(at(t, services, "latchkey", "stop_grace_period").(string))
	require.NoError(t, err)
	require.Greater(t, grace, stopping(t))
}

// What is sent without TLS stays in a network that leads nowhere and that only the service, its database and their backup are in.
func TestCompose_SendsUnencryptedOnlyWhereNobodyElseIs(t *testing.T) {
	t.Parallel()
	document := compose(t)
	services := at(t, document, "services").(map[string]any)
	require.Equal(t, "database", at(t, services, "latchkey", "environment", "ALLOW_UNENCRYPTED"))
	require.Equal(t, []any{"back"}, at(t, services, "postgres", "networks"))
	require.Equal(t, true, at(t, document, "networks", "back", "internal"))
	for name, service := range services {
		if networks, listed := service.(map[string]any)["networks"].([]any); listed && slices.Contains(networks, any("back")) {
			require.Contains(t, []string{"latchkey", "migrate", "postgres", "backup"}, name)
		}
	}
	require.NotContains(t, at(t, services, "postgres"), "ports")
}

// Caddy and "up --wait" wait until the replicas can serve, which the image's own check does not tell.
func TestCompose_AsksForReadiness(t *testing.T) {
	t.Parallel()
	services := at(t, compose(t), "services")
	require.Equal(t, "service_healthy", at(t, services, "caddy", "depends_on", "latchkey", "condition"))
	require.Equal(t, []any{"CMD", "/latchkey", "healthcheck"}, at(t, services, "latchkey", "healthcheck", "test"))
}

// The script of the service backup, with a pg_dump that fails or works, and a sleep that ends it.
func TestCompose_RetriesADumpThatFailed(t *testing.T) {
	t.Parallel()
	command := at(t, compose(t), "services", "backup", "command").([]any)
	require.Equal(t, []any{"bash", "-euc"}, command[:2])
	for result, want := range map[string]struct {
		sleep string
		dumps int
	}{"false": {"5m", 0}, "touch \"${4#--file=}\"": {"1d", 1}} {
		folder := t.TempDir()
		script := strings.NewReplacer("$$", "$", "/run/secrets/postgres_password", "/dev/null", "/backups", folder).
			Replace(command[2].(string))
		stubs := "pg_dump() { " + result + "; }\nsleep() { echo \"$1\"; exit; }\n"
		output, err := exec.CommandContext(t.Context(), testkit.Program(t, "bash"), "-euc", stubs+script).CombinedOutput()
		require.NoError(t, err, "%s", output)
		require.Equal(t, want.sleep+"\n", string(output))
		dumps, err := filepath.Glob(filepath.Join(folder, "latchkey-*.dump"))
		require.NoError(t, err)
		require.Len(t, dumps, want.dumps)
	}
}

// What a service uses has to be declared: other services, networks, volumes and secrets.
func TestCompose_DeclaresWhatItUses(t *testing.T) {
	t.Parallel()
	document := compose(t)
	services := at(t, document, "services").(map[string]any)
	for name, service := range services {
		service := service.(map[string]any)
		for kind, declared := range map[string]any{"networks": document["networks"], "depends_on": services, "secrets": document["secrets"]} {
			for _, used := range names(service[kind]) {
				require.Contains(t, declared, used, "%s of %s", kind, name)
			}
		}
	}
	declared := at(t, document, "secrets").(map[string]any)
	for secret := range declared {
		require.Contains(t, read(t, "Makefile"), "secrets/"+secret, "make secrets makes it")
	}
}

// names returns the strings of a list, or the keys of an object.
func names(value any) (found []string) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			found = append(found, item.(string))
		}
	case map[string]any:
		for key := range value {
			found = append(found, key)
		}
	}
	return found
}

// Debian has no Compose that reads this file, so that CI can't install it.
func TestCompose_Parses(t *testing.T) {
	t.Parallel()
	if exec.CommandContext(t.Context(), "docker", "compose", "version").Run() != nil {
		t.Skip("docker compose is not installed")
	}
	command := exec.CommandContext(t.Context(), "docker", "compose", "--file", repository("compose.yaml"), "config", "--quiet")
	command.Env = append(command.Environ(), "PUBLIC_URL=https://auth.example.com")
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
}
