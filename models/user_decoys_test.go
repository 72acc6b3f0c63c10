package models_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"latchkey/models"
	"latchkey/passwords"
)

// population adds accounts with these numbers of hashes, by the form that a hash has, and returns their addresses.
func (g guessing) population(t *testing.T, hashes map[string]int) (addresses []string) {
	t.Helper()
	var users []models.User
	for encoded, count := range hashes {
		for range count {
			address := fmt.Sprintf("%s@example.com", uuid.NewString())
			addresses = append(addresses, address)
			users = append(users, models.User{
				ID: uuid.Must(uuid.NewV7()), Email: address, Password: encoded, IsActive: len(users)%10 > 0, DateJoined: time.Now(),
			})
		}
	}
	require.NoError(t, g.db.CreateInBatches(users, 500).Error)
	return addresses
}

// verified returns by the format of the hash how many logins of these addresses it is verified in.
func (g guessing) verified(t *testing.T, hasher *passwords.Pool, addresses []string) map[string]float64 {
	t.Helper()
	before := hasher.Verified()
	for _, address := range addresses {
		_, err := g.Logins.Login(context.Background(), g.Logins.Prepare(models.LoginRequest{Email: address, Password: "a guess"}))
		require.ErrorIs(t, err, models.ErrInvalidCredentials)
	}
	counted := map[string]float64{}
	for format, count := range hasher.Verified() {
		counted[format] += float64(count - before[format])
	}
	return counted
}

const (
	bcryptHash   = "$2b$04$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG"
	pbkdf2Hash   = "pbkdf2_sha256$1000$sea$DFcUeFQBFEISjJfRat4tpIx2nUzPESwOJWnw2UlU+ls="
	pbkdf2Format = "pbkdf2_sha256$1000$"
	bcryptFormat = "$2b$04$"
)

// Addresses without an account, and accounts whose password is unusable, cost at a login what the accounts do that have one: of each
// format as many.
func TestUserManager_UpdateDecoys_MakesUnknownAddressesCostWhatKnownOnesDo(t *testing.T) {
	t.Parallel()
	eachHashing(t, func(t *testing.T, g guessing, hasher *passwords.Pool) {
		native, err := hasher.Hash(t.Context(), strongPassword)
		require.NoError(t, err)
		const each = 400
		known := g.population(t, map[string]int{pbkdf2Hash: each / 2, bcryptHash: each / 10, native: each * 4 / 10})
		unusable := g.population(t, map[string]int{passwords.Unusable(): each / 2, "": each / 2})
		var unknown []string
		for range each {
			unknown = append(unknown, uuid.NewString()+"@example.com")
		}
		require.Equal(t, map[string]float64{"": each}, nonZero(g.verified(t, hasher, unknown)), "before the first count")

		require.NoError(t, g.Users.UpdateDecoys(t.Context()))
		shares := func(addresses []string) map[string]float64 {
			counted := g.verified(t, hasher, addresses)
			return map[string]float64{pbkdf2Format: counted[pbkdf2Format], bcryptFormat: counted[bcryptFormat]}
		}
		want := shares(known)
		require.Equal(t, map[string]float64{pbkdf2Format: each / 2, bcryptFormat: each / 10}, want)
		for name, addresses := range map[string][]string{"unknown": unknown, "unusable": unusable} {
			got := shares(addresses)
			for format := range want {
				share := want[format] / each
				require.InDelta(t, want[format], got[format], 6*math.Sqrt(each*share*(1-share)), "%s %s: six standard deviations", name, format)
			}
		}
		require.NoError(t, g.db.Model(&models.User{}).Where("password IN ?", []string{pbkdf2Hash, bcryptHash}).Update("password", native).Error)
		require.NoError(t, g.Users.UpdateDecoys(t.Context()))
		require.Equal(t, map[string]float64{"": each}, nonZero(g.verified(t, hasher, unknown)), "once all have logged in")
	})
}

// nonZero leaves out what was not counted.
func nonZero(counted map[string]float64) map[string]float64 {
	found := map[string]float64{}
	for format, count := range counted {
		if count > 0 {
			found[format] = count
		}
	}
	return found
}

func TestUserManager_UpdateDecoys_LeavesOutWhatHasNoFormat(t *testing.T) {
	t.Parallel()
	eachHashing(t, func(t *testing.T, g guessing, _ *passwords.Pool) {
		for i := range 100 {
			g.population(t, map[string]int{fmt.Sprintf("$unknown$%d", i): 1})
		}
		g.population(t, map[string]int{"88a434c88cca4e900f7874cd98123f43": 1})
		require.NoError(t, g.Users.UpdateDecoys(t.Context()), "and comes to an end")
	})
}

// A decoy lets nobody in, whatever is typed.
func TestLoginManager_Login_NeverOpensADecoy(t *testing.T) {
	t.Parallel()
	eachHashing(t, func(t *testing.T, g guessing, hasher *passwords.Pool) {
		g.population(t, map[string]int{pbkdf2Hash: 1})
		require.NoError(t, g.Users.UpdateDecoys(t.Context()))
		account := g.population(t, map[string]int{passwords.Unusable(): 1})
		counted := g.verified(t, hasher, append(account, "nobody@example.com"))
		require.Equal(t, map[string]float64{pbkdf2Format: 2}, nonZero(counted))
	})
}
