package tokens_test

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/tokens"
)

func TestParseAlgorithm(t *testing.T) {
	for _, algorithm := range algorithms {
		parsed, err := tokens.ParseAlgorithm(string(algorithm))
		require.NoError(t, err)
		require.Equal(t, algorithm, parsed)
	}
	for _, name := range []string{"", "none", "None", "es256", "ES256 ", "ES384", "PS256", "HS512", "Ed25519"} {
		_, err := tokens.ParseAlgorithm(name)
		require.ErrorIs(t, err, tokens.ErrUnknownAlgorithm, name)
		require.ErrorContains(t, err, "use ES256, EdDSA, RS256 or HS256")
	}
	_, err := tokens.GenerateKey("none")
	require.ErrorIs(t, err, tokens.ErrUnknownAlgorithm)
}

func TestKey_MarshalPrivateKey_ReadsBackAsTheSameKey(t *testing.T) {
	for _, algorithm := range algorithms {
		key, err := tokens.GenerateKey(algorithm)
		require.NoError(t, err)
		require.Equal(t, algorithm, key.Algorithm())
		text, err := key.MarshalPrivateKey()
		require.NoError(t, err)
		again, err := tokens.ParsePrivateKey(algorithm, text)
		require.NoError(t, err)
		require.Equal(t, key.ID(), again.ID())
		require.True(t, again.CanSign())

		other, err := tokens.GenerateKey(algorithm)
		require.NoError(t, err)
		require.NotEqual(t, key.ID(), other.ID())
	}
}

func TestKey_Public_VerifiesAndDoesNotSign(t *testing.T) {
	for _, algorithm := range algorithms {
		key := fixtureKeys()[algorithm]
		public := key.Public()
		require.Equal(t, key.ID(), public.ID())
		require.False(t, public.CanSign())
		require.True(t, key.CanSign(), "the key itself changed")
		_, err := public.MarshalPrivateKey()
		require.ErrorIs(t, err, tokens.ErrKeyInvalid)
		_, err = tokens.NewKeySet(public)
		require.ErrorIs(t, err, tokens.ErrKeyInvalid)

		if algorithm == tokens.HS256 {
			_, err := tokens.ParsePublicKey(algorithm, publicPEM(fixtureKeys()[tokens.RS256].public))
			require.ErrorIs(t, err, tokens.ErrKeyInvalid)
			continue
		}
		parsed, err := tokens.ParsePublicKey(algorithm, publicPEM(key.public))
		require.NoError(t, err)
		require.Equal(t, key.ID(), parsed.ID())
		require.False(t, parsed.CanSign())
	}
	require.False(t, tokens.Key{}.CanSign())
	require.False(t, tokens.Key{}.Public().CanSign())
}

func TestParsePrivateKey_ReadsEveryUsualPEM(t *testing.T) {
	rs, es := fixtureKeys()[tokens.RS256], fixtureKeys()[tokens.ES256]
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	sec1 := block("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(es.private.(*ecdsa.PrivateKey))))
	pkcs1 := block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rs.private.(*rsa.PrivateKey)))
	for name, given := range map[string]struct {
		want signer
		text []byte
	}{
		"PKCS#8":                        {es, privatePEM(es.private)},
		"PKCS#1":                        {rs, pkcs1},
		"SEC 1":                         {es, sec1},
		"SEC 1 after its parameters":    {es, append(block("EC PARAMETERS", []byte{6, 8}), sec1...)},
		"after a line of text":          {rs, append([]byte("the signing key\n"), pkcs1...)},
		"with Windows line ends":        {rs, bytes.ReplaceAll(pkcs1, []byte("\n"), []byte("\r\n"))},
		"without the end of its line":   {es, bytes.TrimSpace(sec1)},
		"followed by another PEM block": {es, append(privatePEM(es.private), publicPEM(rs.public)...)},
	} {
		key, err := tokens.ParsePrivateKey(given.want.Algorithm(), given.text)
		require.NoError(t, err, name)
		require.Equal(t, given.want.ID(), key.ID(), name)
	}
	public, err := tokens.ParsePublicKey(tokens.RS256,
		block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(rs.public.(*rsa.PublicKey))))
	require.NoError(t, err)
	require.Equal(t, rs.ID(), public.ID())
}

