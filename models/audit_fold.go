package models

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// foldingWindow is the time for which a row counts the events of its kind and detail: a day, in UTC.
const foldingWindow = 24 * time.Hour

// folds reports whether the events of a kind share one row for each detail, account and day: those that somebody can cause as
// often as they like, so that a row each would let them fill the table. Every other kind ends or needs something that there is
// a limited number of, such as a session, a password or an account.
func folds(kind string) bool {
	switch kind {
	case EventLoginFailed, EventCodeFailed, EventPasswordFailed, EventAccountLocked, EventEmailChangeAsked:
		return true
	}
	return false
}

// fold writes the folded events of the transaction. It does so last, and in the order of their rows: two transactions that wait
// for each other's row would never end.
func (tx Tx) fold() error {
	var events []AuditEvent
	for _, event := range *tx.recorded {
		if folds(event.Kind) {
			event.ID, event.LastAt = foldedID(event), &event.CreatedAt
			events = append(events, event)
		}
	}
	slices.SortFunc(events, func(a, b AuditEvent) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	for _, event := range events {
		if err := tx.foldOne(event); err != nil {
			return err
		}
	}
	return nil
}

// foldOne adds the row of an event, or counts the event in the row that is there. The mail about a folded event is about the
// first of them.
func (tx Tx) foldOne(event AuditEvent) error {
	err := tx.Clauses(
		clause.OnConflict{
			Columns: []clause.Column{{Name: "id"}},
			DoUpdates: clause.Assignments(map[string]any{
				"count": gorm.Expr("audit_events.count + 1"), "last_at": event.LastAt,
				"session_id": event.SessionID, "ip": event.IP, "request_id": event.RequestID,
			}),
		},
		clause.Returning{Columns: []clause.Column{{Name: "count"}}},
	).Create(&event).Error
	if err != nil || event.Count > 1 {
		return err
	}
	return tx.notify(event)
}

// foldedID returns the id of the row that counts an event. It is a UUIDv7 (RFC 9562, section 5.7) of the beginning of the day,
// made of what the events of the row have in common.
func foldedID(event AuditEvent) uuid.UUID {
	account := cmp.Or(event.countedFor, event.UserID)
	common := sha256.Sum256([]byte(event.Kind + "\x00" + event.Detail + "\x00" + string(account[:])))
	var began [8]byte
	binary.BigEndian.PutUint64(began[:], uint64(event.CreatedAt.Truncate(foldingWindow).UnixMilli()))
	id := uuid.UUID(common[:16])
	copy(id[:6], began[2:])
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id
}
