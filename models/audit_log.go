package models

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"latchkey/jobs"
	"latchkey/mail"
)

// AuditEvent is something that happened and matters for security. Rows outlive their user, and hold nothing that anybody typed.
// ActorID is the user who did it, nil if that is unknown or was the operator; UserID is the account that it was done to, zero if
// it was done to no account. Count is how often it happened: more than once only for the kinds that are folded (see [folds]),
// whose row says of the last time when that was, from where and in which session.
type AuditEvent struct {
	ID        uuid.UUID  `gorm:"type:uuid;primaryKey"`
	Kind      string     `gorm:"size:40;not null;index"`
	ActorID   *uuid.UUID `gorm:"type:uuid"`
	UserID    uuid.UUID  `gorm:"type:uuid;not null;index"`
	SessionID uuid.UUID  `gorm:"type:uuid;not null"`
	Detail    string     `gorm:"size:40;not null;default:''"`
	IP        string     `gorm:"size:45;not null"`
	RequestID string     `gorm:"size:64;not null"`
	CreatedAt time.Time  `gorm:"not null;index"`
	Count     int64      `gorm:"not null;default:1"`
	LastAt    *time.Time // nil unless the kind is folded

	countedFor uuid.UUID // of a folded event: the account, or what accounts that don't exist share; zero for UserID
}

// Kinds of events. The detail of EventLoginFailed, EventCodeFailed and EventPasswordFailed is DetailLocked if the guess made no
// difference, of EventLoginFailed DetailUnverified if the password was right and the address has to be confirmed first, of
// EventSessionEnded why it ended, of EventRolesChanged DetailPromoted or DetailDemoted, of EventEmailChanged DetailUndone if
// it went back, of EventPasswordChanged that, or DetailReset if it was reset by mail. That of whatever an import did is
// DetailImported.
const (
	EventSignedUp           = "signed_up"
	EventLoginSucceeded     = "login_succeeded"
	EventLoginFailed        = "login_failed"
	EventCodeFailed         = "code_failed"
	EventPasswordFailed     = "current_password_failed" // in a session
	EventAccountLocked      = "account_locked"
	EventPasswordChanged    = "password_changed"
	EventRefreshTokenReused = "refresh_token_reused"
	EventSessionAhead       = "session_ahead" // its refresh token was newer than the database
	EventRolesChanged       = "roles_changed"
	EventSessionEnded       = "session_ended"
	EventAccountDisabled    = "account_disabled"
	EventAccountEnabled     = "account_enabled"
	EventNewDevice          = "new_device"
	EventEmailVerified      = "email_verified"
	EventEmailChangeAsked   = "email_change_asked"
	EventEmailChanged       = "email_changed"
	EventDeletionAsked      = "deletion_asked"
	EventDeletionCancelled  = "deletion_cancelled"
	EventAccountDeleted     = "account_deleted"
)

// EventKinds returns every kind of event.
func EventKinds() []string {
	return []string{
		EventSignedUp, EventLoginSucceeded, EventLoginFailed, EventCodeFailed, EventPasswordFailed, EventAccountLocked,
		EventPasswordChanged, EventRefreshTokenReused, EventSessionAhead, EventSessionEnded, EventNewDevice,
		EventRolesChanged, EventAccountDisabled, EventAccountEnabled,
		EventEmailVerified, EventEmailChangeAsked, EventEmailChanged,
		EventDeletionAsked, EventDeletionCancelled, EventAccountDeleted,
	}
}

// Details of events.
const (
	DetailLocked   = "locked"
	DetailPromoted = "promoted"
	DetailDemoted  = "demoted"
	DetailDjango   = "django"   // by a token that Django issued
	DetailImported = "imported" // by an import, from what the other system says
	DetailUndone   = "undone"
	DetailReset    = "reset" // by mail

	DetailUnverified    = "unverified"
	DetailLastSuperuser = "last_superuser" // who is not deleted
)

