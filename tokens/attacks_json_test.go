package tokens_test

import (
	"fmt"
	"strings"

	"latchkey/tokens"
)

// headerAttacks returns tokens signed with the right key, of which only the header is wrong.
func headerAttacks() []attack {
	es, stranger := fixtureKeys()[tokens.ES256], strangerKeys()[tokens.ES256]
	good, claims := goodHeader(es), goodClaims().String()
	jwks := must(tokens.NewKeySet(stranger.Key)).JWKS().Keys[0]
	embedded := fmt.Sprintf(`{"kty":"EC","crv":"P-256","x":%q,"y":%q}`, jwks.X, jwks.Y)
	attacks := []attack{
		{"its own key as jwk", stranger.sign(good.with("jwk", embedded).String(), claims), unsupported},
		{"its own key as jwk, its own kid",
			stranger.sign(goodHeader(stranger).with("jwk", embedded).String(), claims), unsupported},
		{"alg twice", es.sign(`{"alg":"ES256",`+good.String()[1:], claims), badHeader},
		{"alg none, then ES256", es.sign(`{"alg":"none",`+good.String()[1:], claims), badHeader},
		{"kid twice", es.sign(`{"kid":"x",`+good.String()[1:], claims), badHeader},
		{"typ twice", es.sign(`{"typ":"at+jwt",`+good.String()[1:], claims), badHeader},
		{"alg twice, once escaped", es.sign(`{"\u0061lg":"none",`+good.String()[1:], claims), badHeader},
		{"an unknown member twice", es.sign(`{"x":1,"x":2,`+good.String()[1:], claims), badHeader},
		{"a nested member twice", es.sign(`{"x":{"y":1,"y":2},`+good.String()[1:], claims), badHeader},
		{"ALG instead of alg", es.sign(good.with("alg", "", "ALG", `"ES256"`).String(), claims), otherAlg},
		{"Kid instead of kid", es.sign(good.with("kid", "", "Kid", quote(es.ID())).String(), claims), unknownKey},
		{"TYP instead of typ", es.sign(good.with("typ", "", "TYP", `"at+jwt"`).String(), claims), badType},
		{"two headers", es.sign(good.String()+good.String(), claims), badHeader},
		{"header followed by text", es.sign(good.String()+"x", claims), badHeader},
		{"header with a comment", es.sign("/**/"+good.String(), claims), badHeader},
		{"header with a trailing comma", es.sign(strings.TrimSuffix(good.String(), "}")+",}", claims), badHeader},
		{"header with a byte order mark", es.sign("\ufeff"+good.String(), claims), badHeader},
		{"header is null", es.sign("null", claims), unknownKey},
		{"header is an array", es.sign("["+good.String()+"]", claims), badHeader},
		{"header is a string", es.sign(quote(good.String()), claims), badHeader},
		{"header with invalid UTF-8", es.sign("{\"x\":\"\xff\","+good.String()[1:], claims), badHeader},
		{"header with a lone surrogate", es.sign(`{"x":"\ud800",`+good.String()[1:], claims), badHeader},
		{"header nested 3,000 deep", es.sign(strings.Repeat("[", 3000), claims), badHeader},
	}
	for name, values := range map[string][]string{
		"crit": {`["exp"]`, `["b64"]`, `["alg"]`, `[]`, `["x"]`, `null`, `"exp"`},
		"b64":  {"false", "true", "null", `"false"`},
		"cty":  {`"JWT"`, `"at+jwt"`, "null", `""`},
		"zip":  {`"DEF"`, "null", "1"},
		"jku":  {`"https://evil.example/keys"`, `"https://auth.example.com@evil.example/"`, `"file:///dev/null"`, `""`},
		"x5u":  {`"https://evil.example/cert.pem"`, "null"},
		"x5c":  {`["MIIB"]`, `[]`},
		"jwk":  {"{}", "null"},
	} {
		for _, value := range values {
			attacks = append(attacks, attack{
				name + " is " + value, es.sign(good.with(name, value).String(), claims), unsupported,
			})
		}
	}
	attacks = append(attacks, attack{"crit and b64 together",
		es.sign(good.with("crit", `["b64"]`, "b64", "false").String(), claims), unsupported})
	return attacks
}

