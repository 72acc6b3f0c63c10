package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

const (
	retryInterval      = time.Second     // between attempts to reach an issuer that is not up yet
	unknownKeyInterval = 5 * time.Second // between fetches for tokens that name an unknown key
	fetchTimeout       = 10 * time.Second
	leeway             = 5 * time.Second // the tolerated difference between our clock and the issuer's
	maxDiscoveryBytes  = 1 << 20
)

var (
	errNoToken     = errors.New("there is no access token in the Authorization header")
	errNoKeys      = errors.New("the issuer's keys have not been fetched yet")
	errNotAnAccess = errors.New("the token is not an access token")
)

// VerifierOptions configures a Verifier. Issuer and Audience are compared exactly with iss and aud; Refresh is the interval
// at which the keys are fetched again.
type VerifierOptions struct {
	Issuer   string
	Audience string
	Refresh  time.Duration
	Now      func() time.Time
}

// Verifier checks Latchkey's access tokens (RFC 9068) with the keys that Latchkey publishes.
type Verifier struct {
	options VerifierOptions
	parser  *jwt.Parser
	keys    atomic.Pointer[keyfunc.Keyfunc]
}

// Claims holds the claims of an access token.
type Claims struct {
	jwt.RegisteredClaims
	SessionID string   `json:"sid"`
	Roles     []string `json:"roles"`
}

// NewVerifier returns a verifier, which has no keys until Run has fetched them.
func NewVerifier(options VerifierOptions) *Verifier {
	return &Verifier{options: options, parser: jwt.NewParser(
		// Never HS256, for which the public key would be the secret, and never just what the token's alg names.
		jwt.WithValidMethods([]string{"ES256", "EdDSA", "RS256"}),
		jwt.WithIssuer(options.Issuer),
		jwt.WithAudience(options.Audience),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(leeway),
		jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(options.Now),
	)}
}

// Run fetches the issuer's keys, retries until that succeeds, and keeps them fresh until ctx ends.
func (v *Verifier) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := v.follow(ctx); err != nil {
			slog.WarnContext(ctx, "fetching the issuer's keys failed; trying again", "issuer", v.options.Issuer, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(retryInterval):
		}
	}
}

// follow fetches the keys, and again at every refresh interval until ctx ends. It returns an error if the first fetch fails.
func (v *Verifier) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	address, err := v.discover(ctx)
	if err != nil {
		return err
	}
	failAtOnce := false
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{address}, keyfunc.Override{
		HTTPTimeout:               fetchTimeout,
		NoErrorReturnFirstHTTPReq: &failAtOnce,
		RefreshInterval:           v.options.Refresh,
		// A key that signs before the next refresh is fetched at its first use. The limits keep invented key ids from
		// flooding the issuer, and from holding up a request for longer than this.
		RefreshUnknownKID: rate.NewLimiter(rate.Every(unknownKeyInterval), 1),
		RateLimitWaitMax:  time.Second,
	})
	if err != nil {
		return err
	}
	v.keys.Store(&keys)
	<-ctx.Done()
	return nil
}

// discover returns the URL of the issuer's keys (OpenID Connect Discovery, section 4).
func (v *Verifier) discover(ctx context.Context) (jwksURI string, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	address := v.options.Issuer + "/.well-known/openid-configuration"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s responds with %s", address, response.Status)
	}
	var found struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxDiscoveryBytes)).Decode(&found); err != nil {
		return "", fmt.Errorf("%s: %w", address, err)
	}
	if found.Issuer != v.options.Issuer {
		return "", fmt.Errorf("%s names the issuer %q; LATCHKEY_ISSUER has to be the same", address, found.Issuer)
	}
	return found.JWKSURI, nil
}

// Verify returns the claims of a token that the issuer signed for our audience and that is valid now. It fails with errNoKeys
// before the first fetch, jwt.ErrTokenExpired, or another error for any other invalid token.
func (v *Verifier) Verify(ctx context.Context, token string) (Claims, error) {
	keys := v.keys.Load()
	if keys == nil {
		return Claims{}, errNoKeys
	}
	var claims Claims
	_, err := v.parser.ParseWithClaims(token, &claims, func(parsed *jwt.Token) (any, error) {
		if !isAccessToken(parsed.Header) {
			return nil, errNotAnAccess
		}
		return (*keys).KeyfuncCtx(ctx)(parsed)
	})
	return claims, err
}

// isAccessToken reports whether a header is that of an access token: by typ, which the issuer's other JWTs do not have, with
// a key id, and without critical extensions (RFC 7515, section 4.1.11). The parser checks none of these.
func isAccessToken(header map[string]any) bool {
	typ, _ := header["typ"].(string)
	kid, _ := header["kid"].(string)
	_, critical := header["crit"]
	return strings.EqualFold(typ, "at+jwt") && kid != "" && !critical
}

const userKey = "user"

// Authenticate returns middleware that requires a valid access token, whose claims User returns.
func Authenticate(verifier *Verifier) gin.HandlerFunc {
	return func(c *gin.Context) {
		scheme, token, _ := strings.Cut(c.GetHeader("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") || token == "" {
			refuse(c, errNoToken)
			return
		}
		claims, err := verifier.Verify(c.Request.Context(), token)
		if err != nil {
			refuse(c, err)
			return
		}
		c.Set(userKey, claims)
	}
}

// User returns the claims of the request's token. It panics on routes without Authenticate.
func User(c *gin.Context) Claims { return c.MustGet(userKey).(Claims) }

// RequireRole returns middleware that requires a role of the user, as of when the token was issued.
func RequireRole(role string) gin.HandlerFunc {
	return func(c *gin.Context) {
		if !slices.Contains(User(c).Roles, role) {
			c.Header("WWW-Authenticate", `Bearer error="insufficient_scope"`)
			respond(c, problem{http.StatusForbidden, "permission_denied", "This requires the role " + role + "."})
		}
	}
}

// refuse responds to a request without a valid token (RFC 6750, section 3).
func refuse(c *gin.Context, err error) {
	switch {
	case errors.Is(err, errNoKeys): // not a 401, at which the app would discard a valid token
		c.Header("Retry-After", "1")
		respond(c, problem{http.StatusServiceUnavailable, "not_ready", "Tokens can't be verified yet. Try again in a moment."})
	case errors.Is(err, errNoToken):
		c.Header("WWW-Authenticate", "Bearer")
		respond(c, problem{http.StatusUnauthorized, "credentials_missing", "Send the access token: Authorization: Bearer …"})
	case errors.Is(err, jwt.ErrTokenExpired):
		c.Header("WWW-Authenticate", `Bearer error="invalid_token", error_description="The access token expired"`)
		respond(c, problem{http.StatusUnauthorized, "token_expired", "The access token has expired. Get a new one with the refresh token."})
	default:
		slog.InfoContext(c.Request.Context(), "token refused", "reason", err)
		c.Header("WWW-Authenticate", `Bearer error="invalid_token", error_description="The access token is invalid"`)
		respond(c, problem{http.StatusUnauthorized, "token_invalid", "The access token is not valid here."})
	}
}

// problem is the body of an error response, like Latchkey's own: apps branch on code.
type problem struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func respond(c *gin.Context, p problem) {
	c.Header("Content-Type", "application/problem+json")
	c.AbortWithStatusJSON(p.Status, p)
}
