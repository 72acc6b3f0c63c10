package models

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

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
	// ErrSessionNotFound means that the user has no live session of this id.
	ErrSessionNotFound = errors.New("the user has no such session")
)

// errLostRace means that another request changed the session between its reading and its update.
var errLostRace = errors.New("the session changed meanwhile")

// Client is where a request comes from. Name is what the app calls itself or its device.
type Client struct {
	Name      string
	UserAgent string
	IP        string
	RequestID string
}

// SessionRules are how long sessions live. A session ends when it was not refreshed for Idle, and in any case Lifetime
// after it began. For Grace after a refresh, the same refresh token is answered again as it was.
type SessionRules struct {
	Idle     time.Duration
	Lifetime time.Duration
	Grace    time.Duration
}

// Grant is what opening or refreshing a session gives its client.
type Grant struct {
	User             *User
	Session          *Session
	RefreshToken     string
	RefreshExpiresIn time.Duration
	DeviceToken      string // only of a login
}

// SessionManager opens, refreshes and ends sessions. It is the only code that writes the sessions table.
type SessionManager struct {
	db      *gorm.DB
	users   *UserManager
	refresh *tokens.Opaque
	rules   SessionRules
	now     func() time.Time
}

// NewSessionManager makes a manager that stores sessions in db and makes their refresh tokens with refresh.
func NewSessionManager(
	db *gorm.DB, users *UserManager, refresh *tokens.Opaque, rules SessionRules, now func() time.Time,
) *SessionManager {
	return &SessionManager{db: db, users: users, refresh: refresh, rules: rules, now: now}
}

// open is Open inside the transaction tx, from a device that is known or about to be.
func (m *SessionManager) open(tx *gorm.DB, user *User, client Client, device *uuid.UUID) (*Grant, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("make a session id: %w", err)
	}
	now := moment(m.now)
	session := &Session{
		ID: id, UserID: user.ID, DeviceID: device, AuthMethod: AuthenticatedByPassword,
		ClientName: shorten(client.Name, 100), UserAgent: shorten(client.UserAgent, 400), IP: shorten(client.IP, 45),
		CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(m.rules.Lifetime),
	}
	// The update of the user comes first: it makes a change of password, which ends all sessions, wait or win.
	if err := m.users.Using(tx).recordLogin(tx.Statement.Context, user, now); err != nil {
		return nil, err
	}
	if err := tx.Create(session).Error; err != nil {
		return nil, err
	}
	event := AuditEvent{Kind: EventLoginSucceeded, ActorID: &user.ID, UserID: user.ID, SessionID: session.ID}
	if err := m.users.audit.record(tx, event, client); err != nil {
		return nil, err
	}
	if err := m.users.keepDeletion(tx, user, client); err != nil {
		return nil, err
	}
	return m.grant(user, session), nil
}

func (m *SessionManager) grant(user *User, session *Session) *Grant {
	return &Grant{
		User: user, Session: session, RefreshToken: m.refresh.Encode(session.child()),
		RefreshExpiresIn: session.endsAt(m.rules.Idle).Sub(session.LastUsedAt),
	}
}

// Refresh answers a refresh token with its successor and the user as he is now. Errors are ErrRefreshTokenInvalid,
// ErrRefreshTokenReused, ErrSessionExpired, ErrSessionRevoked and ErrAccountInactive.
func (m *SessionManager) Refresh(ctx context.Context, token string, client Client) (*Grant, error) {
	parts, err := m.refresh.Decode(token)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrRefreshTokenInvalid, err)
	}
	for {
		grant, err := m.redeem(ctx, parts, client)
		if !errors.Is(err, errLostRace) {
			return grant, err
		}
	}
}

// Named is the id of the session that a refresh token names, or nothing if the token is not one of ours. It does not ask
// the database.
func (m *SessionManager) Named(token string) string {
	parts, err := m.refresh.Decode(token)
	if err != nil {
		return ""
	}
	return parts.ID.String()
}

