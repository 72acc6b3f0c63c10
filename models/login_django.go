package models

import (
	"context"
	"crypto/sha256"
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"latchkey/tokens"
)

// AuthenticatedByDjango is how a user came by a session who brought a token of the Django project that was here before.
const AuthenticatedByDjango = "django"

// keepAdopted is how long the row of an adopted session stays: as long as that is there, its token opens no other one.
const keepAdopted = 2 * 365 * 24 * time.Hour

// ByDjangoID finds an account, active or not, by the primary key that it had in Django; ErrUserNotFound if there is none.
func (m *UserManager) ByDjangoID(ctx context.Context, key string) (*User, error) {
	if legacy, err := strconv.ParseInt(key, 10, 64); err == nil {
		return m.take(ctx, "legacy_id = ?", legacy)
	}
	id, err := uuid.Parse(key)
	if err != nil {
		return nil, ErrUserNotFound
	}
	return m.take(ctx, "id = ?", id)
}

// ByUsername finds an account, active or not, by what it logged in with in Django instead of its email; ErrUserNotFound if
// there is none.
func (m *UserManager) ByUsername(ctx context.Context, username string) (*User, error) {
	return m.take(ctx, "legacy_username = ?", username)
}

// Adopt gives back the session of a user who brings an access token of Django: one for all of them, so that ending it ends
// them all, at until at the latest. Errors are ErrUserNotFound and those of Authenticated.
func (m *SessionManager) Adopt(
	ctx context.Context, token tokens.DjangoToken, until time.Time, client Client,
) (*Session, error) {
	return m.adopt(ctx, token.UserID, adoption{key: "user " + token.UserID, until: until, client: client})
}

// Exchange answers a token of Django with a session of its own and a refresh token. The token is from then on worth what
// a refresh token of ours is that was redeemed once: presented again, it is a retry until its successor was used, and
// ends the session after that. Errors are ErrUserNotFound and those of Refresh.
func (m *SessionManager) Exchange(ctx context.Context, token tokens.DjangoToken, client Client) (*Grant, error) {
	until := moment(m.now).Add(m.rules.Lifetime)
	exchanged := adoption{key: "token " + token.UserID + " " + token.ID, until: until, client: client}
	if _, err := m.adopt(ctx, token.UserID, exchanged); err != nil {
		return nil, err
	}
	for {
		grant, err := m.redeem(ctx, tokens.Parts{ID: exchanged.id()}, client)
		if !errors.Is(err, errLostRace) {
			return grant, err
		}
	}
}

// adoption is a session to be made of what Django issued. Its key names the session, always the same.
type adoption struct {
	key    string
	until  time.Time
	client Client
}

func (a adoption) id() uuid.UUID {
	return uuid.NewHash(sha256.New(), uuid.NameSpaceOID, []byte("latchkey/django/"+a.key), 8)
}

// adopt reads the session of an adoption, or opens it the first time.
func (m *SessionManager) adopt(ctx context.Context, userKey string, adopted adoption) (*Session, error) {
	user, err := m.users.ByDjangoID(ctx, userKey)
	if err != nil {
		return nil, err
	}
	now := moment(m.now)
	session, err := m.live(ctx, adopted.id(), now)
	switch {
	case session != nil && err == nil:
		return session, m.Touch(ctx, session)
	case session != nil || !errors.Is(err, ErrSessionExpired):
		return nil, err
	case !user.IsActive:
		return nil, ErrAccountInactive
	}
	err = m.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error { return m.openAdopted(tx, user, adopted) })
	if err != nil {
		return nil, err
	}
	return m.live(ctx, adopted.id(), now)
}

// openAdopted opens a session unless another request did. What Django issued is worth nothing any more once the user's
// password was changed here or the account disabled.
func (m *SessionManager) openAdopted(tx *gorm.DB, user *User, adopted adoption) error {
	now := moment(m.now)
	// As in open, this makes a change of the password wait or win.
	if err := m.users.Using(tx).recordLogin(tx.Statement.Context, user, now); errors.Is(err, ErrInvalidCredentials) {
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
	created := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&Session{
		ID: adopted.id(), UserID: user.ID, AuthMethod: AuthenticatedByDjango,
		UserAgent: shorten(adopted.client.UserAgent, 400), IP: shorten(adopted.client.IP, 45),
		CreatedAt: now, LastUsedAt: now, RedeemedAt: &now, ExpiresAt: adopted.until.UTC().Truncate(time.Microsecond),
	})
	if created.Error != nil || created.RowsAffected == 0 {
		return created.Error
	}
	event := AuditEvent{
		Kind: EventLoginSucceeded, ActorID: &user.ID, UserID: user.ID, SessionID: adopted.id(), Detail: DetailDjango,
	}
	return m.users.audit.record(tx, event, adopted.client)
}

// touchEvery is how exactly it is kept when a session was last used that is used without a refresh.
const touchEvery = time.Hour

// Touch keeps a session from ending for want of use. Its access tokens are renewed by what they are, not by a refresh
// token, as clients of djangorestframework-jwt do it.
func (m *SessionManager) Touch(ctx context.Context, session *Session) error {
	now := moment(m.now)
	if now.Sub(session.LastUsedAt) < touchEvery {
		return nil
	}
	session.LastUsedAt = now
	return m.db.WithContext(ctx).Model(&Session{}).Where("id = ? AND ended_at IS NULL", session.ID).
		Update("last_used_at", now).Error
}
