package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

func TestServer_SaysWhyReplicasRefuseEachOthersTokens(t *testing.T) {
	t.Parallel()
	url, err := testkit.Cluster(t).CreateDatabase(t.Context())
	require.NoError(t, err)
	one := testkit.Serve(t, testkit.Environ(url, "AUTO_MIGRATE=true", "PUBLIC_URL=http://one.example"))
	address := one.Addr(t)
	two := testkit.Serve(t, testkit.Environ(url, "PUBLIC_URL="))
	token := testkit.MustAsk(t, http.StatusCreated, address, "signup", "", testkit.Credentials(ann)).Access
	for range 2 {
		testkit.MustAsk(t, http.StatusUnauthorized, two.Addr(t), "profile", token, "")
	}
	const refused = "a token that our own key signed is refused"
	two.WaitFor(t, refused)
	require.Equal(t, 1, strings.Count(two.Output.String(), refused))
	require.Contains(t, two.Output.String(), "issuer=http://localhost token_issuer=http://one.example")
	require.Contains(t, two.Output.String(), "PUBLIC_URL is not set")
	require.NotContains(t, one.Output.String(), "PUBLIC_URL")
}
