package passwords_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/passwords"
)

const letmein = "lètmein"

// Made with Python's hashlib (OpenSSL) and libxcrypt from salts of known bytes, unless a source is named.
var formats = []struct {
	name, algorithm, password, encoded string
}{
	{"PHC argon2id", "argon2id", "password",
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"},
	{"PHC argon2i", "argon2i", "password",
		"$argon2i$v=19$m=256,t=2,p=2$c29tZXNhbHQ$T/XOJ2mh1/TIpJHfCdQan76Q5esCFVoT5MAeIM1Oq2E"},
	{"PHC scrypt", "scrypt", letmein,
		"$scrypt$ln=10,r=8,p=2$AAECAwQFBgcICQoLDA0ODw$nyblWxGtqCO6tAJhyrwrgT6lj75xA1WGXu49jI1s9U8"},
	{"PHC pbkdf2-sha256", "pbkdf2_sha256", letmein,
		"$pbkdf2-sha256$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$MmVyK7Qz+8VhxNfAvQLr59CRxm89xRf9GNhRAPQspUc"},
	{"PHC pbkdf2-sha256 without length", "pbkdf2_sha256", letmein,
		"$pbkdf2-sha256$i=1000$AAECAwQFBgcICQoLDA0ODw$MmVyK7Qz+8VhxNfAvQLr59CRxm89xRf9GNhRAPQspUc"},
	{"PHC pbkdf2-sha512", "pbkdf2_sha512", letmein, "$pbkdf2-sha512$i=1000,l=64$AAECAwQFBgcICQoLDA0ODw$" +
		"wRwIVIB7ojZQJanl/eLbPCvCqJxLQm1p3uH8oEIOBEIVO29J1GeSZCKK2J5tkiPC+9j7bexQMagrwZzszXvwRQ"},
	{"passlib pbkdf2-sha256 (its tests)", "pbkdf2_sha256", "password",
		"$pbkdf2-sha256$1212$4vjV83LKPjQzk31VI4E0Vw$hsYF68OiOUPdDZ1Fg.fJPeq1h/gXXY7acBp9/6c.tmQ"},
	{"passlib pbkdf2-sha256 with dots", "pbkdf2_sha256", letmein,
		"$pbkdf2-sha256$1000$............////MTIzNA$WgGTei.OIFkyBv9U5uWPQXPZHR1wmK32epeL6JW4Yw0"},
	{"passlib pbkdf2-sha512", "pbkdf2_sha512", letmein, "$pbkdf2-sha512$1000$............////MTIzNA$" +
		"VuCBOFdMQ3zfPNBNz0QLp2RiG5.bMTG4Y4pCVWS7g8rqBqXoXA4QzUv4ARkFI0COunkFhhYQNq0RbZb5y3Bz8g"},
	{"bcrypt 2a", "bcrypt", letmein, "$2a$04$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG"},
	{"bcrypt 2b", "bcrypt", letmein, "$2b$04$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG"},
	{"bcrypt 2y", "bcrypt", letmein, "$2y$04$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG"},
	{"Django bcrypt", "bcrypt", letmein, "bcrypt$$2b$04$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG"},
	{"Django bcrypt_sha256", "bcrypt_sha256", letmein,
		"bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuulyx/yrfLnuLCi6gwFG5mrkJjuQKpL6S"},
	{"Django bcrypt_sha256 of 1000 bytes", "bcrypt_sha256", strings.Repeat("0123456789", 100),
		"bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuugE9UHOjnxR0k6ULXXWzCD3S18ZDFJFm"},
	{"Django pbkdf2_sha256", "pbkdf2_sha256", letmein,
		"pbkdf2_sha256$1000$sea$DFcUeFQBFEISjJfRat4tpIx2nUzPESwOJWnw2UlU+ls="},
	{"Django argon2", "argon2i", "secret", "argon2$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q"},
	{"Django md5", "md5", letmein, "md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3"},
	{"Django sha1", "sha1", letmein, "sha1$seasalt$cff36ea83f5706ce9aa7454e63e431fc726b2dc8"},
	{"Django unsalted md5", "unsalted_md5", letmein, "88a434c88cca4e900f7874cd98123f43"},
	{"Django unsalted md5, other spelling", "unsalted_md5", letmein, "md5$$88a434c88cca4e900f7874cd98123f43"},
	{"Django unsalted sha1", "unsalted_sha1", letmein, "sha1$$6d138ca3ae545631b3abd71a4f076ce759c5700b"},
}

func TestPool_Verify_ReadsEveryFormat(t *testing.T) {
	pool := newPool(t, passwords.Options{
		Parameters:  passwords.FastParameters(),
		AllowLegacy: passwords.LegacyFormats(),
	})
	for _, test := range formats {
		t.Run(test.name, func(t *testing.T) {
			algorithm, err := passwords.Identify(test.encoded)
			require.NoError(t, err)
			require.Equal(t, test.algorithm, algorithm)
			require.NoError(t, pool.Decodable(test.encoded))

			result, err := pool.Verify(t.Context(), test.password, test.encoded)
			require.NoError(t, err)
			require.Equal(t, passwords.Result{Match: true, Outdated: true}, result)

			for _, other := range []string{test.password + "x", test.password + " ", "L" + test.password, "password1"} {
				result, err = pool.Verify(t.Context(), other, test.encoded)
				require.NoError(t, err)
				require.Equal(t, passwords.Result{}, result, other)
			}
		})
	}
}

// A hash that was cut, extended or changed must be refused or must not match, without a panic.
func TestPool_Verify_RefusesDamagedHashes(t *testing.T) {
	pool := newPool(t, passwords.Options{
		Parameters:  passwords.FastParameters(),
		AllowLegacy: passwords.LegacyFormats(),
	})
	for _, test := range formats {
		t.Run(test.name, func(t *testing.T) {
			for _, encoded := range damaged(test.encoded) {
				result, err := pool.Verify(t.Context(), test.password, encoded)
				require.False(t, result.Match, encoded)
				if err != nil {
					require.ErrorIs(t, err, passwords.ErrUnsupportedHash, encoded)
				}
			}
		})
	}
}

func damaged(encoded string) []string {
	var all []string
	for i := range encoded {
		all = append(all, encoded[:i], encoded[:i]+"$"+encoded[i:], encoded[:i]+"\n"+encoded[i:])
	}
	return append(all, encoded+"=", encoded+"$", encoded+"A", " "+encoded, encoded+" ", encoded+"\x00", encoded+encoded)
}

func TestIdentify_UnsupportedHashes(t *testing.T) {
	const salt, key = "c29tZXNhbHQ", "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	pool := fastPool(t)
	for name, encoded := range map[string]string{
		"plain text":                     "hunter2hunter2",
		"one dollar":                     "$",
		"dollars":                        "$$$$$$$$",
		"unknown PHC":                    "$yescrypt$v=1$abc$def",
		"unknown Django":                 "crypt$$ab1Hv2Lg7ltQo",
		"sha512crypt":                    "$6$rounds=5000$salt$hash",
		"argon2d":                        "$argon2d$v=19$m=256,t=2,p=1$" + salt + "$" + key,
		"argon2 version 16":              "$argon2id$m=256,t=2,p=1$" + salt + "$" + key,
		"argon2 version 18":              "$argon2id$v=18$m=256,t=2,p=1$" + salt + "$" + key,
		"argon2 short salt":              "$argon2id$v=19$m=256,t=2,p=1$c2FsdA$" + key,
		"argon2 no salt":                 "$argon2id$v=19$m=256,t=2,p=1$$" + key,
		"argon2 short key":               "$argon2id$v=19$m=256,t=2,p=1$" + salt + "$c29tZXNhbHQ",
		"argon2 long key":                "$argon2id$v=19$m=256,t=2,p=1$" + salt + "$" + strings.Repeat("AAAA", 22),
		"argon2 no key":                  "$argon2id$v=19$m=256,t=2,p=1$" + salt + "$",
		"argon2 little memory":           "$argon2id$v=19$m=15,t=2,p=2$" + salt + "$" + key,
		"argon2 zero memory":             "$argon2id$v=19$m=0,t=2,p=1$" + salt + "$" + key,
		"argon2 zero passes":             "$argon2id$v=19$m=256,t=0,p=1$" + salt + "$" + key,
		"argon2 zero lanes":              "$argon2id$v=19$m=256,t=2,p=0$" + salt + "$" + key,
		"argon2 negative":                "$argon2id$v=19$m=-256,t=2,p=1$" + salt + "$" + key,
		"argon2 plus sign":               "$argon2id$v=19$m=+256,t=2,p=1$" + salt + "$" + key,
		"argon2 leading zero":            "$argon2id$v=19$m=0256,t=2,p=1$" + salt + "$" + key,
		"argon2 hexadecimal":             "$argon2id$v=19$m=0x100,t=2,p=1$" + salt + "$" + key,
		"argon2 other order":             "$argon2id$v=19$t=2,m=256,p=1$" + salt + "$" + key,
		"argon2 keyid":                   "$argon2id$v=19$m=256,t=2,p=1,keyid=AAAA$" + salt + "$" + key,
		"argon2 duplicate":               "$argon2id$v=19$m=256,t=2,p=1,p=1$" + salt + "$" + key,
		"argon2 padded base64":           "$argon2id$v=19$m=256,t=2,p=1$" + salt + "=$" + key,
		"argon2 URL base64":              "$argon2id$v=19$m=256,t=2,p=1$" + salt + "$" + strings.ReplaceAll(key, "/", "_"),
		"argon2 stray bits":              "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHR$" + key,
		"bcrypt 2x":                      "$2x$04$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG",
		"bcrypt 2":                       "$2$04$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG",
		"bcrypt cost 3":                  "$2b$03$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG",
		"bcrypt one digit":               "$2b$4$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtGG",
		"bcrypt wrong letter":            "$2b$04$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbt+",
		"Django bcrypt of other formats": "bcrypt$pbkdf2_sha256$1000$sea$DFcUeFQBFEISjJfRat4tpIx2nUzPESwOJWnw2UlU+ls=",
		"Django argon2 of other formats": "argon2$argon2$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q",
		"scrypt N not a power of two":    "scrypt$16383$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafQ=",
		"scrypt N of one":                "scrypt$1$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafQ=",
		"scrypt zero r":                  "scrypt$16384$seasalt$0$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafQ=",
		"scrypt ln 0":                    "$scrypt$ln=0,r=8,p=2$AAECAwQFBgcICQoLDA0ODw$" + key,
		"pbkdf2 zero iterations":         "pbkdf2_sha256$0$sea$DFcUeFQBFEISjJfRat4tpIx2nUzPESwOJWnw2UlU+ls=",
		"pbkdf2 without padding":         "pbkdf2_sha256$1000$sea$DFcUeFQBFEISjJfRat4tpIx2nUzPESwOJWnw2UlU+ls",
		"pbkdf2 wrong length":            "$pbkdf2-sha256$i=1000,l=31$AAECAwQFBgcICQoLDA0ODw$" + key,
		"pbkdf2 empty length":            "$pbkdf2-sha256$i=1000,$AAECAwQFBgcICQoLDA0ODw$" + key,
		"pbkdf2 of two blocks":           "$pbkdf2-sha256$i=1000$AAECAwQFBgcICQoLDA0ODw$" + strings.Repeat("AAAA", 16),
		"scrypt of 16 bytes":             "$scrypt$ln=10,r=8,p=2$AAECAwQFBgcICQoLDA0ODw$nyblWxGtqCO6tAJhyrwrgQ",
		"pbkdf2 PHC sha1":                "$pbkdf2-sha1$i=1000$AAECAwQFBgcICQoLDA0ODw$" + key,
		"md5 upper case":                 "md5$seasalt$3F86D0D3D465B7B458C231BF3555C0E3",
		"32 letters":                     strings.Repeat("z", 32),
		"a megabyte":                     strings.Repeat("$argon2id", 1<<17),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := passwords.Identify(encoded)
			require.ErrorIs(t, err, passwords.ErrUnsupportedHash)
			require.NotContains(t, err.Error(), encoded)
			require.ErrorIs(t, pool.Decodable(encoded), passwords.ErrUnsupportedHash)

			before := pool.Hashes()
			result, err := pool.Verify(t.Context(), "password", encoded)
			require.ErrorIs(t, err, passwords.ErrUnsupportedHash)
			require.Equal(t, passwords.Result{}, result)
			require.Equal(t, before+1, pool.Hashes())
		})
	}
}