// redeem reads the session, decides, and claims the row by an update that holds only if nothing changed in between.
func (m *SessionManager) redeem(ctx context.Context, token tokens.Parts, client Client) (*Grant, error) {
	now := moment(m.now)
	session, err := m.live(ctx, token.ID, now)
	if err != nil {
		return nil, err
	}
	step := session.decide(token, now, m.rules.Grace)
	if step == reuse {
		return nil, m.endForReuse(ctx, session, client, now)
	}
	next := session.after(step, token, now)
	claim := unchanged(m.db.WithContext(ctx), session).
		Where("EXISTS (SELECT 1 FROM users WHERE users.id = sessions.user_id AND users.is_active)").
		Select("generation", "redeemed_fork", "fork", "redeemed_at", "last_used_at").Updates(&next)
	if claim.Error != nil {
		return nil, claim.Error
	}
	if claim.RowsAffected != 1 {
		return nil, errLostRace
	}
	return m.grant(session.User, &next), nil
}

// unchanged narrows an update to a session that is still live and as it was read.
func unchanged(db *gorm.DB, session *Session) *gorm.DB {
	return db.Model(&Session{}).Where("id = ? AND ended_at IS NULL AND generation = ? AND redeemed_fork = ? AND fork = ?",
		session.ID, session.Generation, session.RedeemedFork, session.Fork)
}

// live reads a session with its user. Both have to be in order.
func (m *SessionManager) live(ctx context.Context, id uuid.UUID, now time.Time) (*Session, error) {
	var session Session
	err := m.db.WithContext(ctx).Joins("User").Where("sessions.id = ?", id).Take(&session).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return nil, ErrSessionExpired
	case err != nil:
		return nil, err
	}
	return &session, m.inOrder(&session, now)
}

func (m *SessionManager) inOrder(session *Session, now time.Time) error {
	switch {
	case !session.User.IsActive:
		return ErrAccountInactive
	case session.EndedAt != nil:
		return ErrSessionRevoked
	case !now.Before(session.endsAt(m.rules.Idle)):
		return ErrSessionExpired
	}
	return nil
}

// endForReuse ends a session of which two hold tokens, and records that, whatever becomes of the request.
func (m *SessionManager) endForReuse(ctx context.Context, session *Session, client Client, now time.Time) error {
	err := m.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		claim := unchanged(tx, session).Updates(map[string]any{"ended_at": now, "end_reason": EndedByReuse})
		if claim.Error != nil {
			return claim.Error
		}
		if claim.RowsAffected != 1 {
			return errLostRace
		}
		if err := forgetDevices(tx, []Session{*session}); err != nil {
			return err
		}
		event := AuditEvent{Kind: EventRefreshTokenReused, UserID: session.UserID, SessionID: session.ID}
		return m.users.audit.record(tx, event, client)
	})
	if err != nil {
		return err
	}
	return ErrRefreshTokenReused
}

// Authenticated reads, in one query, the session and the user that an access token names. Errors are
// ErrAccountInactive, ErrSessionRevoked and ErrSessionExpired.
func (m *SessionManager) Authenticated(ctx context.Context, sessionID, userID uuid.UUID) (*Session, error) {
	session, err := m.live(ctx, sessionID, moment(m.now))
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
	_, err := m.users.take(ctx, "id = ?", userID)
	switch {
	case errors.Is(err, ErrUserNotFound):
		return ErrAccountInactive
	case err != nil:
		return err
	}
	return ErrSessionExpired
}

// Presented reads the session of a refresh token that would be accepted now, without redeeming it. Errors are those of
// Refresh; a reused token ends its session here too.
func (m *SessionManager) Presented(ctx context.Context, token string, client Client) (*Session, error) {
	parts, err := m.refresh.Decode(token)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrRefreshTokenInvalid, err)
	}
	now := moment(m.now)
	session, err := m.live(ctx, parts.ID, now)
	if err != nil {
		return nil, err
	}
	if session.decide(parts, now, m.rules.Grace) != reuse {
		return session, nil
	}
	if err := m.endForReuse(ctx, session, client, now); !errors.Is(err, errLostRace) {
		return nil, err
	}
	return m.Presented(ctx, token, client)
}

