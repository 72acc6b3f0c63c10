package passwords_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"latchkey/passwords"
)

func codes(violations []passwords.Violation) (codes []string) {
	for _, violation := range violations {
		codes = append(codes, violation.Code)
	}
	return codes
}

func TestPolicy_Check(t *testing.T) {
	policy := passwords.NewPolicy(8)
	ann := []string{"ann.bee@example.com", "Annegret", "Beekeeper"}
	const (
		short   = passwords.CodeTooShort
		long    = passwords.CodeTooLong
		invalid = passwords.CodeInvalidCharacters
		common  = passwords.CodeTooCommon
		similar = passwords.CodeTooSimilar
		weak    = passwords.CodeTooWeak
	)
	for _, test := range []struct {
		name, password string
		want           []string
	}{
		{"good", "correct horse battery staple", nil},
		{"good and random", "x7Kq!fP2mZ", nil},
		{"spaces at the ends count", "  kWq7vzRt  ", nil},
		{"good and all digits", "8306159427", nil},
		{"Japanese", "柿食えば鐘が鳴るなり法隆寺", nil},
		{"emoji", "🦊🌵🎷🧭🪁🧊🦜🎲", nil},
		{"eight characters of two bytes", "żółćęąśź", nil},
		{"1024 bytes", strings.Repeat("vK8#qTz!", 128), nil},

		{"empty", "", []string{short}},
		{"seven", "x7Kq!fP", []string{short}},
		{"seven characters of three bytes", "鐘が鳴る法隆", []string{short}},
		{"1025 bytes", strings.Repeat("vK8#qTz!", 128) + "x", []string{long}},
		{"1026 bytes in 342 characters", strings.Repeat("鐘", 342), []string{long}},
		{"a megabyte", strings.Repeat("x", 1<<20), []string{long}},

		{"invalid UTF-8", "x7Kq!fP2mZ\xff", []string{invalid}},
		{"lone surrogate", "x7Kq!fP2mZ\xed\xa0\xbd", []string{invalid}},
		{"NUL", "x7Kq!fP2mZ\x00", []string{invalid}},
		{"NUL and short", "x7K\x00", []string{short, invalid}},
		{"NUL and long", strings.Repeat("x", 1024) + "\x00", []string{long, invalid}},

		{"common", "trustno1", []string{common}},
		{"common in capitals", "TrustNo1", []string{common}},
		{"common with spaces around", " trustno1\t", []string{common}},
		{"common and short", "123456", []string{short, common}},
		{"common in Russian", "любовь", []string{short, common}},

		{"the email", "ann.bee@example.com", []string{similar}},
		{"the email in capitals", "ANN.BEE@EXAMPLE.COM", []string{similar}},
		{"the local part", "ann.bee!", []string{similar}},
		{"a name", "annegret", []string{common, similar}},
		{"a name and a digit", "Annegret1", []string{similar}},
		{"a name backwards", "tergenna", []string{similar}},
		{"the last name", "beekeeper99", []string{similar}},
		{"the product", "latchkey", []string{similar}},
		{"the product with digits", "Latchkey12", []string{similar}},
		{"similar and short", "exampl", []string{short, similar}},

		{"one character", "aaaaaaaaaaaaaaaaaaaaaaaaaaa", []string{weak}},
		{"a date", "12.03.1987", []string{weak}},
		{"keys in a row", "zxcvbnm,./", []string{weak}},
		{"a word with a digit", "porcupine7", []string{weak}},
		{"the name in a weak frame", "annegret-annegret", []string{weak}},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Empty(t, cmp.Diff(test.want, codes(policy.Check(test.password, ann...))))
		})
	}
}

// A password that is made of the name or the domain of the service is refused, and one that merely has it is not.
func TestPolicy_Check_ForbiddenWords(t *testing.T) {
	policy := passwords.NewPolicy(8, "Acmeworks", "login.größewerk.example", "road runner")
	for _, password := range []string{
		"Acmeworks2026!", "acmeworks123", "ACMEWORKS!!", "4cm3w0rks2026", "MyAcmeworks1", "Welcome2Acmeworks", "skrowemca2026",
		"acmeworksacmeworks", "acmeworks_Summer24", "Größewerk#7", "gro\u0308ßewerk#7", "roadrunner2026", "login.größewerk.example", "latchkey99",
	} {
		found := codes(policy.Check(password))
		require.Len(t, found, 1, password)
		require.Subset(t, []string{passwords.CodeTooSimilar, passwords.CodeTooWeak}, found, password)
	}
	for _, password := range []string{"acmeworks-kWq7vzRt", "correct horse acmeworks staple", "the road to the plum tree"} {
		require.Empty(t, codes(policy.Check(password)), password)
	}
}

func TestPolicy_Check_MinLength(t *testing.T) {
	const fifteen = "x7Kq!fP2mZ9wLd3"
	for _, test := range []struct {
		minLength, length int
		accepted          bool
	}{{0, 7, false}, {0, 8, true}, {8, 8, true}, {15, 14, false}, {15, 15, true}} {
		violations := passwords.NewPolicy(test.minLength).Check(fifteen[:test.length])
		require.Equal(t, test.accepted, len(violations) == 0, test)
	}
	require.Contains(t, passwords.NewPolicy(15).Check("x7Kq!fP2mZ")[0].Message, "at least 15 characters")
}