// Computing any of these would take longer than the test may.
func TestIdentify_TooExpensiveHashes(t *testing.T) {
	const salt, key = "c29tZXNhbHQ", "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	const djangoKey = "DFcUeFQBFEISjJfRat4tpIx2nUzPESwOJWnw2UlU+ls="
	pool := fastPool(t)
	for name, encoded := range map[string]string{
		"argon2 256 MiB":            "$argon2id$v=19$m=262144,t=2,p=1$" + salt + "$" + key,
		"argon2 4 TiB":              "$argon2id$v=19$m=4294967295,t=1,p=1$" + salt + "$" + key,
		"argon2 beyond 64 bits":     "$argon2id$v=19$m=99999999999999999999,t=1,p=1$" + salt + "$" + key,
		"argon2 passes":             "$argon2id$v=19$m=8,t=1000000,p=1$" + salt + "$" + key,
		"argon2 memory and passes":  "$argon2id$v=19$m=131072,t=9,p=1$" + salt + "$" + key,
		"argon2 passes overflowing": "$argon2id$v=19$m=65536,t=65537,p=1$" + salt + "$" + key,
		"argon2 lanes":              "$argon2id$v=19$m=2048,t=1,p=255$" + salt + "$" + key,
		"Django argon2":             "argon2$argon2id$v=19$m=1048576,t=2,p=1$" + salt + "$" + key,
		"bcrypt":                    "$2b$16$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG",
		"bcrypt 31":                 "$2b$31$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG",
		"bcrypt 99":                 "$2b$99$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG",
		"Django bcrypt_sha256":      "bcrypt_sha256$$2b$31$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG",
		"scrypt ln":                 "$scrypt$ln=30,r=8,p=1$" + salt + "$" + key,
		"scrypt ln beyond 64 bits":  "$scrypt$ln=65,r=8,p=1$" + salt + "$" + key,
		"scrypt 256 MiB":            "$scrypt$ln=18,r=8,p=1$" + salt + "$" + key,
		"scrypt r":                  "$scrypt$ln=1,r=1073741823,p=1$" + salt + "$" + key,
		"scrypt p":                  "$scrypt$ln=10,r=8,p=17$" + salt + "$" + key,
		"scrypt N × r × p":          "$scrypt$ln=17,r=8,p=5$" + salt + "$" + key,
		"Django scrypt":             "scrypt$1073741824$seasalt$8$1$" + djangoKey,
		"Django scrypt r":           "scrypt$2$seasalt$1073741824$1$" + djangoKey,
		"Django pbkdf2":             "pbkdf2_sha256$4000001$sea$" + djangoKey,
		"Django pbkdf2 overflowing": "pbkdf2_sha1$18446744073709551616$sea$" + djangoKey,
		"passlib pbkdf2":            "$pbkdf2-sha512$4294967295$" + salt + "$" + key,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := passwords.Identify(encoded)
			require.ErrorIs(t, err, passwords.ErrHashTooExpensive)

			before := pool.Hashes()
			result, err := pool.Verify(t.Context(), "password", encoded)
			require.ErrorIs(t, err, passwords.ErrHashTooExpensive)
			require.Equal(t, passwords.Result{}, result)
			require.Equal(t, before+1, pool.Hashes())
		})
	}
}

