package controllers

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/tokens"
)

// JWKSMaxAge is how long a verifier may cache the responses of WellKnown. A key is published for longer before it signs.
const JWKSMaxAge = 5 * time.Minute

// WellKnown publishes what other services need to verify access tokens by themselves.
type WellKnown struct {
	keys   func() tokens.KeySet
	issuer string
	jwks   string
}

// NewWellKnown returns the controller of the published keys. It calls keys on each request. issuer is the iss of the tokens, and
// publicURL the origin at which this service is reached.
func NewWellKnown(keys func() tokens.KeySet, issuer, publicURL string) *WellKnown {
	return &WellKnown{keys: keys, issuer: issuer, jwks: publicURL + "/.well-known/jwks.json"}
}

// discoveryResponse has the metadata of OpenID Connect Discovery (section 3) that applies: this service does not authorize other
// apps, so there are no endpoints for that and no response types.
type discoveryResponse struct {
	Issuer        string             `json:"issuer"`
	JWKSURI       string             `json:"jwks_uri"`
	ResponseTypes []string           `json:"response_types_supported"`
	SubjectTypes  []string           `json:"subject_types_supported"`
	Algorithms    []tokens.Algorithm `json:"id_token_signing_alg_values_supported"`
}

// JWKS responds with the public keys (RFC 7517, section 5): the one that signs, the next one, and the retired ones whose tokens
// are still valid. Symmetric keys are not among them.
func (w *WellKnown) JWKS(c *gin.Context) error {
	allowCaching(c)
	c.JSON(http.StatusOK, w.keys().JWKS())
	return nil
}

// Discovery responds with the URL of the keys and their algorithms, which token-verifying libraries look up by issuer.
func (w *WellKnown) Discovery(c *gin.Context) error {
	algorithms := []tokens.Algorithm{}
	for _, key := range w.keys().JWKS().Keys {
		if !slices.Contains(algorithms, key.Algorithm) {
			algorithms = append(algorithms, key.Algorithm)
		}
	}
	allowCaching(c)
	c.JSON(http.StatusOK, discoveryResponse{
		Issuer: w.issuer, JWKSURI: w.jwks,
		ResponseTypes: []string{}, SubjectTypes: []string{"public"}, Algorithms: algorithms,
	})
	return nil
}

func allowCaching(c *gin.Context) {
	c.Header("Cache-Control", fmt.Sprintf("public, max-age=%d", int(JWKSMaxAge.Seconds())))
}
