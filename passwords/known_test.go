package passwords_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/passwords"
)

func TestPolicy_Check_KnowsEveryCommonPassword(t *testing.T) {
	common := passwords.CommonPasswords(t)
	require.Equal(t, 20_000, len(common)) // Len would print them all
	policy := passwords.NewPolicy(1)
	for _, password := range common {
		require.True(t, passwords.IsKnown(password), password)
		require.True(t, passwords.IsKnown(" "+strings.ToUpper(password)+"\n"), password)
	}
	require.Equal(t, []string{passwords.CodeTooCommon}, codes(policy.Check("qwerty")))
	require.Equal(t, []string{passwords.CodeTooCommon}, codes(policy.Check("brady")))
}

// These are known from breaches, and the strength alone would let them pass: they stand at the end of the list of a million.
func TestPolicy_Check_RefusesBreachedPasswords(t *testing.T) {
	policy := passwords.NewPolicy(8)
	for _, password := range []string{
		"svetlanka", "gfgfrfhkj", "p0tl8dje", "yflz13041976", "cgfhnfrxtvgbjy", "qrg7t8rhqy", "3sYqo15hiL",
	} {
		for _, typed := range []string{password, strings.ToUpper(password), " " + password} {
			require.Equal(t, []string{passwords.CodeTooCommon}, codes(policy.Check(typed)), typed)
		}
		require.Empty(t, codes(policy.Check(password+" and six plum trees")))
	}
}

// One good password in 2^40/487,169, about two million, is taken for a known one.
func TestPolicy_Check_TakesFewForKnown(t *testing.T) {
	const tries = 50_000
	count, _ := passwords.KnownPasswords()
	wrong := 0
	for i := range tries {
		sum := sha256.Sum256([]byte("no password " + strconv.Itoa(i)))
		if passwords.IsKnown(hex.EncodeToString(sum[:])) {
			wrong++
		}
	}
	require.InDelta(t, 487_169, count, 0)
	require.LessOrEqual(t, wrong, 1, "0.02 are expected")
}

// The set that the program has is the one that the README of its folder describes, and stays small.
func TestKnownPasswords_AreThoseOfTheREADME(t *testing.T) {
	set, err := os.ReadFile("wordlist/known-passwords.bin")
	require.NoError(t, err)
	count, size := passwords.KnownPasswords()
	require.Len(t, set, size)
	require.Less(t, size, 2<<20)
	about, err := os.ReadFile("wordlist/README.md")
	require.NoError(t, err)
	sum := sha256.Sum256(set)
	require.Contains(t, string(about), hex.EncodeToString(sum[:]))
	stated := regexp.MustCompile(`([\d,]+) passwords\s+in ([\d,]+) bytes`).FindStringSubmatch(string(about))
	require.NotNil(t, stated)
	require.Equal(t, strconv.Itoa(count), strings.ReplaceAll(stated[1], ",", ""))
	require.Equal(t, strconv.Itoa(size), strings.ReplaceAll(stated[2], ",", ""))
}
