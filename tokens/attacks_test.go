package tokens_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/tokens"
)

// attack is a token that must be refused for a given reason: a refusal for another reason would prove nothing.
type attack struct {
	name   string
	token  string
	reason string
}

func allAttacks() []attack {
	return slices.Concat(shapeAttacks(), encodingAttacks(), algorithmAttacks(), headerAttacks(), keyIDAttacks(),
		typeAttacks(), signatureAttacks(), claimAttacks(), timeAttacks())
}

func TestAccessTokens_Verify_RefusesEveryAttack(t *testing.T) {
	access := newAccessTokens(t, tokens.ES256)
	attacks := allAttacks()
	require.GreaterOrEqual(t, len(attacks), 100)
	names := map[string]bool{}
	for _, attack := range attacks {
		require.False(t, names[attack.name], "two attacks are called %q", attack.name)
		names[attack.name] = true
		t.Run(attack.name, func(t *testing.T) {
			claims, err := access.Verify(attack.token)
			require.ErrorIs(t, err, tokens.ErrTokenInvalid)
			require.NotErrorIs(t, err, tokens.ErrTokenExpired)
			require.ErrorContains(t, err, attack.reason)
			require.Zero(t, claims)
		})
	}
}

const (
	notParts     = "not three parts"
	notBase64    = "not unpadded base64url"
	badHeader    = "header is not a JSON object"
	unsupported  = "header contains"
	unknownKey   = "no key has this kid"
	otherAlg     = "alg is not the key's"
	badSignature = "signature does not match"
	badType      = "typ is not"
	badClaims    = "claims are not a JSON object"
)

func shapeAttacks() []attack {
	es := fixtureKeys()[tokens.ES256]
	token := es.sign(goodHeader(es).String(), goodClaims().String())
	header, claims, signature := split(token)
	padded := goodClaims().with("pad", quote(strings.Repeat("x", 8<<10))).String()
	return []attack{
		{"empty", "", notParts},
		{"one part", header, notParts},
		{"two parts", header + "." + claims, notParts},
		{"four parts", token + "." + signature, notParts},
		{"a dot at the end", token + ".", notParts},
		{"a dot at the start", "." + token, notParts},
		{"only two dots", "..", badHeader},
		{"no header", "." + claims + "." + signature, badHeader},
		{"no claims", header + ".." + signature, badSignature},
		{"no signature", header + "." + claims + ".", badSignature},
		{"header and claims swapped", claims + "." + header + "." + signature, unknownKey},
		{"claims and signature swapped", header + "." + signature + "." + claims, badSignature},
		{"five parts, as an encrypted token has", header + "." + claims + "." + signature + ".AA.AA", notParts},
		{"JSON serialisation",
			fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, header, claims, signature), notParts},
		{"60 KB of dots", strings.Repeat(".", 60_000), "longer than"},
		{"8 KiB of dots", strings.Repeat(".", 8<<10), notParts},
		{"60 KB of A", strings.Repeat("A", 60_000), "longer than"},
		{"rightly signed, but longer than 8 KiB", es.sign(goodHeader(es).String(), padded), "longer than"},
		{"a refresh token", "lkr_" + strings.Repeat("A", 75), notParts},
		{"with its scheme", "Bearer " + token, notBase64},
		{"in quotes", `"` + token + `"`, notBase64},
		{"twice", token + token, notParts},
		{"NUL bytes", "\x00.\x00.\x00", notBase64},
	}
}

func split(token string) (header, claims, signature string) {
	parts := strings.Split(token, ".")
	return parts[0], parts[1], parts[2]
}

// encodingAttacks respells parts of a valid token, or signs misspelt parts.
func encodingAttacks() []attack {
	es, hs := fixtureKeys()[tokens.ES256], fixtureKeys()[tokens.HS256]
	token := es.sign(goodHeader(es).String(), goodClaims().String())
	header, claims, signature := split(token)
	attacks := []attack{
		{"claims padded and so signed",
			hs.signText(spelt(hs, base64.URLEncoding.EncodeToString([]byte(oddClaims)))), notBase64},
		{"claims in standard base64 and so signed",
			hs.signText(spelt(hs, base64.RawStdEncoding.EncodeToString([]byte(plusClaims)))), notBase64},
		{"claims with a line end and so signed", hs.signText(spelt(hs, "\n"+claims)), notBase64},
		{"claims with unused bits and so signed",
			hs.signText(spelt(hs, respell(base64URL([]byte(oddClaims))))), notBase64},
		{"claims signed without encoding", hs.signText(spelt(hs, goodClaims().String())), notParts},
		{"signature padded", token + "==", notBase64},
		{"header padded", header + "=." + claims + "." + signature, notBase64},
	}
	for i, part := range []string{"header", "claims", "signature"} {
		for name, odd := range map[string]string{
			"a line feed": "\n", "a carriage return": "\r", "both line ends": "\r\n", "a space": " ", "a tab": "\t",
			"a plus": "+", "a slash": "/", "an equals sign": "=", "a percent": "%", "a NUL": "\x00", "a fullwidth A": "Ａ",
		} {
			parts := []string{header, claims, signature}
			parts[i] = parts[i][:8] + odd + parts[i][8:]
			attacks = append(attacks, attack{name + " inside the " + part, strings.Join(parts, "."), notBase64})
		}
	}
	for name, end := range map[string]string{"a space": " ", "a line feed": "\n", "a NUL": "\x00"} {
		attacks = append(attacks,
			attack{name + " before", end + token, notBase64},
			attack{name + " after", token + end, notBase64})
	}
	for _, key := range fixtureKeys() {
		token := key.sign(goodHeader(key).String(), goodClaims().String())
		attacks = append(attacks, respellings(key.Algorithm(), token)...)
	}
	return attacks
}

