package server

import (
	"log/slog"
	"sync"

	"latchkey/config"
	"latchkey/tokens"
)

func newAccessTokens(settings config.Settings, keys func() tokens.KeySet, with Resources) *tokens.AccessTokens {
	jwt := settings.JWT
	if settings.Database.IsPostgres() && settings.Server.IsLocal() && jwt.Issuer == settings.Server.PublicURL {
		with.Log.Warn("PUBLIC_URL is not set: replicas at other addresses refuse the tokens of this one, which name its own address",
			"issuer", jwt.Issuer)
	}
	return tokens.NewAccessTokens(keys, tokens.AccessTokenOptions{
		Issuer: jwt.Issuer, Audience: jwt.Audience,
		Lifetime: jwt.ExpirationDelta, Leeway: jwt.Leeway, Jitter: jwt.Jitter,
		OtherIssuer: warnOfOtherIssuer(jwt.Issuer, with.Log),
	}, with.Now)
}

// warnOfOtherIssuer returns a function that logs the first of the issuers that it is called with: replicas that share their keys
// and not their issuer refuse each other's tokens, and the client learns no more than that its token is invalid.
func warnOfOtherIssuer(ours string, log *slog.Logger) func(issuer string) {
	var once sync.Once
	return func(issuer string) {
		once.Do(func() {
			log.Warn("a token that our own key signed is refused, because another issuer stands in it: "+
				"set the same PUBLIC_URL, and JWT_ISSUER if you use it, on every replica",
				"issuer", ours, "token_issuer", issuer)
		})
	}
}
