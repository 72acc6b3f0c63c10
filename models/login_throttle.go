package models

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// The rule of wrong guesses (see docs/abuse.md). They are counted for each account and each device that it knows; all other
// devices are strangers, which share one count.
const (
	FreeFailures  = 5              // failures in a row before the first delay
	FirstDelay    = time.Minute    // after the last of them; each further failure doubles it
	MaxDelay      = time.Hour      // the longest
	FailureMemory = 24 * time.Hour // without another failure, those before are forgotten
)

const (
	maxDevices     = 20                   // that an account knows; the one seen longest ago is forgotten
	deviceMemory   = 400 * 24 * time.Hour // a device not seen for this long is forgotten
	unknownBuckets = 1024                 // counts that all emails without an account share
)

// LoginThrottle counts the wrong guesses at the secrets of one account from one device: at its password, in a login or a session,
// and at its codes. The row of a device is also what makes it known; the zero DeviceID is that of all strangers.
type LoginThrottle struct {
	AccountID   uuid.UUID `gorm:"type:uuid;primaryKey"`
	DeviceID    uuid.UUID `gorm:"type:uuid;primaryKey"`
	Failures    int       `gorm:"not null"`
	Refused     int64     `gorm:"not null"` // tries while locked
	FailedAt    time.Time `gorm:"not null"` // when a failure was last counted
	LockedUntil time.Time `gorm:"not null"`
	SeenAt      time.Time `gorm:"not null;index"`

	isStored bool // it was read from its row
}

// newThrottle returns the count of a device of which no failure is known, and which has no row.
func newThrottle(account, device uuid.UUID, now time.Time) *LoginThrottle {
	return &LoginThrottle{AccountID: account, DeviceID: device, FailedAt: now, LockedUntil: now, SeenAt: now}
}

// locked reports whether no guess is accepted. A lock that lasts for longer than any was set while the clock was ahead, and
// would hold the owner off until the clock has caught up. Failures without a delay lock nobody out on a replica whose clock is a
// little behind that of the one that counted them.
func (t *LoginThrottle) locked(now time.Time) bool {
	return t.Failures >= FreeFailures && now.Before(t.LockedUntil) && t.LockedUntil.Before(now.Add(2*MaxDelay))
}

// afterFailure returns the throttle with one more failure counted.
func (t LoginThrottle) afterFailure(now time.Time) LoginThrottle {
	if now.Sub(t.FailedAt).Abs() >= FailureMemory { // or the clock was far ahead then
		t.Failures = 0
	}
	t.Failures++
	t.FailedAt, t.SeenAt, t.LockedUntil = now, now, now.Add(delay(t.Failures))
	return t
}

// delay returns how long no guess is accepted after so many failures.
func delay(failures int) time.Duration {
	if failures < FreeFailures {
		return 0
	}
	wait := FirstDelay
	for range failures - FreeFailures {
		if wait *= 2; wait >= MaxDelay {
			return MaxDelay
		}
	}
	return wait
}

// accountOf returns the id under which the guesses at an account count. Emails without an account share a fixed number of ids,
// none of which is an account's, so that they cost the same and no number of them fills the table.
func accountOf(user *User, account string) uuid.UUID {
	if user.ID != uuid.Nil {
		return user.ID
	}
	sum := sha256.Sum256([]byte(account))
	bucket := (int(sum[0])<<8 | int(sum[1])) % unknownBuckets
	return uuid.UUID{14: byte(bucket >> 8), 15: byte(bucket)}
}

// accountOfAddress returns the id under which the guesses at codes count that were mailed to an address which has no account yet,
// because somebody wants to change to it. No account has this id.
func accountOfAddress(address string) uuid.UUID {
	return uuid.NewHash(sha256.New(), uuid.NameSpaceOID, []byte("latchkey/address/"+address), 8)
}

// readThrottle reads the count of a device that the account knows, and that of strangers for any other.
func readThrottle(db *gorm.DB, account, device uuid.UUID, now time.Time) (*LoginThrottle, error) {
	var found []LoginThrottle
	err := db.Where("account_id = ? AND device_id IN ?", account, []uuid.UUID{device, uuid.Nil}).Find(&found).Error
	if err != nil {
		return nil, err
	}
	throttle := newThrottle(account, uuid.Nil, now)
	for _, row := range found {
		if row.isStored = true; !throttle.isStored || row.DeviceID != uuid.Nil {
			throttle = &row
		}
	}
	return throttle, nil
}