func keyIDAttacks() []attack {
	es, stranger := fixtureKeys()[tokens.ES256], strangerKeys()[tokens.ES256]
	good, claims := goodHeader(es), goodClaims().String()
	attacks := []attack{
		{"kid missing", es.sign(good.with("kid", "").String(), claims), unknownKey},
		{"kid null", es.sign(good.with("kid", "null").String(), claims), unknownKey},
		{"kid a number", es.sign(good.with("kid", "0").String(), claims), badHeader},
		{"kid an array", es.sign(good.with("kid", "["+quote(es.ID())+"]").String(), claims), badHeader},
		{"kid an object", es.sign(good.with("kid", "{}").String(), claims), badHeader},
		{"kid of a stranger's key", stranger.sign(goodHeader(stranger).String(), claims), unknownKey},
		{"our kid, a stranger's signature", stranger.sign(good.String(), claims), badSignature},
		{"HMAC with an empty file as key", hmacSign(nil,
			good.with("alg", `"HS256"`, "kid", `"../../../../dev/null"`).String(), claims), unknownKey},
	}
	for _, kid := range []string{
		"", " ", "0", "*", "%", ".", es.ID() + " ", " " + es.ID(), es.ID() + "\x00", es.ID()[:42],
		strings.ToUpper(es.ID()),
		"../../../../../../dev/null", "/dev/null", `..\..\windows\win.ini`, "file:///etc/passwd", "keys/" + es.ID(),
		"' OR '1'='1", "x' UNION SELECT 'secret' -- ", `"; DROP TABLE keys; --`, "$(id)", "`id`", "| id",
		"{{7*7}}", "${jndi:ldap://x}",
		strings.Repeat("k", 4000),
	} {
		name := fmt.Sprintf("kid %.60q", kid)
		attacks = append(attacks, attack{name, es.sign(good.with("kid", quote(kid)).String(), claims), unknownKey})
	}
	return attacks
}

func typeAttacks() []attack {
	es := fixtureKeys()[tokens.ES256]
	good, claims := goodHeader(es), goodClaims().String()
	attacks := []attack{
		{"typ missing", es.sign(good.with("typ", "").String(), claims), badType},
		{"typ null", es.sign(good.with("typ", "null").String(), claims), badType},
		{"typ a number", es.sign(good.with("typ", "1").String(), claims), badHeader},
		{"typ an array", es.sign(good.with("typ", `["at+jwt"]`).String(), claims), badHeader},
	}
	for _, name := range []string{
		"", "JWT", "jwt", "at", "at+jwt ", " at+jwt", "at+jwt;v=1", "at+jwt\u0000", "at+jws", "application/jwt",
		"text/at+jwt", "application/application/at+jwt", "application/", "application/ at+jwt", "applİcation/at+jwt",
		"id+jwt", "refresh+jwt", "rt+jwt", "logout+jwt", "dpop+jwt", "secevent+jwt",
	} {
		attacks = append(attacks, attack{
			fmt.Sprintf("typ %q", name), es.sign(good.with("typ", quote(name)).String(), claims), badType,
		})
	}
	return attacks
}

// claimAttacks returns tokens signed with the right key, of which only the claims are wrong.
func claimAttacks() []attack {
	es := fixtureKeys()[tokens.ES256]
	signed := func(claims string) string { return es.sign(goodHeader(es).String(), claims) }
	good := goodClaims()
	attacks := []attack{
		{"claims are null", signed("null"), "iss"},
		{"claims are empty", signed("{}"), "iss"},
		{"claims are no bytes", signed(""), badClaims},
		{"claims are an array", signed("[" + good.String() + "]"), badClaims},
		{"claims are a string", signed(quote(good.String())), badClaims},
		{"claims are not JSON", signed("sub=ann"), badClaims},
		{"claims followed by text", signed(good.String() + "x"), badClaims},
		{"claims twice", signed(good.String() + good.String()), badClaims},
		{"claims with invalid UTF-8", signed("{\"x\":\"\xc3\x28\"," + good.String()[1:]), badClaims},
		{"claims with a lone surrogate", signed(`{"sid":"\udfff",` + good.String()[1:]), badClaims},
		{"sub twice, once escaped", signed(`{"\u0073ub":"root",` + good.String()[1:]), badClaims},
		{"an unknown claim twice", signed(`{"x":1,"x":1,` + good.String()[1:]), badClaims},
		{"Sub instead of sub", signed(good.with("sub", "", "Sub", `"ann"`).String()), "sub"},
		{"EXP instead of exp", signed(good.with("exp", "", "EXP", "1772366700").String()), "exp"},
	}
	for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "nbf", "jti"} {
		attacks = append(attacks, attack{
			name + " twice", signed("{" + quote(name) + ":" + good[name] + "," + good.String()[1:]), badClaims,
		})
	}
	for _, wrong := range []struct{ name, value, reason string }{
		{"iss", "", "iss"}, {"iss", "null", "iss"}, {"iss", `""`, "iss"},
		{"iss", `"https://evil.example"`, "iss"}, {"iss", quote(issuer + "/"), "iss"},
		{"iss", quote(strings.ToUpper(issuer)), "iss"}, {"iss", quote(" " + issuer), "iss"},
		{"iss", "[" + quote(issuer) + "]", badClaims}, {"iss", "1", badClaims},
		{"aud", "", "aud"}, {"aud", "null", "aud"}, {"aud", `""`, "aud"},
		{"aud", "[]", "aud"}, {"aud", `[""]`, "aud"}, {"aud", "[null]", "aud"}, {"aud", `["a","b"]`, "aud"},
		{"aud", "[" + quote(audience) + `,""]`, "aud"}, {"aud", "[" + quote(audience) + ",null]", "aud"},
		{"aud", "[" + quote(audience) + ",1]", badClaims}, {"aud", "[[" + quote(audience) + "]]", badClaims},
		{"aud", "{" + quote(audience) + ":true}", badClaims}, {"aud", "true", badClaims}, {"aud", "0", badClaims},
		{"aud", quote(audience + "/"), "aud"}, {"aud", quote(strings.ToUpper(audience)), "aud"},
		{"aud", quote("x " + audience), "aud"}, {"aud", quote(issuer), "aud"},
		{"sub", "", "sub"}, {"sub", "null", "sub"}, {"sub", `""`, "sub"},
		{"sub", "1", badClaims}, {"sub", `["ann"]`, badClaims},
		{"jti", "", "jti"}, {"jti", "null", "jti"}, {"jti", `""`, "jti"}, {"jti", "7", badClaims},
		{"sid", "7", badClaims}, {"sid", `["x"]`, badClaims},
	} {
		name := fmt.Sprintf("%s is %s", wrong.name, strings.Replace(wrong.value, " ", "␠", 1))
		attacks = append(attacks, attack{name, signed(good.with(wrong.name, wrong.value).String()), wrong.reason})
	}
	return attacks
}

