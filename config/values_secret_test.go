package config_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"latchkey/config"
)

func loadIn(t testing.TB, environ ...string) (config.Settings, error) {
	t.Helper()
	return config.Load(environ, t.TempDir())
}

// printed is v in every form that fmt, slog, encoding/json and encoding/xml give it.
func printed(v any) string {
	var out bytes.Buffer
	for _, value := range []any{v, &v, []any{v}, struct{ hidden any }{v}} {
		for verb := 'A'; verb <= 'z'; verb++ {
			for _, flags := range []string{"", "+", "#"} {
				fmt.Fprintf(&out, "%"+flags+string(verb)+"\n", value)
			}
		}
		for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(handler).Info("settings", "value", value, slog.Group("group", "inner", value))
		}
		encoded, _ := json.Marshal(value)
		out.Write(encoded)
		encoded, _ = xml.Marshal(value)
		out.Write(encoded)
	}
	return out.String()
}

// disguises are the forms in which a printed value would still be one.
func disguises(value string) []string {
	digits := hex.EncodeToString([]byte(value))
	quoted := fmt.Sprintf("%q", value)
	return []string{
		value, quoted[1 : len(quoted)-1], digits, strings.ToUpper(digits), base64.StdEncoding.EncodeToString([]byte(value)),
		strings.Trim(fmt.Sprint([]byte(value)), "[]"),
	}
}

func requireHidden(t require.TestingT, where, value string) {
	for _, form := range disguises(value) {
		if strings.Contains(where, form) {
			require.Fail(t, "a secret is shown", "%q as %q", value, form)
		}
	}
}

// secretValue draws a value that no other text contains by chance.
func secretValue() *rapid.Generator[string] {
	return rapid.StringMatching(`[A-Za-z0-9+/#$%' "-]{9,60}[A-Z]{3}[a-z]{3}[0-9]{9}`)
}

func TestSecret_IsNeverPrinted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := secretValue().Draw(t, "value")
		secret := config.NewSecret(value)
		type holder struct {
			Exported config.Secret
			hidden   config.Secret
			list     []config.Secret
			table    map[string]config.Secret
			pointer  *config.Secret
		}
		requireHidden(t, printed(secret), value)
		requireHidden(t, printed(holder{secret, secret, []config.Secret{secret},
			map[string]config.Secret{"a": secret}, &secret}), value)
		require.Equal(t, value, secret.Reveal())
		require.Equal(t, value, string(secret.Bytes()))
	})
}

func TestSecret_String(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"%v", "%s", "%+v", "%#v", "%q", "%x", "%d"} {
		require.Equal(t, "***", fmt.Sprintf(verb, config.NewSecret("hush")))
		require.Equal(t, "(not set)", fmt.Sprintf(verb, config.NewSecret("")))
	}
	encoded, err := json.Marshal(map[config.Secret]config.Secret{config.NewSecret("hush"): config.NewSecret("hush")})
	require.NoError(t, err)
	require.JSONEq(t, `{"***": "***"}`, string(encoded))
	require.Equal(t, config.Secret{}, config.NewSecret(""))
	require.False(t, config.Secret{}.IsSet())
	require.Empty(t, config.Secret{}.Reveal())
}

// Whatever a secret is, and whatever else is wrong, neither settings nor findings reveal it.
func TestLoad_RevealsNoSecret(t *testing.T) {
	t.Parallel()
	var names []string
	for _, variable := range config.Describe() {
		if variable.Secret {
			names = append(names, variable.Name)
		}
	}
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		values := map[string]string{}
		environ := rapid.SampledFrom([][]string{nil, {"APP_ENV=production"}, {"JWT_ALGORITHM=ES256"}}).Draw(t, "environ")
		for _, name := range names {
			value := secretValue().Draw(t, name)
			values[name] = value
			prefix := rapid.SampledFrom([]string{"", "postgres://u:", "postgres://u:p@h/d?password=",
				"sqlite:a?key="}).Draw(t, "prefix")
			suffix := rapid.SampledFrom([]string{"", "_FILE"}).Draw(t, "suffix")
			environ = append(environ, name+suffix+"="+prefix+value)
		}
		settings, err := config.Load(environ, dir)
		shown := printed(settings) + fmt.Sprint(config.DeployFindings(settings)) + settings.Database.Redacted()
		if err != nil {
			shown += printed(err)
			require.ErrorAs(t, err, new(config.LoadError))
		}
		for _, value := range values {
			requireHidden(t, shown, value)
		}
	})
}