var (
	oddClaims  = goodClaims().with("sid", `"x"`).String()
	plusClaims = goodClaims().with("sid", `"ûûû>>>???"`).String()
)

func spelt(key signer, claims string) string {
	return base64URL([]byte(goodHeader(key).String())) + "." + claims
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// respell sets the lowest unused bit of the last character.
func respell(text string) string {
	last := strings.IndexByte(alphabet, text[len(text)-1])
	return text[:len(text)-1] + string(alphabet[last|1])
}

// respellings returns the token with each other last character that a lenient decoder reads as the same signature.
func respellings(algorithm tokens.Algorithm, token string) []attack {
	_, _, signature := split(token)
	unused := map[int]int{2: 4, 3: 2}[len(signature)%4] // unused bits of the last character
	last := strings.IndexByte(alphabet, token[len(token)-1])
	var attacks []attack
	for bits := 1; bits < 1<<unused; bits++ {
		name := fmt.Sprintf("%s signature respelt, unused bits %0*b", algorithm, unused, bits)
		attacks = append(attacks, attack{name, token[:len(token)-1] + string(alphabet[last|bits]), notBase64})
	}
	return attacks
}

func algorithmAttacks() []attack {
	keys := fixtureKeys()
	es, rs, ed, hs := keys[tokens.ES256], keys[tokens.RS256], keys[tokens.EdDSA], keys[tokens.HS256]
	claims := goodClaims().String()
	var attacks []attack
	for bits := range 1 << len("none") {
		none := caseVariant("none", bits)
		header := base64URL([]byte(goodHeader(es).with("alg", quote(none)).String()))
		attacks = append(attacks, attack{"alg " + none, header + "." + base64URL([]byte(claims)) + ".", otherAlg})
	}
	for _, alg := range []string{
		"es256", "Es256", "ES256 ", "ES256\u0000", "ES384", "ES512", "ES256K", "PS256",
		"RS384", "HS384", "HS512", "Ed25519", "",
	} {
		token := es.sign(goodHeader(es).with("alg", quote(alg)).String(), claims)
		attacks = append(attacks, attack{fmt.Sprintf("alg %q over an ES256 signature", alg), token, otherAlg})
	}
	for name, alg := range map[string]string{
		"a number": "256", "an array": `["ES256"]`, "an object": `{"ES256":1}`, "true": "true",
	} {
		attacks = append(attacks, attack{
			"alg is " + name, es.sign(goodHeader(es).with("alg", alg).String(), claims), badHeader,
		})
	}
	for name, public := range map[string]any{"RSA": rs.public, "EC": es.public, "Ed25519": ed.public} {
		key := map[string]signer{"RSA": rs, "EC": es, "Ed25519": ed}[name]
		header := goodHeader(key).with("alg", `"HS256"`).String()
		for form, secret := range publicForms(public) {
			attacks = append(attacks, attack{
				"HMAC with the " + name + " public key's " + form, hmacSign(secret, header, claims), otherAlg,
			})
		}
	}
	return append(attacks,
		attack{"alg missing", es.sign(goodHeader(es).with("alg", "").String(), claims), otherAlg},
		attack{"alg null", es.sign(goodHeader(es).with("alg", "null").String(), claims), otherAlg},
		attack{"alg none with a signature", es.sign(goodHeader(es).with("alg", `"none"`).String(), claims), otherAlg},
		attack{"HMAC with an empty secret", hmacSign(nil, goodHeader(hs).String(), claims), badSignature},
		attack{"HMAC with the kid as secret", hmacSign([]byte(hs.ID()), goodHeader(hs).String(), claims), badSignature},
		attack{"ES256 under the kid of the RSA key",
			es.sign(goodHeader(es).with("kid", quote(rs.ID())).String(), claims), otherAlg},
		attack{"RS256 under the kid of the EC key",
			rs.sign(goodHeader(rs).with("kid", quote(es.ID())).String(), claims), otherAlg},
		attack{"EdDSA under the kid of the HMAC key",
			ed.sign(goodHeader(ed).with("kid", quote(hs.ID())).String(), claims), otherAlg},
		attack{"PS256 with the RSA key", signPSS(rs), otherAlg},
	)
}

func caseVariant(word string, upper int) string {
	letters := []byte(word)
	for i := range letters {
		if upper>>i&1 == 1 {
			letters[i] -= 'a' - 'A'
		}
	}
	return string(letters)
}

// publicForms returns the encodings of a public key that a confused verifier could use as a secret.
func publicForms(public any) map[string][]byte {
	forms := map[string][]byte{"DER": publicDER(public), "PEM": publicPEM(public)}
	forms["PEM without its last line end"] = forms["PEM"][:len(forms["PEM"])-1]
	switch public := public.(type) {
	case *rsa.PublicKey:
		der := x509.MarshalPKCS1PublicKey(public)
		forms["PKCS#1 PEM"] = pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: der})
		forms["modulus"] = public.N.Bytes()
	case *ecdsa.PublicKey:
		forms["point"] = must(public.Bytes())
	case ed25519.PublicKey:
		forms["bytes"] = public
	}
	return forms
}

