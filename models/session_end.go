package models

import (
	"context"

	"github.com/google/uuid"
	"gorm.io/gorm/clause"
)

// End ends one live session of the user. The error is ErrSessionNotFound if they have none of this id.
func (m *SessionManager) End(ctx context.Context, userID, sessionID uuid.UUID, ending Ending) error {
	ended, err := m.endWhere(ctx, ending, "user_id = ? AND id = ?", userID, sessionID)
	if err == nil && ended == 0 {
		return ErrSessionNotFound
	}
	return err
}

// EndOthers ends every session of the user except one.
func (m *SessionManager) EndOthers(ctx context.Context, userID, keep uuid.UUID, ending Ending) error {
	_, err := m.endWhere(ctx, ending, "user_id = ? AND id <> ?", userID, keep)
	return err
}

// EndAll ends every session of the user.
func (m *SessionManager) EndAll(ctx context.Context, userID uuid.UUID, ending Ending) error {
	_, err := m.endWhere(ctx, ending, "user_id = ?", userID)
	return err
}

const endingBatch = 500

// EndEveryone ends the sessions of all users, a batch at a time, and returns how many it ended.
func (m *SessionManager) EndEveryone(ctx context.Context, ending Ending) (total int, err error) {
	for {
		live := m.store.DB(ctx).Model(&Session{}).Select("id").Where("ended_at IS NULL").Limit(endingBatch)
		ended, err := m.endWhere(ctx, ending, "id IN (?)", live)
		total += ended
		if err != nil || ended < endingBatch {
			return total, err
		}
	}
}

func (m *SessionManager) endWhere(ctx context.Context, ending Ending, condition string, arguments ...any) (ended int, err error) {
	err = m.store.Transaction(ctx, func(tx Tx) error {
		ended, err = m.end(tx, ending, condition, arguments...)
		return err
	})
	return ended, err
}

// endedColumns are those that end reads of a session. A star would be a plan that a migration invalidates.
func endedColumns() []clause.Column {
	return []clause.Column{{Name: "id"}, {Name: "user_id"}, {Name: "device_id"}}
}

// end ends the live sessions that meet a condition, records that and returns how many they are. A session that ends other
// than by logging out may be in the wrong hands: its device is forgotten.
func (m *SessionManager) end(tx Tx, ending Ending, condition string, arguments ...any) (int, error) {
	var ended []Session
	err := tx.Model(&ended).Clauses(clause.Returning{Columns: endedColumns()}).
		Where("ended_at IS NULL").Where(condition, arguments...).
		Updates(map[string]any{"ended_at": tx.Now, "end_reason": ending.Reason}).Error
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
		if ending.From != (RequestInfo{}) {
			event.ActorID = &session.UserID
		}
		if err := tx.record(event, ending.From); err != nil {
			return 0, err
		}
	}
	return len(ended), nil
}