// List gives back the user's live sessions, the one used last first.
func (m *SessionManager) List(ctx context.Context, userID uuid.UUID) ([]Session, error) {
	now := moment(m.now)
	var sessions []Session
	err := m.db.WithContext(ctx).
		Where("user_id = ? AND ended_at IS NULL AND expires_at > ? AND last_used_at > ?", userID, now, now.Add(-m.rules.Idle)).
		Order("last_used_at DESC, id DESC").Find(&sessions).Error
	return sessions, err
}

// End ends one live session of the user; ErrSessionNotFound if there is none of this id.
func (m *SessionManager) End(ctx context.Context, userID, sessionID uuid.UUID, ending Ending) error {
	ended, err := m.end(ctx, ending, "user_id = ? AND id = ?", userID, sessionID)
	if err == nil && ended == 0 {
		return ErrSessionNotFound
	}
	return err
}

// EndOthers ends every session of the user but one.
func (m *SessionManager) EndOthers(ctx context.Context, userID, keep uuid.UUID, ending Ending) error {
	_, err := m.end(ctx, ending, "user_id = ? AND id <> ?", userID, keep)
	return err
}

// EndAll ends every session of the user.
func (m *SessionManager) EndAll(ctx context.Context, userID uuid.UUID, ending Ending) error {
	_, err := m.end(ctx, ending, "user_id = ?", userID)
	return err
}

func (m *SessionManager) end(ctx context.Context, ending Ending, condition string, arguments ...any) (ended int, err error) {
	err = m.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		ended, err = m.users.endSessions(tx, ending, condition, arguments...)
		return err
	})
	return ended, err
}

// endSessions ends the live sessions that meet a condition, records that and counts them. A session that ends otherwise
// than by logging out may be in the wrong hands: its device is forgotten.
func (m *UserManager) endSessions(tx *gorm.DB, ending Ending, condition string, arguments ...any) (int, error) {
	var ended []Session
	err := tx.Model(&ended).Clauses(clause.Returning{}).Where("ended_at IS NULL").Where(condition, arguments...).
		Updates(map[string]any{"ended_at": moment(m.now), "end_reason": ending.Reason}).Error
	if err != nil {
		return 0, err
	}
	if ending.Reason != EndedByLogout {
		if err := forgetDevices(tx, ended); err != nil {
			return 0, err
		}
	}
	for _, session := range ended {
		event := AuditEvent{Kind: EventSessionEnded, UserID: session.UserID, SessionID: session.ID, Detail: ending.Reason}
		if ending.Client != (Client{}) {
			event.ActorID = &session.UserID
		}
		if err := m.audit.record(tx, event, ending.Client); err != nil {
			return 0, err
		}
	}
	return len(ended), nil
}

// forgetDevices makes strangers of the devices of these sessions.
func forgetDevices(tx *gorm.DB, sessions []Session) error {
	var devices []uuid.UUID
	for _, session := range sessions {
		if session.DeviceID != nil {
			devices = append(devices, *session.DeviceID)
		}
	}
	if len(devices) == 0 {
		return nil
	}
	return tx.Where("device_id IN ?", devices).Delete(&LoginThrottle{}).Error
}

// keepEnded is how long the row of a session that is over stays, so that a client which comes back is told why.
const keepEnded = 7 * 24 * time.Hour

// DeleteOver deletes at most limit sessions that ended or expired more than a week ago, and counts them.
func (m *SessionManager) DeleteOver(ctx context.Context, limit int) (int64, error) {
	before := moment(m.now).Add(-keepEnded)
	over := m.db.Model(&Session{}).Select("id").
		Where("ended_at < ? OR expires_at < ? OR last_used_at < ?", before, before, before.Add(-m.rules.Idle)).
		Where("auth_method <> ? OR created_at < ?", AuthenticatedByDjango, before.Add(-keepAdopted)).Limit(limit)
	deleted := m.db.WithContext(ctx).Where("id IN (?)", over).Delete(&Session{})
	return deleted.RowsAffected, deleted.Error
}

// shorten makes what a client says about itself fit to be stored and shown: valid UTF-8, no control characters, at most
// limit characters.
func shorten(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if runes := []rune(text); len(runes) > limit {
		text = string(runes[:limit])
	}
	return text
}
