package tokens

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxTokenLength is in bytes. Our tokens have less than 1 KiB; refusing a longer one costs only this comparison.
const maxTokenLength = 8 << 10

var errNotBase64URL = errors.New("not unpadded base64url")

// joseHeader is the complete header of our tokens (RFC 7515, section 4.1).
type joseHeader struct {
	Algorithm Algorithm `json:"alg"`
	KeyID     string    `json:"kid"`
	Type      string    `json:"typ"`
}

// unsupportedHeader holds the members by which a token would bring its own key or change how it is to be read (RFC 8725,
// sections 3.10 and 3.11; RFC 7797; RFC 7516, section 4.1.3), or say that its payload is another token (RFC 7519, section 5.2).
// We support none of these extensions, so each is refused, whatever its value.
type unsupportedHeader struct {
	Critical jsontext.Value `json:"crit"`
	Base64   jsontext.Value `json:"b64"`
	KeySetAt jsontext.Value `json:"jku"`
	Key      jsontext.Value `json:"jwk"`
	ChainAt  jsontext.Value `json:"x5u"`
	Chain    jsontext.Value `json:"x5c"`
	Content  jsontext.Value `json:"cty"`
	Zip      jsontext.Value `json:"zip"`
}

func (u unsupportedHeader) present() bool {
	return len(u.Critical)+len(u.Base64)+len(u.KeySetAt)+len(u.Key)+len(u.ChainAt)+len(u.Chain)+len(u.Content)+len(u.Zip) > 0
}

// signJWS returns the compact serialisation (RFC 7515, section 3.1) of a payload, signed with key and with tokenType as typ.
func signJWS(key Key, tokenType string, payload []byte) (string, error) {
	header, err := json.Marshal(joseHeader{Algorithm: key.algorithm, KeyID: key.id, Type: tokenType})
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode(header) + "." + encode(payload)
	signature, err := key.sign(signed)
	if err != nil {
		return "", err
	}
	return signed + "." + encode(signature), nil
}

// verifyJWS returns the header and payload of a compact serialisation that is signed with the key named by its kid and
// with that key's algorithm. Otherwise it fails with ErrTokenInvalid. The caller has to check the type and the payload.
func verifyJWS(token string, lookup func(kid string) (Key, bool)) (joseHeader, []byte, error) {
	if len(token) > maxTokenLength {
		return joseHeader{}, nil, invalid("longer than 8 KiB")
	}
	parts := strings.SplitN(token, ".", 4)
	if len(parts) != 3 {
		return joseHeader{}, nil, invalid("not three parts")
	}
	header, err := parseHeader(parts[0])
	if err != nil {
		return joseHeader{}, nil, err
	}
	payload, payloadErr := decodeBase64URL(parts[1])
	signature, signatureErr := decodeBase64URL(parts[2])
	if payloadErr != nil || signatureErr != nil {
		return joseHeader{}, nil, invalid("payload or signature is not unpadded base64url")
	}
	key, ok := lookup(header.KeyID)
	if !ok {
		return joseHeader{}, nil, invalid("no key has this kid")
	}
	// Before the signature, as RFC 8725, section 3.1 requires: the key decides the algorithm, never the token.
	if header.Algorithm != key.algorithm {
		return joseHeader{}, nil, invalid("alg is not the key's")
	}
	if err := key.verify(token[:strings.LastIndexByte(token, '.')], signature); err != nil {
		return joseHeader{}, nil, invalid("signature does not match")
	}
	return header, payload, nil
}

func parseHeader(part string) (joseHeader, error) {
	text, err := decodeBase64URL(part)
	if err != nil {
		return joseHeader{}, invalid("header is not unpadded base64url")
	}
	var header struct {
		joseHeader
		unsupportedHeader
	}
	// This json package refuses duplicate names and invalid UTF-8, and is case-sensitive (RFC 7515, section 4).
	if err := json.Unmarshal(text, &header); err != nil {
		return joseHeader{}, invalid("header is not a JSON object of distinct, well-typed members")
	}
	if header.unsupportedHeader.present() {
		return joseHeader{}, invalid("header contains crit, b64, jku, jwk, x5u, x5c, cty or zip")
	}
	return header.joseHeader, nil
}

// decodeBase64URL accepts only the canonical spelling. The standard decoder skips line breaks even if it is strict.
func decodeBase64URL(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, errNotBase64URL
	}
	return base64.RawURLEncoding.Strict().DecodeString(text)
}
