package models

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/google/uuid"

	"latchkey/tokens"
)

// AuthenticatedByDjango is the AuthMethod of a session that was opened by a token of a migrated Django project.
const AuthenticatedByDjango = "django"

// keepDjangoSessions is how long the row of such a session stays: as long as it is there, its token opens no other one.
const keepDjangoSessions = 2 * 365 * 24 * time.Hour

// AcceptDjangoToken returns the session of a user who presents an access token of Django: one for all of them, so that ending
// it ends them all, at until at the latest. Errors are ErrUserNotFound, ErrEmailUnverified where addresses have to be verified
// before a login, and those of SessionManager.Authenticated.
func (m *LoginManager) AcceptDjangoToken(
	ctx context.Context, token tokens.DjangoToken, until time.Time, from RequestInfo,
) (*Session, error) {
	until = until.UTC().Truncate(time.Microsecond)
	session, err := m.acceptForeign(ctx, token, Session{ID: djangoSessionID("user " + token.UserID), ExpiresAt: until}, from)
	if err == nil && session.User.hasEnded(token.IssuedAt) { // a newer token may have opened the session
		return nil, ErrSessionRevoked
	}
	return session, err
}

// ExchangeDjangoToken exchanges a token of Django for a session of its own and a refresh token. From then on the token is
// worth what one of our refresh tokens is that was redeemed once: presented again, it is a retry until its successor was used,
// and ends the session after that. Errors are those of AcceptDjangoToken and of SessionManager.Refresh.
func (m *LoginManager) ExchangeDjangoToken(
	ctx context.Context, token tokens.DjangoToken, from RequestInfo,
) (*SessionTokens, error) {
	id := djangoSessionID("token " + token.UserID + " " + token.ID)
	session, err := m.acceptForeign(ctx, token, Session{ID: id}, from)
	if err != nil {
		return nil, err
	}
	if token.Renewable && session.User.hasEnded(token.IssuedAt) { // clients renew by what they got here, and need it no more
		return nil, ErrSessionRevoked
	}
	return m.sessions.redeem(ctx, tokens.Handle{ID: id}, from)
}

// djangoSessionID returns the id of the session of a token, always the same.
func djangoSessionID(key string) uuid.UUID {
	return uuid.NewHash(sha256.New(), uuid.NameSpaceOID, []byte("latchkey/django/"+key), 8)
}

// acceptForeign reads the wanted session of a user's foreign token, or opens it the first time.
func (m *LoginManager) acceptForeign(
	ctx context.Context, token tokens.DjangoToken, wanted Session, from RequestInfo,
) (*Session, error) {
	user, err := m.users.ByLegacyID(ctx, token.UserID)
	if err != nil {
		return nil, err
	}
	session, err := m.sessions.live(m.store.DB(ctx), wanted.ID, m.store.Now())
	switch {
	case err == nil:
		return session, m.sessions.Touch(ctx, session)
	case session != nil || !errors.Is(err, ErrSessionExpired):
		return nil, err
	}
	wanted.UserID, wanted.AuthMethod = user.ID, AuthenticatedByDjango
	err = m.store.Transaction(ctx, func(tx Tx) error {
		if err := m.openForeign(tx, wanted, token.IssuedAt, from); err != nil {
			return err
		}
		session, err = m.sessions.live(tx.DB, wanted.ID, tx.Now)
		return err
	})
	return session, err
}

// openForeign opens a session for a token that was issued at this time, unless another request did.
func (m *LoginManager) openForeign(tx Tx, session Session, issuedAt time.Time, from RequestInfo) error {
	if err := m.users.adopt(tx, session.UserID, m.admission, issuedAt); err != nil {
		return err
	}
	session.RedeemedAt = &tx.Now
	return m.sessions.create(tx, &session, from)
}
