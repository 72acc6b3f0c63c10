package passwords

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ccojocar/zxcvbn-go"
	"github.com/ccojocar/zxcvbn-go/match"
	"github.com/ccojocar/zxcvbn-go/matching"
	"github.com/stretchr/testify/require"
)

// The estimator judges as zxcvbn-go as a whole does, whose data and arithmetic it has. Where they differ, ours is right about
// dates (zxcvbn-go counts the character behind one as part of it) or about where a word stands behind letters of several
// bytes.
func TestEstimator_JudgesAsTheWholeOfZxcvbn(t *testing.T) {
	estimate := newEstimator()
	differ := map[bool][]string{}
	weak, passwords := 0, corpus(t)
	for _, password := range passwords {
		ours := estimate.isWeak(password, []string{"latchkey", "ann"})
		if ours {
			weak++
		}
		if ours != zxcvbnFindsWeak(password, []string{"latchkey", "ann"}) {
			differ[ours] = append(differ[ours], password)
		}
	}
	t.Logf("%d passwords, %d weak; weak for us alone: %d %q; for zxcvbn-go alone: %d %q", len(passwords), weak,
		len(differ[true]), sample(differ[true]), len(differ[false]), sample(differ[false]))
	require.Greater(t, weak, len(passwords)/5)
	require.Less(t, weak, len(passwords)*4/5)
	require.Less(t, len(differ[true]), len(passwords)/100)
	require.Less(t, len(differ[false]), len(passwords)/100)
}

func sample(passwords []string) []string { return passwords[:min(20, len(passwords))] }

func zxcvbnFindsWeak(password string, words []string) bool {
	var filters []func(match.Matcher) bool
	if len(leetReadings(password)) == 0 {
		filters = append(filters, matching.FilterL33tMatcher)
	}
	return zxcvbn.PasswordStrength(password, words, filters...).Score < minScore
}

// corpus has what people make passwords of, the same at every run.
func corpus(t *testing.T) []string {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	common := slices.DeleteFunc(CommonPasswords(t), func(password string) bool { return !isASCII(password) })
	slices.Sort(common)
	pick := func(from []string) string { return from[random.IntN(len(from))] }
	endings := []string{"", "1", "!", "123", "2024", "99", "_x", "7!", "#", "qwe"}
	letters := "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!@#$%&*"
	leet := strings.NewReplacer("a", "4", "e", "3", "o", "0", "s", "$")
	var all []string
	for range 100 {
		word, other := pick(common), pick(common)
		made := make([]byte, 6+random.IntN(8))
		for i := range made {
			made[i] = letters[random.IntN(len(letters))]
		}
		all = append(all, word+pick(endings), strings.ToUpper(word[:1])+word[1:]+pick(endings), leet.Replace(word)+pick(endings),
			word+other, word+"-"+other, word+strconv.Itoa(random.IntN(10_000)), strconv.Itoa(random.IntN(1e10)), string(made))
	}
	return all
}

func TestEstimator_FindsEachPattern(t *testing.T) {
	estimate := newEstimator()
	for password, isWeak := range map[string]bool{
		"abcdefghijkl": true, "zyxwvutsrqpo": true, "ABCDEFGHabcdefgh": true, "9876543210": true, // sequences
		"zzzzzzzzzzzz": true, "ĄĄĄĄĄĄĄĄĄĄĄĄ": true, "aAaAaAaAaAaA": true, // repetitions
		"qwertyuiop[]": true, "zaq1xsw2cde3": true, "!QAZ@WSX": true, // walks
		"12.3.1987": true, "1987-03-12": true, "19870312": true, "31121999": true, "120387": true, "7/31/85": true, // dates
		"porcupine": true, "PORCUPINE": true, "p0rcup1ne": true, "porcup|ne": true, "p@55w0rd": true, // words
		"żpassword": true, "żółpassword": false, // a word behind letters of several bytes
		"99.99.1987kx": false, "kWq7vzRt": false, "8306159427": false, "plum tree by the gate": false,
	} {
		require.Equal(t, isWeak, estimate.isWeak(password, nil), password)
	}
}

// A symbol that looks like two letters is read as either, and readings do not multiply beyond eight.
func TestLeetReadings_AreBounded(t *testing.T) {
	require.Empty(t, leetReadings("password"))
	require.Equal(t, []string{"password"}, leetReadings("p4$$w0rd"))
	require.Equal(t, []string{"hill", "hlll"}, leetReadings("h1ll"))
	require.Len(t, leetReadings("1|7@!$"), 8)
	require.Empty(t, leetReadings("1|7@!$0"), "seven different symbols")
}