// libxcrypt hashed the whole password, of which bcrypt uses the first 72 bytes.
func TestPool_Verify_NeverTruncatesForBcrypt(t *testing.T) {
	const first72 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	const encoded = "$2b$04$abcdefghijklmnopqrstuuRAip/W0RPQX4QKkqYqXE3GIXWH518Sm"
	pool := fastPool(t)
	for password, match := range map[string]bool{
		first72:           true,
		first72 + "tail":  false,
		first72 + "other": false,
		first72[:71]:      false,
	} {
		for _, stored := range []string{encoded, "bcrypt$" + encoded} {
			result, err := pool.Verify(t.Context(), password, stored)
			require.NoError(t, err)
			require.Equal(t, match, result.Match, password)
		}
	}
}

func TestPool_Verify_LegacyOnlyIfAllowed(t *testing.T) {
	for _, test := range formats {
		for _, allowed := range passwords.LegacyFormats() {
			pool := newPool(t, passwords.Options{
				Parameters:  passwords.FastParameters(),
				AllowLegacy: []string{allowed},
			})
			isLegacy := strings.Contains("md5 sha1 unsalted_md5 unsalted_sha1", test.algorithm)
			result, err := pool.Verify(t.Context(), test.password, test.encoded)
			if isLegacy && allowed != test.algorithm {
				require.ErrorIs(t, err, passwords.ErrUnsupportedHash, test.encoded)
				require.ErrorIs(t, pool.Decodable(test.encoded), passwords.ErrUnsupportedHash)
				require.False(t, result.Match)
			} else {
				require.NoError(t, err)
				require.True(t, result.Match)
			}
			require.EqualValues(t, passwords.CountForms(test.password), pool.Hashes())
		}
	}
}

