package models

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// End ends one session of the user, which may have ended before. The error is ErrSessionNotFound if they have none of this id.
func (m *SessionManager) End(ctx context.Context, userID, sessionID uuid.UUID, ending Ending) error {
	var ended int
	err := m.store.Transaction(ctx, func(tx Tx) error {
		_, err := lockUser(tx, userID)
		if err == nil {
			ended, err = m.end(tx, ending, "user_id = ? AND id = ?", userID, sessionID)
		}
		return err
	})
	if errors.Is(err, ErrUserNotFound) {
		return ErrSessionNotFound
	}
	if err != nil || ended > 0 {
		return err
	}
	var found int64
	err = m.store.DB(ctx).Model(&Session{}).Where("user_id = ? AND id = ?", userID, sessionID).Count(&found).Error
	if err == nil && found == 0 {
		return ErrSessionNotFound
	}
	return err
}

// EndOthers ends every session of the user except one, and what other systems issued to them.
func (m *SessionManager) EndOthers(ctx context.Context, userID, keep uuid.UUID, ending Ending) error {
	return m.store.Transaction(ctx, func(tx Tx) error {
		_, err := m.endAllBut(tx, keep, ending, userID)
		return err
	})
}

// EndAll ends every session of the user, and what other systems issued to them.
func (m *SessionManager) EndAll(ctx context.Context, userID uuid.UUID, ending Ending) error {
	return m.EndOthers(ctx, userID, uuid.Nil, ending)
}

const endingBatch = 500

// EndEveryone does for all users what EndAll does for one, a batch of users at a time, and returns how many sessions it ended.
func (m *SessionManager) EndEveryone(ctx context.Context, ending Ending) (total int, err error) {
	var last uuid.UUID
	for {
		var users []uuid.UUID
		var ended int
		err := m.store.Transaction(ctx, func(tx Tx) error {
			if users, err = lockUsersAfter(tx, last, endingBatch); err != nil || len(users) == 0 {
				return err
			}
			ended, err = m.endAllBut(tx, uuid.Nil, ending, users...)
			return err
		})
		if err != nil {
			return total, err
		}
		total += ended
		if len(users) < endingBatch {
			return total, nil
		}
		last = users[len(users)-1]
	}
}

// endAllBut ends whatever was issued to users: their sessions but one, with the devices that logged in before, and what other
// systems issued. It returns how many sessions it ended. Who logs out everywhere goes on knowing their devices.
func (m *SessionManager) endAllBut(tx Tx, keep uuid.UUID, ending Ending, users ...uuid.UUID) (int, error) {
	if err := endForeignTokens(tx, users...); err != nil {
		return 0, err
	}
	ended, err := m.end(tx, ending, "user_id IN ? AND id <> ?", users, keep)
	if err != nil || ending.Reason == EndedByLogout {
		return ended, err
	}
	return ended, forgetDevicesOf(tx, users, keep)
}

// endedColumns are those that end reads of a session. A star would be a plan that a migration invalidates.
func endedColumns() []clause.Column {
	return []clause.Column{{Name: "id"}, {Name: "user_id"}, {Name: "device_id"}}
}

// keepWithinLimit ends the sessions by which a user has too many now that another one was opened: those used longest ago, and
// never that one.
func (m *SessionManager) keepWithinLimit(tx Tx, opened *Session, from RequestInfo) error {
	others := tx.Session(&gorm.Session{NewDB: true})
	tooMany := m.liveOf(others, opened.UserID, tx.Now).Select("id").Where("id <> ?", opened.ID).
		Offset(MaxSessions - 1).Limit(endingBatch)
	_, err := m.end(tx, Ending{EndedByLimit, from}, "id IN (?)", tooMany)
	return err
}

// end ends the live sessions that meet a condition, records that and returns how many they are. A session that ends other
// than by logging out, or for its user's having too many, may be in the wrong hands: its device is forgotten.
func (m *SessionManager) end(tx Tx, ending Ending, condition string, arguments ...any) (int, error) {
	var ended []Session
	err := tx.Model(&ended).Clauses(clause.Returning{Columns: endedColumns()}).
		Where("ended_at IS NULL").Where(condition, arguments...).
		Updates(map[string]any{"ended_at": tx.Now, "end_reason": ending.Reason}).Error
	if err != nil {
		return 0, err
	}
	if ending.Reason != EndedByLogout && ending.Reason != EndedByLimit {
		if err := forgetDevices(tx, ended); err != nil {
			return 0, err
		}
	}
	for _, session := range ended {
		event := AuditEvent{Kind: EventSessionEnded, UserID: session.UserID, SessionID: session.ID, Detail: ending.Reason}
		if ending.From != (RequestInfo{}) {
			event.ActorID = &session.UserID
		}
		if err := tx.record(event, ending.From); err != nil {
			return 0, err
		}
	}
	return len(ended), nil
}