// Notices are the kinds of events that their user gets a mail about, with the message of each, and the queue that takes it.
// The zero value sends none.
type Notices struct {
	Queue    *jobs.Queue
	Messages map[string]mail.Kind
}

// AuditLog records the events that matter for security, in the database and in the log, and has some of them mailed to their
// users.
type AuditLog struct {
	db      *gorm.DB
	notices Notices
	log     *slog.Logger
	now     func() time.Time
	counts  map[string]*atomic.Uint64 // by kind; no kind is added to it
}

// NewAuditLog makes the log of events, which are stored in db and written as a line each to log.
func NewAuditLog(db *gorm.DB, notices Notices, log *slog.Logger, now func() time.Time) *AuditLog {
	counts := map[string]*atomic.Uint64{}
	for _, kind := range EventKinds() {
		counts[kind] = new(atomic.Uint64)
	}
	return &AuditLog{db: db, notices: notices, log: log, now: now, counts: counts}
}

// Counts returns, for every kind of event, how many of it this process has recorded.
func (a *AuditLog) Counts() map[string]uint64 {
	counts := make(map[string]uint64, len(a.counts))
	for kind, count := range a.counts {
		counts[kind] = count.Load()
	}
	return counts
}

// committed counts events whose transaction has committed, and writes a line for each.
func (a *AuditLog) committed(ctx context.Context, events []AuditEvent) {
	for _, event := range events {
		if count, known := a.counts[event.Kind]; known {
			count.Add(1)
		}
		a.log.LogAttrs(ctx, event.level(), "security event", event.attributes()...)
	}
}

// record adds an event to the transaction of what it is about, and queues the mail about it, if there is one. One of a kind that
// is folded is written when the transaction ends.
func (tx Tx) record(event AuditEvent, from RequestInfo) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make an event id: %w", err)
	}
	event.ID, event.CreatedAt, event.Count = id, tx.Now, 1
	event.IP, event.RequestID = shorten(from.IP, 45), shorten(from.RequestID, 64)
	*tx.recorded = append(*tx.recorded, event)
	if folds(event.Kind) {
		return nil
	}
	if err := tx.Create(&event).Error; err != nil {
		return err
	}
	return tx.notify(event)
}

// notify queues the mail about an event, if there is one.
func (tx Tx) notify(event AuditEvent) error {
	kind, wanted := tx.audit.notices.Messages[event.Kind]
	if !wanted {
		return nil
	}
	return tx.enqueue(tx.audit.notices.Queue, jobs.Mail{Message: string(kind), UserID: event.UserID, About: event.ID})
}

// level returns that of the event's line in the log: what an operator has to know of is a warning.
func (e AuditEvent) level() slog.Level {
	if e.Kind == EventSessionAhead {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// attributes returns those of the event's line in the log, without those that are unknown.
func (e AuditEvent) attributes() []slog.Attr {
	attributes := []slog.Attr{slog.String("event", e.Kind)}
	add := func(name, value string) {
		if value != "" {
			attributes = append(attributes, slog.String(name, value))
		}
	}
	if e.ActorID != nil {
		add("actor", e.ActorID.String())
	}
	if e.UserID != uuid.Nil {
		add("user", e.UserID.String())
	}
	if e.SessionID != uuid.Nil {
		add("session", e.SessionID.String())
	}
	add("detail", e.Detail)
	add("ip", e.IP)
	add("request_id", e.RequestID)
	return attributes
}

// DeleteOld deletes at most limit events that are older than retention, and returns how many it deleted.
func (a *AuditLog) DeleteOld(ctx context.Context, retention time.Duration, limit int) (int64, error) {
	old := a.db.Model(&AuditEvent{}).Select("id").Where("created_at < ?", moment(a.now).Add(-retention)).Limit(limit)
	deleted := a.db.WithContext(ctx).Where("id IN (?)", old).Delete(&AuditEvent{})
	return deleted.RowsAffected, deleted.Error
}