func signPSS(key signer) string {
	header := goodHeader(key).with("alg", `"PS256"`).String()
	text := base64URL([]byte(header)) + "." + base64URL([]byte(goodClaims().String()))
	digest := sha256.Sum256([]byte(text))
	signature := must(rsa.SignPSS(rand.Reader, key.private.(*rsa.PrivateKey), crypto.SHA256, digest[:], nil))
	return text + "." + base64URL(signature)
}

func signatureAttacks() []attack {
	var attacks []attack
	for algorithm, key := range fixtureKeys() {
		token := key.sign(goodHeader(key).String(), goodClaims().String())
		header, claims, encoded := split(token)
		signature := must(base64.RawURLEncoding.DecodeString(encoded))
		with := func(signature []byte) string { return header + "." + claims + "." + base64URL(signature) }
		richer := base64URL([]byte(goodClaims().with("sub", `"someone-else"`).String()))
		for name, token := range map[string]string{
			"truncated by a byte":    with(signature[:len(signature)-1]),
			"longer by a byte":       with(append(slices.Clone(signature), 0)),
			"with a zero before":     with(append([]byte{0}, signature...)),
			"first half only":        with(signature[:len(signature)/2]),
			"twice":                  with(slices.Concat(signature, signature)),
			"all zero":               with(make([]byte, len(signature))),
			"all ones":               with(slices.Repeat([]byte{255}, len(signature))),
			"reversed":               with(reversed(signature)),
			"of other claims":        header + "." + richer + "." + encoded,
			"by a stranger":          strangerKeys()[algorithm].sign(goodHeader(key).String(), goodClaims().String()),
			"of the claims alone":    header + "." + claims + "." + lastPart(key.signText(claims)),
			"of the header and dots": header + "." + claims + "." + lastPart(key.signText(header+"..")),
		} {
			attacks = append(attacks, attack{fmt.Sprintf("%s signature %s", algorithm, name), token, badSignature})
		}
	}
	return append(attacks, ecdsaAttacks()...)
}

func reversed(data []byte) []byte {
	data = slices.Clone(data)
	slices.Reverse(data)
	return data
}

func lastPart(token string) string { return token[strings.LastIndexByte(token, '.')+1:] }

// ecdsaAttacks returns signatures (r, s) that a careless implementation accepts for every message.
func ecdsaAttacks() []attack {
	es := fixtureKeys()[tokens.ES256]
	header, claims, _ := split(es.sign(goodHeader(es).String(), goodClaims().String()))
	digest := sha256.Sum256([]byte(header + "." + claims))
	der := must(ecdsa.SignASN1(rand.Reader, es.private.(*ecdsa.PrivateKey), digest[:]))
	attacks := []attack{{"ES256 signature in DER", header + "." + claims + "." + base64URL(der), badSignature}}
	order := es.public.(*ecdsa.PublicKey).Curve.Params().N
	numbers := map[string]*big.Int{
		"0": big.NewInt(0), "1": big.NewInt(1), "n-1": new(big.Int).Sub(order, big.NewInt(1)), "n": order,
	}
	for nameR, r := range numbers {
		for nameS, s := range numbers {
			signature := slices.Concat(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32)))
			attacks = append(attacks, attack{
				fmt.Sprintf("ES256 signature r=%s, s=%s", nameR, nameS),
				header + "." + claims + "." + base64URL(signature), badSignature,
			})
		}
	}
	return attacks
}
