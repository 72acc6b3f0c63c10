package passwords_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"latchkey/passwords"
)

// A password opens the account in whichever form a keyboard sends it, and the hash is made again unless it is of the normal one.
func TestPool_Verify_AnyFormOfThePasswordMatches(t *testing.T) {
	for _, password := range []string{
		"Zoë-crème-brûlée-7", "Straße über Ärger", "한국어 비밀번호", "がぎぐげご法隆寺", "Việt Nam đẹp", "\u1e9b\u0323 and \u212b",
	} {
		composed, decomposed := norm.NFC.String(password), norm.NFD.String(password)
		require.NotEqual(t, composed, decomposed)
		for _, test := range []struct{ made, typed string }{
			{composed, composed}, {composed, decomposed}, {decomposed, composed}, {decomposed, decomposed}, {password, password},
		} {
			pool := fastPool(t)
			result, err := pool.Verify(t.Context(), test.typed, passwords.RawHash(t, test.made))
			require.NoError(t, err)
			require.Equal(t, passwords.Result{Match: true, Outdated: test.made != composed}, result, "%+q", test)
		}
	}
}

// A space of another kind, as macOS types it with Option and browsers copy it, is one space more to guess for nobody.
func TestPool_Verify_AnySpaceMatches(t *testing.T) {
	pool := fastPool(t)
	for _, space := range []string{"\u00a0", "\u3000", "\u2009"} {
		typed := "plum" + space + "tree gâte"
		encoded, err := pool.Hash(t.Context(), typed)
		require.NoError(t, err)
		for _, form := range []string{"plum tree gâte", typed, norm.NFD.String(typed)} {
			result, err := pool.Verify(t.Context(), form, encoded)
			require.NoError(t, err)
			require.Equal(t, passwords.Result{Match: true}, result)
			result, err = pool.Verify(t.Context(), form, passwords.RawHash(t, form))
			require.NoError(t, err)
			require.True(t, result.Match, "a hash made of what was typed")
		}
	}
}

// What is not the same text stays another password: case, width, look-alikes, ligatures, spaces at the ends.
func TestPool_Verify_OtherPasswordsDontMatch(t *testing.T) {
	pool := fastPool(t)
	encoded, err := pool.Hash(t.Context(), "Crème ﬁn 1")
	require.NoError(t, err)
	for _, typed := range []string{"crème ﬁn 1", "Crème fin 1", "Creme ﬁn 1", "Crème ﬁn １", " Crème ﬁn 1", "Crème ﬁn 1 ", "Crème  ﬁn 1", "Сrème ﬁn 1"} {
		result, err := pool.Verify(t.Context(), typed, encoded)
		require.NoError(t, err)
		require.Equal(t, passwords.Result{}, result, "%+q", typed)
	}
}

// The work depends on what was typed and on nothing else: not on whether there is an account, nor on which form matches.
func TestPool_Verify_WorksTheSameForEveryHash(t *testing.T) {
	for typed, hashes := range map[string]uint64{
		"plain ASCII 7": 1, "柿食えば鐘": 2, "柿食鐘": 1, "Zoë": 2, norm.NFD.String("Zoë"): 2, "Zoe\u0308 Zoë": 3, "Zoe\u0308\u00a0Zoë": 4,
	} {
		for _, encoded := range []string{
			"", passwords.Unusable(), "unreadable", passwords.RawHash(t, "another"), passwords.RawHash(t, typed),
			passwords.RawHash(t, norm.NFC.String(typed)), passwords.RawHash(t, norm.NFD.String(typed)),
		} {
			pool := fastPool(t)
			_, _ = pool.Verify(t.Context(), typed, encoded)
			require.Equal(t, hashes, pool.Hashes(), "%+q against %q", typed, encoded)
		}
	}
}

func TestPool_Verify_RefusesWhatIsNoText(t *testing.T) {
	pool := fastPool(t)
	for _, typed := range []string{"Zoë\xff", "Zoe\xcc", "Zoë\xed\xa0\xbd", "Zoë\x00"} {
		_, err := pool.Verify(t.Context(), typed, passwords.RawHash(t, "Zoë"))
		require.ErrorIs(t, err, passwords.ErrInvalidPassword)
		_, err = pool.Hash(t.Context(), typed)
		require.ErrorIs(t, err, passwords.ErrInvalidPassword)
	}
	require.Zero(t, pool.Hashes())
}

// Eight typed characters that compose to fewer are too few.
func TestPolicy_Check_CountsTheNormalForm(t *testing.T) {
	policy := passwords.NewPolicy(8)
	require.Equal(t, []string{passwords.CodeTooShort}, codes(policy.Check(norm.NFD.String("żółćęąś"))))
	require.Empty(t, codes(policy.Check(norm.NFD.String("żółćęąśź"))))
}
