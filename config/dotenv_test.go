package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/config"
)

func TestDotenv_Values(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ line, want string }{
		"plain":           {"JWT_ISSUER=issuer", "issuer"},
		"export":          {"export JWT_ISSUER=issuer", "issuer"},
		"byte order mark": {"\ufeffJWT_ISSUER=issuer", "issuer"},
		"CRLF":            {"# note\r\n\r\nJWT_ISSUER=issuer\r\nLOG_FORMAT=text\r\n", "issuer"},
		"comment":         {"JWT_ISSUER=issuer # note", "issuer"},
		"hash inside":     {"JWT_ISSUER=is#suer", "is#suer"},
		"equals sign":     {"JWT_ISSUER=a=b==", "a=b=="},
		"single quotes":   {`JWT_ISSUER='a "b" # c'`, `a "b" # c`},
		"double quotes":   {`JWT_ISSUER="a 'b' # c"`, "a 'b' # c"},
		"dollar":          {"JWT_ISSUER=pa$WORD${HOME}$(id)$", "pa$WORD${HOME}$(id)$"},
		"dollar quoted":   {`JWT_ISSUER="pa$WORD"`, "pa$WORD"},
		"last one wins":   {"JWT_ISSUER=first\nJWT_ISSUER=second", "second"},
		"not ours":        {"POSTGRES_PASSWORD=x\nJWT_ISSUER=issuer", "issuer"},
		"empty":           {"JWT_ISSUER=\nLOG_FORMAT=text", "http://localhost:8080"},
	} {
		t.Run(name, func(t *testing.T) {
			settings, err := config.Load(nil, folder(t, map[string]string{".env": test.line}))
			require.NoError(t, err)
			require.Equal(t, test.want, settings.JWT.Issuer)
		})
	}
}

func TestDotenv_PEM(t *testing.T) {
	t.Parallel()
	const pem = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n"
	for name, value := range map[string]string{
		"on several lines": `"` + pem + `"`,
		"on one line":      strings.ReplaceAll(pem, "\n", `\n`),
		"quoted":           `"` + strings.ReplaceAll(pem, "\n", `\n`) + `"`,
		"single quotes":    "'" + strings.ReplaceAll(pem, "\n", `\n`) + "'",
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, map[string]string{".env": "JWT_ALGORITHM=ES256\nJWT_PRIVATE_KEY=" + value})
			settings, err := config.Load(nil, dir)
			require.NoError(t, err)
			require.Equal(t, pem, settings.JWT.PrivateKey.Reveal())
		})
	}
}

func TestDotenv_SyntaxErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		content string
		line    string
	}{
		"no equals sign":       {"LOG_FORMAT=text\n\n# note\nHUSH-HUSH\n", "line 4"},
		"no equals, last line": {"LOG_FORMAT=text\nHUSH", "line 2"},
		"unterminated quote":   {"LOG_FORMAT=text\nSECRET_KEY=\"HUSH\nJWT_ISSUER=x\n", "line 2"},
		"after the quote":      {"SECRET_KEY='HUSH'HUSH\n", "line 1"},
		"after a long value":   {"A=\"1\n2\n3\"\nHUSH HUSH=1\n", "line 4"},
		"UTF-16":               {"\xff\xfeH\x00U\x00S\x00H\x00=\x001\x00", "line 1"},
		"NUL":                  {"SECRET_KEY=HUSH\x00HUSH", "line 1"},
		"far down":             {strings.Repeat("# note\n", 2000) + "HUSH\n", "line 2001"},
	} {
		t.Run(name, func(t *testing.T) {
			findings := refused(t, folder(t, map[string]string{".env": test.content}), "APP_ENV=production")
			require.Len(t, findings, 1, "nothing is reported as missing that .env may hold")
			require.Contains(t, findings[".env"].Problem, test.line)
			require.NotContains(t, text(findings[".env"]), "HUSH")
		})
	}
	t.Run("too large", func(t *testing.T) {
		findings := refused(t, folder(t, map[string]string{".env": strings.Repeat("#", 64*1024+1)}))
		require.Contains(t, findings[".env"].Problem, "larger than")
	})
}
