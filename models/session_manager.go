package models

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"latchkey/tokens"
)

var (
	// ErrRefreshTokenInvalid means that a text is not a refresh token of ours.
	ErrRefreshTokenInvalid = errors.New("the refresh token is not valid")
	// ErrRefreshTokenReused means that a refresh token came back after its successor had been used: two hold it. Its
	// session has been ended.
	ErrRefreshTokenReused = errors.New("the refresh token was used before; its session has been ended")
	// ErrSessionExpired means that a session was not used for too long, is too old, or is gone with its user.
	ErrSessionExpired = errors.New("the session has expired")
	// ErrSessionRevoked means that a session was ended, by logging out or otherwise.
	ErrSessionRevoked = errors.New("the session has been ended")
	// ErrDeletionAsked comes with ErrSessionRevoked for a session that ended because its account is to be deleted.
	ErrDeletionAsked = errors.New("the account is to be deleted")
	// ErrSessionNotFound means that the user has no live session of this id.
	ErrSessionNotFound = errors.New("the user has no such session")
)

// SessionRules say how long sessions live. A session ends when it was not refreshed for Idle, and in any case Lifetime
// after it began. For Grace after a refresh, the same refresh token gets the same successor again.
type SessionRules struct {
	Idle     time.Duration
	Lifetime time.Duration
	Grace    time.Duration
}

// SessionTokens is what a client gets when its session is opened or refreshed.
type SessionTokens struct {
	User             *User
	Session          *Session
	RefreshToken     string
	RefreshExpiresIn time.Duration
	DeviceToken      string // only of a login
	WasAhead         bool   // the refresh token was ahead of its session: the database went back
}

// SessionManager opens, refreshes and ends sessions.
type SessionManager struct {
	store   Store
	refresh *tokens.Codec
	rules   SessionRules
}

// NewSessionManager makes a manager that makes refresh tokens with refresh.
func NewSessionManager(store Store, refresh *tokens.Codec, rules SessionRules) *SessionManager {
	return &SessionManager{store: store, refresh: refresh, rules: rules}
}

// create stores a session that its caller has named, and records the login. It lasts for the lifetime of the rules where its
// caller has not said how long. If a token of Django's has opened this session already, nothing happens.
func (m *SessionManager) create(tx Tx, session *Session, from RequestInfo) error {
	session.ClientName, session.UserAgent = shorten(from.ClientName, 100), shorten(from.UserAgent, 400)
	session.IP = shorten(from.IP, 45)
	session.CreatedAt, session.LastUsedAt = tx.Now, tx.Now
	if session.ExpiresAt.IsZero() {
		session.ExpiresAt = tx.Now.Add(m.rules.Lifetime)
	}
	insert := tx.DB
	if session.AuthMethod == AuthenticatedByDjango {
		insert = tx.Clauses(clause.OnConflict{DoNothing: true})
	}
	created := insert.Create(session)
	if created.Error != nil || created.RowsAffected == 0 {
		return created.Error
	}
	event := AuditEvent{
		Kind: EventLoginSucceeded, ActorID: &session.UserID, UserID: session.UserID, SessionID: session.ID,
	}
	if session.AuthMethod == AuthenticatedByDjango {
		event.Detail = DetailDjango
	}
	if err := tx.record(event, from); err != nil {
		return err
	}
	return m.keepWithinLimit(tx, session, from)
}

// createFor opens a session of a user on a device.
func (m *SessionManager) createFor(tx Tx, user *User, device uuid.UUID, from RequestInfo) (*SessionTokens, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("make a session id: %w", err)
	}
	session := &Session{ID: id, UserID: user.ID, DeviceID: &device, AuthMethod: AuthenticatedByPassword}
	if err := m.create(tx, session, from); err != nil {
		return nil, err
	}
	return m.tokensOf(user, session), nil
}

func (m *SessionManager) tokensOf(user *User, session *Session) *SessionTokens {
	return &SessionTokens{
		User: user, Session: session, RefreshToken: m.refresh.Encode(session.child()),
		RefreshExpiresIn: session.endsAt(m.rules.Idle).Sub(session.LastUsedAt),
	}
}

// Refresh exchanges a refresh token for its successor and the user as they are now. Errors are ErrRefreshTokenInvalid,
// ErrRefreshTokenReused, ErrSessionExpired, ErrSessionRevoked and ErrAccountInactive.
func (m *SessionManager) Refresh(ctx context.Context, token string, from RequestInfo) (*SessionTokens, error) {
	handle, err := m.decode(token)
	if err != nil {
		return nil, err
	}
	return m.redeem(ctx, handle, from)
}