// A quick_ratio of Python's difflib.SequenceMatcher of 0.7 or above is too similar.
func TestPolicy_Check_SimilarityThreshold(t *testing.T) {
	policy := passwords.NewPolicy(1)
	for attribute, similar := range map[string]bool{
		"qzxwvkjyhg": true,  // 20/20
		"qzxwvkj___": true,  // 14/20 = 0.7
		"qzxwvk____": false, // 12/20 = 0.6
		"qzxwvkj":    true,  // 14/17
		"qzxw":       false, // 8/14
		"QZXWVKJYHG": true,
		"":           false,
		"-":          false,
	} {
		found := codes(policy.Check("qzxwvkjyhg", attribute))
		require.Equal(t, similar, slices.Contains(found, passwords.CodeTooSimilar), attribute)
	}
}

func TestPolicy_Check_Messages(t *testing.T) {
	for code, message := range messages(t) {
		require.Regexp(t, `^This password [^.]+\. [A-Z][^.]+\.$|^This password [^.]+\.$`, message, code)
	}
}

// messages returns the message of every code.
func messages(t testing.TB) map[string]string {
	policy := passwords.NewPolicy(8)
	all := map[string]string{}
	long := strings.Repeat("x", 1025)
	for _, password := range []string{"", long, "\xffsecret\xff", "trustno1", "latchkey", "porcupine7"} {
		for _, violation := range policy.Check(password) {
			all[violation.Code] = violation.Message
		}
	}
	require.Len(t, all, 6)
	return all
}

// The library's time grows exponentially with the symbols it takes for letters; allocations stand for time here.
func TestPolicy_Check_BoundsTheEstimatorsWork(t *testing.T) {
	policy := passwords.NewPolicy(8)
	worst := strings.Repeat("4@8({[<369!1|0$5+7%2", 50)
	allocations := testing.AllocsPerRun(1, func() { policy.Check(worst) })
	require.Less(t, allocations, 200_000.0)
	ambiguous := strings.Repeat("1|7({[", 170)
	require.Less(t, testing.AllocsPerRun(1, func() { policy.Check(ambiguous) }), 1_000_000.0)
}

// The strength is that of the first 64 characters: what comes after them, however good, changes nothing.
func TestPolicy_Check_RatesSixtyFourCharacters(t *testing.T) {
	policy := passwords.NewPolicy(8)
	const strong = "quartz lynx vivid fjord"
	weak := strings.Repeat("a", 64)
	require.Equal(t, policy.Check(weak), policy.Check(weak+strong))
	require.NotEmpty(t, policy.Check(weak+strong))
	require.Empty(t, policy.Check(weak[:64-len(strong)]+strong))
}

func TestPolicy_Check_IsSafeForConcurrentUse(t *testing.T) {
	policy := passwords.NewPolicy(8)
	var checks sync.WaitGroup
	for range 8 {
		checks.Go(func() {
			for _, password := range []string{"p4$$w0rd!", "correct horse battery staple", "12.03.1987", "aaaaaaaaaaaa"} {
				policy.Check(password, "ann@example.com")
			}
		})
	}
	checks.Wait()
}

// FuzzPolicy_Check checks that no password or attribute makes Check panic, that its messages never depend on the password,
// and that the length bounds and the encoding decide as documented.
func FuzzPolicy_Check(f *testing.F) {
	for _, password := range []string{"", "secret", "trustno1", "İstanbul ﬁ ſtraße K", "\xff", "\x00",
		"p4$$w0rd|17({[<", "👩‍👩‍👧‍👦👩‍👩‍👧‍👦", "e\u0301\u0301\u0301\u0301\u0301\u0301", "12/12/2012", "\u202eabcdefgh",
		strings.Repeat("鐘", 400)} {
		f.Add(password, "Ann.Bee@example.com")
		f.Add(password, password)
	}
	policy := passwords.NewPolicy(8)
	known := messages(f)
	f.Fuzz(func(t *testing.T, password, attribute string) {
		violations := policy.Check(password, attribute, "Ann")
		found := map[string]bool{}
		for _, violation := range violations {
			require.Equal(t, known[violation.Code], violation.Message)
			require.False(t, found[violation.Code], "twice: %s", violation.Code)
			found[violation.Code] = true
		}
		isText := utf8.ValidString(password) && !strings.Contains(password, "\x00")
		length := utf8.RuneCountInString(password)
		if isText && len(password) <= passwords.MaxLength {
			length = utf8.RuneCountInString(norm.NFC.String(password))
		}
		require.Equal(t, length < 8, found[passwords.CodeTooShort])
		require.Equal(t, len(password) > passwords.MaxLength, found[passwords.CodeTooLong])
		require.Equal(t, !isText, found[passwords.CodeInvalidCharacters])
		if found[passwords.CodeTooWeak] {
			require.Len(t, violations, 1)
		}
	})
}

func BenchmarkPolicy_Check(b *testing.B) {
	policy := passwords.NewPolicy(8)
	for name, password := range map[string]string{
		"passphrase": "correct horse battery staple",
		"worst":      strings.Repeat("1|7({[", 11),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				policy.Check(password, "ann@example.com", "Ann", "Bee")
			}
		})
	}
}
