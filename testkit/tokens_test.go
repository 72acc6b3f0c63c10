package testkit_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"latchkey/testkit"
	"latchkey/tokens"
)

// spy is a testing.TB that records whether it failed.
type spy struct {
	testing.TB
	failed bool
}

func (*spy) Helper()               {}
func (*spy) Name() string          { return "spy" }
func (*spy) Errorf(string, ...any) {}
func (s *spy) FailNow()            { s.failed = true }

// holdsToken reports whether RequireNoToken fails for text.
func holdsToken(text string) bool {
	s := &spy{}
	testkit.RequireNoToken(s, text)
	return s.failed
}

func TestRequireNoToken_FindsTokensAndTheirParts(t *testing.T) {
	app := testkit.NewApp(t, testkit.SQLite(t))
	app.Signup(t, "ann@example.com")
	session := app.Login(t, "ann@example.com")
	header, rest, _ := strings.Cut(session.Access, ".")
	payload, _, _ := strings.Cut(rest, ".")
	device, err := tokens.NewCodec("lkd_", []byte(testkit.SecretKey))
	require.NoError(t, err)
	for _, token := range []string{session.Access, header, payload, session.Refresh, device.Encode(tokens.Handle{ID: uuid.Max})} {
		require.True(t, holdsToken(`level=INFO path="/x?y=`+token+`"`), token)
	}
}

func TestRequireNoToken_PassesRandomIDs(t *testing.T) {
	for _, text := range []string{
		"", "kid=3q2-eyJ7w8Yc0aQm1Zt5RkXb9dLhVnPs4GfUoTiEjKw", "kid=eyJ7w8Yc0aQm1Zt5RkXb9dLhVnPs4GfUoTiEjKwxQzA",
		"kid=eyJhbGciOiJ7w8Yc0aQm1Zt5RkXb9dLhVnPs4GfUoTi", "kid=lkr_7w8Yc0aQm1Zt5RkXb9dLhVnPs4GfUoTiEjKwxQz", "lkr_of_nobody", "eyJ",
	} {
		require.False(t, holdsToken(text), text)
	}
}