func TestPool_Verify_DjangoVectors(t *testing.T) {
	var vectors struct {
		Published []struct{ Password, Encoded, Test string }
	}
	readJSON(t, "testdata/django/published_hashes.json", &vectors)
	require.NotEmpty(t, vectors.Published)
	pool := newPool(t, passwords.Options{
		Parameters:  passwords.FastParameters(),
		AllowLegacy: passwords.LegacyFormats(),
	})
	for _, vector := range vectors.Published {
		t.Run(vector.Test, func(t *testing.T) {
			t.Parallel()
			result, err := pool.Verify(t.Context(), vector.Password, vector.Encoded)
			if isObsolete(vector.Encoded) {
				require.ErrorIs(t, err, passwords.ErrUnsupportedHash)
				return
			}
			require.NoError(t, err)
			require.Equal(t, passwords.Result{Match: true, Outdated: true}, result)
		})
	}
}

// isObsolete reports whether the format is one that we do not read: DES crypt, or argon2 before version 19.
func isObsolete(encoded string) bool {
	return strings.HasPrefix(encoded, "crypt$") || strings.Contains(encoded, "argon2i$m=")
}

func TestPool_Verify_Argon2Vectors(t *testing.T) {
	type vector struct {
		Password, Encoded, Why string
		M                      int
	}
	var vectors struct{ Accept, Reject []vector }
	readJSON(t, "testdata/argon2/phc_vectors.json", &vectors)
	require.NotEmpty(t, vectors.Accept)
	require.NotEmpty(t, vectors.Reject)
	pool := fastPool(t)
	for _, vector := range vectors.Accept {
		t.Run(vector.Encoded, func(t *testing.T) {
			t.Parallel()
			result, err := pool.Verify(t.Context(), vector.Password, vector.Encoded)
			switch {
			case isObsolete(vector.Encoded):
				require.ErrorIs(t, err, passwords.ErrUnsupportedHash)
			case vector.M > 128*1024:
				require.ErrorIs(t, err, passwords.ErrHashTooExpensive)
			default:
				require.NoError(t, err)
				require.True(t, result.Match)
			}
		})
	}
	for _, vector := range vectors.Reject {
		t.Run(vector.Why, func(t *testing.T) {
			t.Parallel()
			result, _ := pool.Verify(t.Context(), vector.Password, vector.Encoded)
			require.False(t, result.Match)
		})
	}
}

