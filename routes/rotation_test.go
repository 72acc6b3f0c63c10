package routes_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/testkit"
)

// read reads the profile from a replica. It can be called in any goroutine.
func read(url, token string) error {
	request, err := http.NewRequest(http.MethodGet, url+profile, http.NoBody)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", answer.StatusCode, body)
	}
	return err
}

func keyID(t *testing.T, token string) string {
	t.Helper()
	header, _, _ := strings.Cut(token, ".")
	decoded, err := base64.RawURLEncoding.DecodeString(header)
	require.NoError(t, err)
	var named struct{ Kid string }
	require.NoError(t, json.Unmarshal(decoded, &named))
	return named.Kid
}

// Two replicas rotate through several keys, the second with a delay, while both get requests with old and new tokens. None of the
// requests is refused.
func TestKeyRotation_UnderLoadRefusesNoValidToken(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		settings := []string{"JWT_KEY_ROTATION=24h", "JWT_EXPIRATION_DELTA=24h"}
		first := testkit.NewApp(t, db, settings...)
		second := testkit.NewAppAt(t, db, first.Clock, settings...)
		held := []string{first.Signup(t, "ann@example.com")}
		kids := map[string]bool{keyID(t, held[0]): true}
		for range 8 {
			stop := make(chan struct{})
			errs := make(chan error, 4)
			var load sync.WaitGroup
			for worker := range cap(errs) {
				load.Go(func() {
					for i := worker; ; i++ {
						select {
						case <-stop:
							return
						default:
						}
						url := []string{first.URL, second.URL}[i%2]
						if err := read(url, held[i%len(held)]); err != nil {
							errs <- err
							return
						}
					}
				})
			}
			first.Server.RunTasks(t.Context())
			for _, app := range []*testkit.App{first, second} {
				token := app.Login(t, "ann@example.com").Access
				require.NoError(t, read(first.URL, token))
				require.NoError(t, read(second.URL, token))
			}
			second.Server.RunTasks(t.Context())
			newest := second.Login(t, "ann@example.com").Access
			require.NoError(t, read(first.URL, newest))
			close(stop)
			load.Wait()
			require.Empty(t, errs, "a valid token was refused: %v", firstOf(errs))
			kids[keyID(t, newest)] = true
			held = []string{held[len(held)-1], newest} // none is older than half its lifetime
			first.Clock.Advance(9 * time.Hour)
		}
		require.Greater(t, len(kids), 2, "the keys were rotated")
	})
}

func firstOf(errs chan error) error {
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}