// claimThrottle replaces a row that is still as it was read, or adds it if there was none. See [Claim].
func claimThrottle(tx Tx, read, next *LoginThrottle) error {
	if !read.isStored {
		return Claim(tx.Clauses(clause.OnConflict{DoNothing: true}).Create(next))
	}
	return Claim(tx.Model(&LoginThrottle{}).Where(asRead, read.state()...).
		Select("failures", "refused", "failed_at", "locked_until", "seen_at").Updates(next))
}

// holdThrottle claims a count that is to stay as it was read. If the count has no row yet, holdThrottle adds one and deletes it
// again: a first failure at the same time has to wait for the transaction, and nobody ever reads a row without a failure.
func holdThrottle(tx Tx, read *LoginThrottle) error {
	if read.isStored {
		return Claim(tx.Model(&LoginThrottle{}).Where(asRead, read.state()...).Update("refused", read.Refused))
	}
	if err := claimThrottle(tx, read, read); err != nil {
		return err
	}
	return tx.Where("account_id = ? AND device_id = ?", read.AccountID, read.DeviceID).Delete(&LoginThrottle{}).Error
}

// asRead is the condition that a row is still as it was read; its arguments are those of state.
const asRead = "account_id = ? AND device_id = ? AND failures = ? AND refused = ? AND failed_at = ?"

func (t *LoginThrottle) state() []any {
	return []any{t.AccountID, t.DeviceID, t.Failures, t.Refused, t.FailedAt}
}

// registerDevice stores the new device of a session and records it, unless it is the account's first.
func registerDevice(tx Tx, session *Session, from RequestInfo) error {
	var others int64
	if err := devicesOf(tx, session.UserID).Limit(1).Count(&others).Error; err != nil {
		return err
	}
	if others > 0 {
		event := AuditEvent{
			Kind: EventNewDevice, UserID: session.UserID, ActorID: &session.UserID, SessionID: session.ID,
		}
		if err := tx.record(event, from); err != nil {
			return err
		}
	}
	return addDevice(tx, session.UserID, *session.DeviceID)
}

// addDevice stores a device that an account knows from now on. If it knows too many, it forgets those seen longest ago.
func addDevice(tx Tx, account, device uuid.UUID) error {
	added := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(newThrottle(account, device, tx.Now))
	if added.Error != nil {
		return added.Error
	}
	recent := devicesOf(tx, account).Select("device_id").Order("seen_at DESC, device_id DESC").Limit(maxDevices)
	return devicesOf(tx, account).Where("device_id NOT IN (?)", recent).Delete(&LoginThrottle{}).Error
}

// devicesOf returns the query of the devices that an account knows.
func devicesOf(tx Tx, account uuid.UUID) *gorm.DB {
	return tx.Session(&gorm.Session{NewDB: true}).Model(&LoginThrottle{}).
		Where("account_id = ? AND device_id <> ?", account, uuid.Nil)
}

// forgetDevices deletes the trusted devices of these sessions.
func forgetDevices(tx Tx, sessions []Session) error {
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

// forgetDevicesOf deletes the trusted devices of these users, those of sessions that are over among them, except the one of a
// session that is to stay.
func forgetDevicesOf(tx Tx, users []uuid.UUID, keep uuid.UUID) error {
	kept := tx.Session(&gorm.Session{NewDB: true}).Model(&Session{}).Select("device_id").
		Where("id = ? AND device_id IS NOT NULL", keep)
	return tx.Where("account_id IN ? AND device_id <> ? AND device_id NOT IN (?)", users, uuid.Nil, kept).
		Delete(&LoginThrottle{}).Error
}

// deleteThrottles deletes the counts and the devices of these accounts.
func deleteThrottles(tx Tx, accounts []uuid.UUID) error {
	return tx.Where("account_id IN ?", accounts).Delete(&LoginThrottle{}).Error
}

// DeleteForgotten deletes at most limit counts that say nothing any more: of strangers, once their failures are
// forgotten, and of devices that were not seen for too long. It returns how many it deleted.
func (m *LoginManager) DeleteForgotten(ctx context.Context, limit int) (int64, error) {
	now, db := m.store.Now(), m.store.DB(ctx)
	forgotten := db.Model(&LoginThrottle{}).Select("account_id, device_id").
		Where("(device_id = ? AND failed_at < ?) OR seen_at < ?", uuid.Nil, now.Add(-FailureMemory), now.Add(-deviceMemory)).
		Limit(limit)
	deleted := db.Where("(account_id, device_id) IN (?)", forgotten).Delete(&LoginThrottle{})
	return deleted.RowsAffected, deleted.Error
}
