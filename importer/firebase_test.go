package importer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/importer"
)

const firebaseConfig = `{"algorithm":"SCRYPT",
 "base64_signer_key":"jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==",
 "base64_salt_separator":"Bw==","rounds":8,"mem_cost":14}`

func TestFirebase_ReadsHashesAndTimes(t *testing.T) {
	format, err := importer.Firebase([]byte(firebaseConfig))
	require.NoError(t, err)
	const hash = "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
	webSafe := strings.NewReplacer("+", "-", "/", "_", "=", "").Replace
	for _, line := range []string{
		`{"localId":"x1","email":"ann@example.com","emailVerified":true,"passwordHash":"` + hash + `","salt":"42xEC+ixf3L2lw==",` +
			`"displayName":"Ann van Bee","createdAt":"1554105600000","lastSignedInAt":"1767322800000","providerUserInfo":[]}`,
		`{"email":"ann@example.com","passwordHash":"` + webSafe(hash) + `","salt":"` + webSafe("42xEC+ixf3L2lw==") + `",` +
			`"displayName":"Ann van Bee","createdAt":"1554105600000","lastSignedInAt":"1767322800000"}`,
	} {
		account := read(t, format, line)[0]
		require.True(t, opens(t, account, "user1password"))
		require.Equal(t, []string{"Ann", "van Bee"}, []string{account.FirstName, account.LastName})
		require.True(t, account.IsActive)
		require.Equal(t, time.Date(2019, 4, 1, 8, 0, 0, 0, time.UTC), account.DateJoined)
		require.Equal(t, time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC), *account.LastLogin)
	}
	never := read(t, format, `{"email":"ann@example.com","createdAt":"1","lastSignedInAt":""}`)[0]
	require.Empty(t, never.Fault+never.Password)
	require.Nil(t, never.LastLogin)
	odd := read(t, format, `{"email":"ann@example.com","createdAt":"SECRET","lastSignedInAt":1767322800000,"disabled":"perhaps"}`)[0]
	require.Empty(t, odd.Fault)
	require.NotNil(t, odd.LastLogin)
	require.False(t, odd.IsActive)
	require.Equal(t, []string{
		"disabled: it is neither true nor false, so that the account is not active",
		"createdAt: it is not a number of milliseconds, and is left out",
	}, odd.Notes)
	require.NotEmpty(t, read(t, format, `{"email":"ann@example.com","passwordHash":"!","salt":""}`)[0].Fault)
	for _, config := range []string{"", "{}", "[]", "SECRET", `{"base64_signer_key":"SECRET!"}`} {
		_, err := importer.Firebase([]byte(config))
		require.ErrorIs(t, err, importer.ErrHashConfig)
	}
}