func readJSON(t *testing.T, path string, value any) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, value))
}

// Django stores a real hash of the empty text for create_user(password=""), which is usual for social logins.
func TestPool_Verify_RefusesAnEmptyPasswordWhateverIsStored(t *testing.T) {
	t.Parallel()
	for name, encoded := range map[string]string{
		"nothing":       "",
		"unusable":      passwords.Unusable(),
		"pbkdf2":        "pbkdf2_sha256$1000$seasalt$XHfRVmyEZRTCcSbqGP00JKv0fRwYHK0ogjPZdSJxCXk=",
		"bcrypt":        "$2b$04$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq",
		"Django bcrypt": "bcrypt$$2b$04$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq",
		"scrypt":        "scrypt$2$seasalt$8$1$qVotyKnIEo1v70R2TXFdlXvplEubqvTay2H8f+a4h+BGYyS5bjU7vdaJIJNu4dS3G2hylAn5rbbLKWXFQPm8NA==",
		"md5":           "md5$seasalt$4b144f4ae05cfb6b0fe96d22626591c8",
		"sha1":          "sha1$seasalt$b2364b737d90ca7aab36cc321d38f5ce7bdba9fa",
		"unsalted md5":  "d41d8cd98f00b204e9800998ecf8427e",
	} {
		t.Run(name, func(t *testing.T) {
			pool := newPool(t, passwords.Options{Parameters: passwords.FastParameters(), AllowLegacy: passwords.LegacyFormats()})
			require.NoError(t, pool.Decodable(encoded))
			result, err := pool.Verify(t.Context(), "", encoded)
			require.NoError(t, err)
			require.Equal(t, passwords.Result{}, result)
			require.EqualValues(t, 1, pool.Hashes(), "it costs what a wrong password does")
		})
	}
	_, err := fastPool(t).Hash(t.Context(), "")
	require.ErrorIs(t, err, passwords.ErrPasswordEmpty)
}