func (m *SessionManager) decode(token string) (tokens.Handle, error) {
	handle, err := m.refresh.Decode(token)
	if err != nil {
		return tokens.Handle{}, fmt.Errorf("%w: %v", ErrRefreshTokenInvalid, err)
	}
	return handle, nil
}

// SessionID returns the id of the session that a refresh token names, or "" if the token is not one of ours. It does not ask
// the database.
func (m *SessionManager) SessionID(token string) string {
	handle, err := m.refresh.Decode(token)
	if err != nil {
		return ""
	}
	return handle.ID.String()
}

// redeem decides about a token, until no other request was quicker, and returns its successor.
func (m *SessionManager) redeem(ctx context.Context, token tokens.Handle, from RequestInfo) (opened *SessionTokens, err error) {
	err = Retry(func() error {
		opened, err = m.redeemOnce(ctx, token, from)
		return err
	})
	return opened, err
}

// redeemOnce reads the session, decides, and claims the row by an update that holds only if nothing changed in between.
func (m *SessionManager) redeemOnce(ctx context.Context, token tokens.Handle, from RequestInfo) (*SessionTokens, error) {
	now := m.store.Now()
	session, err := m.live(m.store.DB(ctx), token.ID, now)
	if err != nil {
		return nil, err
	}
	step := session.decide(token, now, m.rules.Grace)
	if step == reuse {
		return nil, m.endForReuse(ctx, session, from)
	}
	next := session.after(step, token, now)
	if step == ahead {
		err = m.catchUp(ctx, session, &next, from)
	} else {
		err = claimSession(m.store.DB(ctx), session, &next)
	}
	if err != nil {
		return nil, err
	}
	opened := m.tokensOf(session.User, &next)
	opened.WasAhead = step == ahead
	return opened, nil
}

// claimSession stores what presenting a refresh token makes of a session that is still as it was read. See [Claim].
func claimSession(db *gorm.DB, read, next *Session) error {
	return Claim(unchanged(db, read).
		Where("EXISTS (SELECT 1 FROM users WHERE users.id = sessions.user_id AND users.is_active)").
		Select("generation", "redeemed_fork", "fork", "redeemed_at", "last_used_at").Updates(next))
}

// catchUp stores the state that a token ahead of its session proves, and records that the database went back.
func (m *SessionManager) catchUp(ctx context.Context, read, next *Session, from RequestInfo) error {
	return m.store.Transaction(ctx, func(tx Tx) error {
		if err := claimSession(tx.DB, read, next); err != nil {
			return err
		}
		return tx.record(AuditEvent{Kind: EventSessionAhead, UserID: read.UserID, SessionID: read.ID}, from)
	})
}

// unchanged narrows an update to a session that is still live and as it was read.
func unchanged(db *gorm.DB, session *Session) *gorm.DB {
	return db.Model(&Session{}).Where("id = ? AND ended_at IS NULL AND generation = ? AND redeemed_fork = ? AND fork = ?",
		session.ID, session.Generation, session.RedeemedFork, session.Fork)
}

// live reads a session with its user, and returns an error unless both can be used. The session comes back with the error if
// there is one of this id.
func (m *SessionManager) live(db *gorm.DB, id uuid.UUID, now time.Time) (*Session, error) {
	var session Session
	err := db.Joins("User").Where("sessions.id = ?", id).Take(&session).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return nil, ErrSessionExpired
	case err != nil:
		return nil, err
	case session.User.mayUse(now) != nil:
		return &session, ErrAccountInactive
	case session.EndedAt != nil && session.EndReason == EndedByDeletion && session.User.DeletionDueAt != nil:
		return &session, fmt.Errorf("%w: %w", ErrSessionRevoked, ErrDeletionAsked)
	case session.EndedAt != nil:
		return &session, ErrSessionRevoked
	case !now.Before(session.endsAt(m.rules.Idle)):
		return &session, ErrSessionExpired
	}
	return &session, nil
}

// endForReuse ends a session of which two hold tokens, and records that, whatever becomes of the request.
func (m *SessionManager) endForReuse(ctx context.Context, session *Session, from RequestInfo) error {
	err := m.store.Transaction(ctx, func(tx Tx) error {
		if _, err := lockUser(tx, session.UserID); err != nil && !errors.Is(err, ErrUserNotFound) {
			return err
		}
		err := Claim(unchanged(tx.DB, session).Updates(map[string]any{"ended_at": tx.Now, "end_reason": EndedByReuse}))
		if err != nil {
			return err
		}
		if err := forgetDevices(tx, []Session{*session}); err != nil {
			return err
		}
		return tx.record(AuditEvent{Kind: EventRefreshTokenReused, UserID: session.UserID, SessionID: session.ID}, from)
	})
	if err != nil {
		return err
	}
	return ErrRefreshTokenReused
}