func TestParsePrivateKey_RefusesClearly(t *testing.T) {
	keys := fixtureKeys()
	p384 := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	weak := must(rsa.GenerateKey(rand.Reader, 1024))
	block := func(kind, body string) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: []byte(body)}) }
	x25519 := must(ecdh.X25519().GenerateKey(rand.Reader))
	for _, wrong := range []struct {
		algorithm tokens.Algorithm
		text      []byte
		want      error
		says      string
	}{
		{tokens.ES256, privatePEM(keys[tokens.RS256].private), tokens.ErrKeyInvalid, "ES256 can't use an RSA key"},
		{tokens.RS256, privatePEM(keys[tokens.EdDSA].private), tokens.ErrKeyInvalid, "RS256 can't use an Ed25519 key"},
		{tokens.EdDSA, privatePEM(keys[tokens.ES256].private), tokens.ErrKeyInvalid, "EdDSA can't use an EC key on P-256"},
		{tokens.ES256, privatePEM(p384), tokens.ErrKeyInvalid, "ES256 can't use an EC key on P-384"},
		{tokens.EdDSA, privatePEM(x25519), tokens.ErrKeyInvalid, "can sign"},
		{tokens.RS256, privatePEM(weak), tokens.ErrWeakKey, "at least 2048 bits, this one has 1024"},
		{"none", privatePEM(keys[tokens.RS256].private), tokens.ErrKeyInvalid, "none can't use"},
		{"", privatePEM(p384), tokens.ErrKeyInvalid, "can't use"},
		{tokens.ES256, publicPEM(keys[tokens.ES256].public), tokens.ErrKeyInvalid, `"PUBLIC KEY"`},
		{tokens.ES256, nil, tokens.ErrKeyInvalid, "no PEM"},
		{tokens.ES256, []byte("keys/signing.pem"), tokens.ErrKeyInvalid, "no PEM"},
		{tokens.ES256, block("ENCRYPTED PRIVATE KEY", ""), tokens.ErrKeyInvalid, "unencrypted"},
		{tokens.ES256, block("PRIVATE KEY", "x"), tokens.ErrKeyInvalid, "does not hold"},
		{tokens.HS256, []byte("31 bytes are one byte too few.."), tokens.ErrWeakKey, "at least 32 bytes, this one has 31"},
		{tokens.HS256, nil, tokens.ErrWeakKey, "this one has 0"},
		{tokens.HS256, publicPEM(keys[tokens.RS256].public), tokens.ErrKeyInvalid, "this is a PEM"},
	} {
		key, err := tokens.ParsePrivateKey(wrong.algorithm, wrong.text)
		require.ErrorIs(t, err, wrong.want, wrong.says)
		require.ErrorContains(t, err, wrong.says)
		require.Zero(t, key)
	}
	for _, text := range [][]byte{nil, privatePEM(p384), publicPEM(&p384.PublicKey), publicPEM(&weak.PublicKey)} {
		_, err := tokens.ParsePublicKey(tokens.ES256, text)
		require.ErrorIs(t, err, tokens.ErrKeyInvalid)
	}
	_, err := tokens.ParsePublicKey(tokens.RS256, publicPEM(&weak.PublicKey))
	require.ErrorIs(t, err, tokens.ErrWeakKey)
}

func TestKey_CheckStrength_LetsNothingBelow128BitsSign(t *testing.T) {
	weak := must(tokens.ParsePrivateKey(tokens.RS256, privatePEM(must(rsa.GenerateKey(rand.Reader, 2048)))))
	for _, key := range []tokens.Key{weak, weak.Public()} {
		require.ErrorIs(t, key.CheckStrength(), tokens.ErrWeakKey)
		require.ErrorContains(t, key.CheckStrength(), "at least 3072 bits, this one has 2048")
	}
	for _, algorithm := range []tokens.Algorithm{tokens.HS256, tokens.RS256, tokens.ES256, tokens.EdDSA} {
		require.NoError(t, must(tokens.GenerateKey(algorithm)).CheckStrength(), algorithm)
	}
	require.NoError(t, tokens.Key{}.CheckStrength())
}

