package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

// Claims is what this service reads of an access token (RFC 9068).
type Claims struct {
	jwt.RegisteredClaims
	SessionID string   `json:"sid"`
	Roles     []string `json:"roles"`
}

// Verifier checks access tokens with the issuer's published keys. It fetches them again at each interval, and when a
// token names one that it has not seen, at most once in ten seconds.
type Verifier struct {
	keys   keyfunc.Keyfunc
	parser *jwt.Parser
}

// NewVerifier finds the keys of issuer and waits, until ctx ends, for an issuer that is not up yet.
func NewVerifier(ctx context.Context, issuer, audience string, interval time.Duration) (*Verifier, error) {
	address, err := waitForDiscovery(ctx, issuer)
	if err != nil {
		return nil, err
	}
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{address}, keyfunc.Override{
		HTTPTimeout:       5 * time.Second,
		RefreshInterval:   interval,
		RefreshUnknownKID: rate.NewLimiter(rate.Every(10*time.Second), 1),
		RateLimitWaitMax:  time.Second,
	})
	if err != nil {
		return nil, fmt.Errorf("the keys at %s: %w", address, err)
	}
	return &Verifier{keys: keys, parser: jwt.NewParser(
		jwt.WithValidMethods([]string{"ES256", "EdDSA", "RS256"}), // never a symmetric one: a public key is no secret
		jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired(), jwt.WithLeeway(5*time.Second),
		jwt.WithStrictDecoding(),
	)}, nil
}

func waitForDiscovery(ctx context.Context, issuer string) (address string, err error) {
	for {
		address, err := discover(ctx, issuer)
		if err == nil {
			return address, nil
		}
		log.Printf("waiting for %s: %v", issuer, err)
		select {
		case <-ctx.Done():
			return "", err
		case <-time.After(time.Second):
		}
	}
}

// discover asks the issuer where its keys are (OpenID Connect Discovery, section 4).
func discover(ctx context.Context, issuer string) (address string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, issuer+"/.well-known/openid-configuration", http.NoBody)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var document struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&document); err != nil {
		return "", fmt.Errorf("the discovery document: %w", err)
	}
	if document.Issuer != issuer {
		return "", fmt.Errorf("it calls itself %q: set LATCHKEY_ISSUER to that", document.Issuer)
	}
	return document.JWKSURI, nil
}

// Authenticate lets a request pass that has a valid access token, and keeps its claims.
func (v *Verifier) Authenticate(c *gin.Context) {
	scheme, text, _ := strings.Cut(c.GetHeader("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || text == "" {
		refuse(c, http.StatusUnauthorized, `Bearer realm="protected-service"`, "credentials_missing")
		return
	}
	var found Claims
	token, err := v.parser.ParseWithClaims(text, &found, v.keys.KeyfuncCtx(c.Request.Context()))
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		refuse(c, http.StatusUnauthorized, `Bearer error="invalid_token", error_description="The access token expired"`, "token_expired")
	case err != nil || token.Header["typ"] != "at+jwt":
		refuse(c, http.StatusUnauthorized, `Bearer error="invalid_token", error_description="The access token is invalid"`, "token_invalid")
	default:
		c.Set("claims", &found)
		c.Next()
	}
}

// RequireRole lets a request pass whose token has the role.
func RequireRole(role string) gin.HandlerFunc {
	return func(c *gin.Context) {
		if !slices.Contains(claims(c).Roles, role) {
			refuse(c, http.StatusForbidden, `Bearer error="insufficient_scope"`, "role_missing")
		}
	}
}

func claims(c *gin.Context) *Claims { return c.MustGet("claims").(*Claims) }

func refuse(c *gin.Context, status int, challenge, code string) {
	c.Header("WWW-Authenticate", challenge)
	c.AbortWithStatusJSON(status, gin.H{"code": code})
}
