package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"latchkey/config"
)

// environment is what a file of deploy gives the program, by variable.
type environment map[string]string

// requireValid fails the test unless the settings know every variable and would start the program in production. Files that
// variables name are taken to hold the secrets of a deployment. It returns the settings.
func (e environment) requireValid(t *testing.T) config.Settings {
	t.Helper()
	known := []string{"GOMAXPROCS", "GOMEMLIMIT"} // of the Go runtime
	for _, variable := range config.Describe() {
		known = append(known, variable.Name, variable.Name+"_FILE")
	}
	secrets := map[string]string{
		"SECRET_KEY":   "uO3m1mJ3iVb0m9Kf2TqfC8m7yRk5sP1nQw4xZ6dA=",
		"DATABASE_URL": "postgres://latchkey:hush@postgres:5432/latchkey?sslmode=verify-full", "SMTP_URL": "none",
		"REDIS_URL": "rediss://:hush@redis:6379/0",
	}
	for name, value := range e {
		require.Contains(t, known, name, "the settings have no such variable")
		if secret, isFile := strings.CutSuffix(name, "_FILE"); isFile {
			require.Contains(t, secrets, secret)
			require.True(t, filepath.IsAbs(value) || strings.HasPrefix(value, "%d/"), "%s=%s", name, value)
			continue
		}
		secrets[name] = value
	}
	if _, isSet := secrets["PUBLIC_URL"]; !isSet {
		secrets["PUBLIC_URL"] = "https://auth.example.com" // the operator's
	}
	var environ []string
	for name, value := range secrets {
		environ = append(environ, name+"="+value)
	}
	settings, err := config.Load(environ, t.TempDir())
	require.NoError(t, err)
	require.Empty(t, settings.Warnings)
	require.True(t, settings.InProduction())
	return settings
}

// documents returns the documents of every YAML file in and below deploy, by path.
func documents(t *testing.T) map[string]map[string]any {
	t.Helper()
	found := map[string]map[string]any{}
	root := repository("deploy")
	require.NoError(t, filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(path)) {
			return err
		}
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		var document map[string]any
		require.NoError(t, yaml.Unmarshal(content, &document), path)
		relative, err := filepath.Rel(root, path)
		found[filepath.ToSlash(relative)] = document
		return err
	}))
	require.Contains(t, found, "kubernetes/base/deployment.yaml")
	return found
}

// at returns the value at a path of keys, in which a number is an index. It fails the test if there is no such value.
func at(t *testing.T, document any, path ...any) any {
	t.Helper()
	for _, key := range path {
		switch value := document.(type) {
		case map[string]any:
			require.Contains(t, value, key, "%v", path)
			document = value[key.(string)]
		case []any:
			require.Less(t, key, len(value), "%v", path)
			document = value[key.(int)]
		default:
			require.Failf(t, "no such value", "%v", path)
		}
	}
	return document
}

var interpolation = regexp.MustCompile(`\$\{(\w+)(?::[-?]([^}]*))?\}`)

// interpolate replaces variables in a value of compose.yaml as Compose does, by those given or else by their defaults.
func interpolate(value string, given map[string]string) string {
	return interpolation.ReplaceAllStringFunc(value, func(found string) string {
		parts := interpolation.FindStringSubmatch(found)
		if set, isSet := given[parts[1]]; isSet {
			return set
		}
		return parts[2]
	})
}