// Authenticated reads, in one query, the session and the user that an access token names. Errors are
// ErrAccountInactive, ErrSessionRevoked and ErrSessionExpired.
func (m *SessionManager) Authenticated(ctx context.Context, sessionID, userID uuid.UUID) (*Session, error) {
	session, err := m.live(m.store.DB(ctx), sessionID, m.store.Now())
	switch {
	case session == nil && errors.Is(err, ErrSessionExpired):
		return nil, m.whyGone(ctx, userID)
	case err != nil:
		return nil, err
	case session.UserID != userID:
		return nil, ErrSessionRevoked
	}
	return session, nil
}

// whyGone tells a session that was deleted with its user from one that was deleted for its age.
func (m *SessionManager) whyGone(ctx context.Context, userID uuid.UUID) error {
	_, err := takeUser(m.store.DB(ctx), "id = ?", userID)
	switch {
	case errors.Is(err, ErrUserNotFound):
		return ErrAccountInactive
	case err != nil:
		return err
	}
	return ErrSessionExpired
}

// Inspect reads the session of a refresh token that would be accepted now, without redeeming it. Errors are those of
// Refresh; a reused token ends its session here too.
func (m *SessionManager) Inspect(ctx context.Context, token string, from RequestInfo) (session *Session, err error) {
	handle, err := m.decode(token)
	if err != nil {
		return nil, err
	}
	err = Retry(func() error {
		now := m.store.Now()
		session, err = m.live(m.store.DB(ctx), handle.ID, now)
		if err == nil && session.decide(handle, now, m.rules.Grace) == reuse {
			err = m.endForReuse(ctx, session, from)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return session, nil
}

// touchEvery is how precisely last_used_at is kept for a session that is used without a refresh.
const touchEvery = time.Hour

// Touch keeps a session from ending for want of use. Its access tokens are renewed by what they are, not by a refresh
// token, as clients of djangorestframework-jwt do it.
func (m *SessionManager) Touch(ctx context.Context, session *Session) error {
	now := m.store.Now()
	if now.Sub(session.LastUsedAt) < touchEvery {
		return nil
	}
	session.LastUsedAt = now
	return m.store.DB(ctx).Model(&Session{}).Where("id = ? AND ended_at IS NULL", session.ID).
		Update("last_used_at", now).Error
}

// SessionPage selects a page of a user's sessions: at most Limit of those behind the session with AfterID, which was used last at
// After. Without one it is the first page.
type SessionPage struct {
	Limit   int
	After   time.Time
	AfterID uuid.UUID
}

// List returns a page of the user's live sessions, the one used last first, and reports whether there are more.
func (m *SessionManager) List(
	ctx context.Context, userID uuid.UUID, page SessionPage,
) (sessions []Session, more bool, err error) {
	live := m.liveOf(m.store.DB(ctx), userID, m.store.Now())
	if page.AfterID != uuid.Nil {
		live = live.Where("(last_used_at, id) < (?, ?)", page.After, page.AfterID)
	}
	if err := live.Limit(page.Limit + 1).Find(&sessions).Error; err != nil {
		return nil, false, err
	}
	return sessions[:min(len(sessions), page.Limit)], len(sessions) > page.Limit, nil
}

// liveOf narrows a query to the live sessions of a user, the one used last first.
func (m *SessionManager) liveOf(db *gorm.DB, userID uuid.UUID, now time.Time) *gorm.DB {
	return db.Model(&Session{}).
		Where("user_id = ? AND ended_at IS NULL AND expires_at > ? AND last_used_at > ?", userID, now, now.Add(-m.rules.Idle)).
		Order("last_used_at DESC, id DESC")
}

// keepEnded is how long the row of a session that is over stays, so that a client which comes back learns why.
const keepEnded = 7 * 24 * time.Hour

// DeleteOver deletes at most limit sessions that ended or expired more than a week ago, and returns how many it deleted.
func (m *SessionManager) DeleteOver(ctx context.Context, limit int) (int64, error) {
	before := m.store.Now().Add(-keepEnded)
	over := m.store.DB(ctx).Model(&Session{}).Select("id").
		Where("ended_at < ? OR expires_at < ? OR last_used_at < ?", before, before, before.Add(-m.rules.Idle)).
		Where("auth_method <> ? OR created_at < ?", AuthenticatedByDjango, before.Add(-keepDjangoSessions)).Limit(limit)
	deleted := m.store.DB(ctx).Where("id IN (?)", over).Delete(&Session{})
	return deleted.RowsAffected, deleted.Error
}