// The id of a secret is part of every token's header and must stay the same across releases; this one was computed independently.
func TestKey_ID_OfASecretIsStable(t *testing.T) {
	key, err := tokens.NewHMACKey([]byte("an example secret of 32 bytes ok"))
	require.NoError(t, err)
	require.Equal(t, "tMzNRrU6JVlcuJvrSlUbmQ", key.ID())
}

func TestNewHMACKey_CopiesTheSecret(t *testing.T) {
	secret := []byte("an example secret of 32 bytes ok")
	key := must(tokens.NewHMACKey(secret))
	clear(secret)
	written := must(key.MarshalPrivateKey())
	require.Equal(t, "an example secret of 32 bytes ok", string(written))
	clear(written)
	require.NotEqual(t, written, must(key.MarshalPrivateKey()))
}

func TestKey_PrintingNeverShowsMaterial(t *testing.T) {
	for _, algorithm := range algorithms {
		key := fixtureKeys()[algorithm]
		set := must(tokens.NewKeySet(key.Key))
		access := tokens.NewAccessTokens(func() tokens.KeySet { return set }, options, time.Now)
		secret := must(key.MarshalPrivateKey())
		holders := []any{
			key.Key, &key.Key, key.Key.Public(), []tokens.Key{key.Key},
			map[string]tokens.Key{"key": key.Key}, struct{ key tokens.Key }{key.Key},
			struct{ Key *tokens.Key }{&key.Key}, set, &set, []tokens.KeySet{set}, access,
		}
		if algorithm == tokens.HS256 {
			codec := must(tokens.NewCodec("lkr_", secret))
			holders = append(holders, codec, *codec, struct{ codec tokens.Codec }{*codec})
		}
		var printed strings.Builder
		for _, holder := range holders {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "% x", "%o", "%b", "%c", "%U", "%T"} {
				fmt.Fprintf(&printed, verb+"\n", holder)
			}
			slog.New(slog.NewTextHandler(&printed, nil)).Info("made", "holder", holder)
			slog.New(slog.NewJSONHandler(&printed, nil)).Info("made", "holder", holder)
			text, err := json.Marshal(holder)
			if err == nil {
				printed.Write(text)
			}
		}
		require.Contains(t, printed.String(), key.ID())
		for _, form := range spellings(key.private, secret) {
			require.False(t, strings.Contains(printed.String(), form), "%s material was printed", algorithm)
		}
	}
}

// spellings returns pieces of private material in every form in which it could be printed.
func spellings(private crypto.PrivateKey, marshalled []byte) []string {
	material := marshalled
	var forms []string
	switch private := private.(type) {
	case *rsa.PrivateKey:
		material = private.D.Bytes()
		forms = []string{private.D.String(), private.Primes[0].String(), fmt.Sprint(private.D.Bits()[:2])}
	case *ecdsa.PrivateKey:
		material = must(private.Bytes())
	case interface{ Seed() []byte }:
		material = private.Seed()
	}
	piece := material[:9]
	return append(forms, string(piece), hex.EncodeToString(piece), strings.ToUpper(hex.EncodeToString(piece)),
		fmt.Sprintf("% x", piece),
		strings.Trim(fmt.Sprint(piece), "[]"), strings.Trim(fmt.Sprintf("%#v", piece), "[]byte{}"),
		base64.StdEncoding.EncodeToString(piece), base64URL(piece))
}

func FuzzParsePrivateKey(f *testing.F) {
	for _, key := range fixtureKeys() {
		f.Add(string(key.Algorithm()), must(key.MarshalPrivateKey()))
	}
	f.Fuzz(func(t *testing.T, algorithm string, text []byte) {
		key, err := tokens.ParsePrivateKey(tokens.Algorithm(algorithm), text)
		if err != nil {
			require.Zero(t, key)
			return
		}
		require.True(t, key.CanSign())
		again, err := tokens.ParsePrivateKey(key.Algorithm(), must(key.MarshalPrivateKey()))
		require.NoError(t, err)
		require.Equal(t, key.ID(), again.ID())
	})
}
