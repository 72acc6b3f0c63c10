package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/config"
)

func TestLoad_WarnsOfMisspeltVariables(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{".env": "PUBLIC_URI=x\nJWT_SOMETHING_ELSE_ENTIRELY=y\n"})
	settings, err := config.Load([]string{
		"JWT_EXPIRATON_DELTA=secret-value", "SECRET_KEY_FIEL=secret-value", "DB_HOST=x", "LOG_DIR=x", "HOME=/", "PATH=x",
		"PASSWORD_STORE_DIR=x", "JWT_" + strings.Repeat("X", 1000) + "=x", "SECRET_KEY_FILE=",
	}, dir)
	require.NoError(t, err)
	require.Equal(t, []string{
		`"JWT_EXPIRATON_DELTA" is not a setting; did you mean JWT_EXPIRATION_DELTA?`,
		`"JWT_SOMETHING_ELSE_ENTIRELY" is not a setting`,
		`"PUBLIC_URI" is not a setting; did you mean PUBLIC_URL?`,
		`"SECRET_KEY_FIEL" is not a setting; did you mean SECRET_KEY_FILE?`,
	}, settings.Warnings)

	settings, err = config.Load([]string{"APP_ENV=production", "PUBLIC_ULR=https://a.example"}, t.TempDir())
	require.Error(t, err)
	require.Len(t, settings.Warnings, 1, "a misspelt variable is often why another is missing")
}

func TestLoad_WarnsOfNamesWithAPrefixOfOurs(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"JWT_", "PASSWORD_", "SECRET_KEY", "SUPERUSER_", "CORS_", "TRUSTED_PROX"} {
		name := prefix + "_SOMETHING_ELSE_ENTIRELY"
		warnings := load(t, name+"=x").Warnings
		require.Len(t, warnings, 1, name)
		require.Contains(t, warnings[0], `"`+name+`" is not a setting`)
	}
	require.Empty(t, load(t, "DB_SOMETHING_ELSE_ENTIRELY=x", "LOG_SOMETHING_ELSE_ENTIRELY=x").Warnings)
}
