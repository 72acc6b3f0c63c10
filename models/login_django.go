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
// it ends them all, at until at the latest. Errors are ErrUserNotFound and those of SessionManager.Authenticated.
func (m *LoginManager) AcceptDjangoToken(
	ctx context.Context, token tokens.DjangoToken, until time.Time, from RequestInfo,
) (*Session, error) {
	until = until.UTC().Truncate(time.Microsecond)
	return m.acceptForeign(ctx, token.UserID, Session{ID: djangoSessionID("user " + token.UserID), ExpiresAt: until}, from)
}

// ExchangeDjangoToken exchanges a token of Django for a session of its own and a refresh token. From then on the token is
// worth what one of our refresh tokens is that was redeemed once: presented again, it is a retry until its successor was used,
// and ends the session after that. Errors are ErrUserNotFound and those of SessionManager.Refresh.
func (m *LoginManager) ExchangeDjangoToken(
	ctx context.Context, token tokens.DjangoToken, from RequestInfo,
) (*SessionTokens, error) {
	id := djangoSessionID("token " + token.UserID + " " + token.ID)
	if _, err := m.acceptForeign(ctx, token.UserID, Session{ID: id}, from); err != nil {
		return nil, err
	}
	return m.sessions.redeem(ctx, tokens.Handle{ID: id}, from)
}

// djangoSessionID returns the id of the session of a token, always the same.
func djangoSessionID(key string) uuid.UUID {
	return uuid.NewHash(sha256.New(), uuid.NameSpaceOID, []byte("latchkey/django/"+key), 8)
}

// acceptForeign reads the wanted session of a user's foreign token, or opens it the first time.
func (m *LoginManager) acceptForeign(ctx context.Context, userKey string, wanted Session, from RequestInfo) (*Session, error) {
	user, err := m.users.ByLegacyID(ctx, userKey)
	if err != nil {
		return nil, err
	}
	now := m.store.Now()
	session, err := m.sessions.live(m.store.DB(ctx), wanted.ID, now)
	switch {
	case err == nil:
		return session, m.sessions.Touch(ctx, session)
	case session != nil || !errors.Is(err, ErrSessionExpired):
		return nil, err
	case !user.IsActive:
		return nil, ErrAccountInactive
	}
	err = m.store.Transaction(ctx, func(tx Tx) error {
		if err := m.openForeign(tx, user, wanted, from); err != nil {
			return err
		}
		session, err = m.sessions.live(tx.DB, wanted.ID, now)
		return err
	})
	return session, err
}

// openForeign opens a session unless another request did. What another system issued is worth nothing any more once the
// user's password was changed here or the account disabled.
func (m *LoginManager) openForeign(tx Tx, user *User, session Session, from RequestInfo) error {
	// As in open, this makes a change of the password wait or win.
	if err := m.users.recordLogin(tx, user); errors.Is(err, ErrInvalidCredentials) {
		return ErrSessionRevoked
	} else if err != nil {
		return err
	}
	var changes int64
	err := tx.Model(&AuditEvent{}).Where("user_id = ? AND detail <> ? AND kind IN ?", user.ID, DetailImported,
		[]string{EventPasswordChanged, EventAccountDisabled}).Count(&changes).Error
	if err != nil {
		return err
	}
	if changes > 0 {
		return ErrSessionRevoked
	}
	session.UserID, session.AuthMethod, session.RedeemedAt = user.ID, AuthenticatedByDjango, &tx.Now
	return m.sessions.create(tx, &session, from)
}
