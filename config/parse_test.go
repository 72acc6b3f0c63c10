package config_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/config"
)

// The parser reports a value that it can't parse by its field's name and type, so no two such fields may share both.
func TestParse_FieldsCanBeToldApart(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for structure := range reflect.TypeFor[config.Settings]().Fields() {
		if structure.Type.Kind() != reflect.Struct || structure.Type == reflect.TypeFor[config.Secret]() {
			continue
		}
		for field := range structure.Type.Fields() {
			if field.Type.Kind() == reflect.String || field.Type == reflect.TypeFor[config.Secret]() {
				continue // takes every value
			}
			key := field.Name + " " + field.Type.String()
			require.NotContains(t, seen, key, "rename one of them")
			seen[key] = field.Tag.Get("env")
		}
	}
	require.NotEmpty(t, seen)
}
