package config_test

import (
	"flag"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"latchkey/config"
)

const examplePath = "../.env.example"

var update = flag.Bool("update", false, "write "+examplePath)

const exampleHead = `# The settings of Latchkey with their defaults. Copy this file to .env and change what you need.
#
# Environment variables take precedence over this file. Every variable can also be given as NAME_FILE, the path of a
# file that holds the value, such as SECRET_KEY_FILE=/run/secrets/key. Quote a value with spaces, quotes or #, as in
# NAME='value'. A $ needs no escape.
`

// example returns .env.example, made of the descriptions of the variables.
func example() string {
	var text strings.Builder
	text.WriteString(exampleHead)
	section := ""
	for _, variable := range config.Describe() {
		if variable.Section != section {
			section = variable.Section
			text.WriteString("\n\n## " + section + "\n")
		}
		text.WriteString("\n# " + variable.Description + "\n#" + variable.Name + "=" + variable.Default + "\n")
	}
	return text.String()
}

func TestDescribe_MatchesTheExample(t *testing.T) {
	if *update {
		require.NoError(t, os.WriteFile(examplePath, []byte(example()), 0o644))
	}
	content, err := os.ReadFile(examplePath)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(example(), string(content)), "run: go test ./config -run TestDescribe -update")
}

func TestDescribe_CoversEveryField(t *testing.T) {
	t.Parallel()
	var fields, described []string
	var walk func(reflect.Type)
	walk = func(structure reflect.Type) {
		for field := range structure.Fields() {
			name, tagged := field.Tag.Lookup("env")
			switch {
			case tagged:
				fields = append(fields, name)
			case field.Type.Kind() == reflect.Struct:
				walk(field.Type)
			default:
				require.Equal(t, "Warnings", field.Name, "every other field has a variable")
			}
		}
	}
	walk(reflect.TypeFor[config.Settings]())
	for _, variable := range config.Describe() {
		described = append(described, variable.Name)
		require.NotEmpty(t, variable.Description, variable.Name)
		require.LessOrEqual(t, len(variable.Description), 100, variable.Name)
	}
	require.ElementsMatch(t, fields, described)
}

func TestDescribe_DefaultsAreThoseOfLoad(t *testing.T) {
	content, err := os.ReadFile(examplePath)
	require.NoError(t, err)
	commented := regexp.MustCompile(`(?m)^#([A-Z0-9_]+=)`)
	require.Len(t, commented.FindAll(content, -1), len(config.Describe()))
	lines := commented.ReplaceAllString(string(content), "$1")
	settings, err := config.Load(nil, folder(t, map[string]string{".env": lines}))
	require.NoError(t, err)
	require.Equal(t, load(t), settings)
	settings, err = config.Load(nil, folder(t, map[string]string{".env": string(content)}))
	require.NoError(t, err)
	require.Equal(t, load(t), settings)
}

func TestDescribe_MarksSecrets(t *testing.T) {
	t.Parallel()
	var secrets []string
	for _, variable := range config.Describe() {
		if variable.Secret {
			secrets = append(secrets, variable.Name)
		}
	}
	require.Equal(t, []string{
		"SECRET_KEY", "SECRET_KEY_FALLBACKS", "DATABASE_URL", "JWT_PRIVATE_KEY", "JWT_SECRET_KEY", "SMTP_URL", "REDIS_URL",
		"DJANGO_DATABASE_URL", "DJANGO_SECRET_KEY", "SUPERUSER_PASSWORD",
	}, secrets)
}