func timeAttacks() []attack {
	es, stranger := fixtureKeys()[tokens.ES256], strangerKeys()[tokens.ES256]
	header, good := goodHeader(es).String(), goodClaims()
	expired := good.with("exp", "1000000000", "iat", "999999000", "nbf", "999999000")
	attacks := []attack{
		{"exp missing", es.sign(header, good.with("exp", "").String()), "exp"},
		{"exp a fraction above zero", es.sign(header, good.with("exp", "0.9").String()), "exp"},
		{"iat missing", es.sign(header, good.with("iat", "").String()), "iat"},
		{"iat zero", es.sign(header, good.with("iat", "0").String()), "iat"},
		{"iat a second past the leeway", es.sign(header, good.with("iat", "1772366431").String()), "iat"},
		{"nbf a second past the leeway", es.sign(header, good.with("nbf", "1772366431").String()), "nbf"},
		{"nbf far in the future", es.sign(header, good.with("nbf", "4102444800").String()), "nbf"},
		{"iat far in the future", es.sign(header, good.with("iat", "4102444800").String()), "iat"},
		{"expired, by a stranger", stranger.sign(header, expired.String()), badSignature},
		{"expired, of a stranger's kid", stranger.sign(goodHeader(stranger).String(), expired.String()), unknownKey},
		{"expired, unsigned",
			base64URL([]byte(header)) + "." + base64URL([]byte(expired.String())) + ".", badSignature},
		{"expired, wrong typ", es.sign(goodHeader(es).with("typ", `"JWT"`).String(), expired.String()), badType},
		{"expired, another issuer", es.sign(header, expired.with("iss", `"x"`).String()), "iss"},
		{"expired, another audience", es.sign(header, expired.with("aud", `"x"`).String()), "aud"},
		{"expired, no sub", es.sign(header, expired.with("sub", "").String()), "sub"},
		{"expired, no jti", es.sign(header, expired.with("jti", "").String()), "jti"},
		{"expired, not yet valid", es.sign(header, expired.with("nbf", "4102444800").String()), "nbf"},
		{"expired, from the future", es.sign(header, expired.with("iat", "4102444800").String()), "iat"},
		{"expired, crit", es.sign(goodHeader(es).with("crit", `["x"]`).String(), expired.String()), unsupported},
	}
	for _, name := range []string{"exp", "iat", "nbf"} {
		for _, value := range []string{
			"null", `"1772366700"`, `"never"`, `""`, "-1", "-1772366700", "1e999", "1e300", "253402300800",
			"18446744073709551616", "9223372036854775808", "NaN", "Infinity", "0x69a42b2c", "01772366700", "true",
			"[1772366700]", `{"s":1772366700}`,
		} {
			// Joined by hand: some of these are not JSON.
			claims := `{"` + name + `":` + value + "," + good.with(name, "").String()[1:]
			attacks = append(attacks, attack{name + " " + value, es.sign(header, claims), badClaims})
		}
	}
	for _, value := range []string{"0", "0.0", "-0", "0e5", "1e-9"} {
		attacks = append(attacks, attack{"exp " + value, es.sign(header, good.with("exp", value).String()), "exp"})
	}
	return attacks
}
