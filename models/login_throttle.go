package models

import (
	"crypto/sha256"
	"time"

	"github.com/google/uuid"
)

// The rule of failed logins (see docs/abuse.md). They count for each account and each device that it knows; all others
// are strangers, who share one count.
const (
	FreeFailures  = 5              // failures in a row before the first delay
	FirstDelay    = time.Minute    // after the last of them; each further failure doubles it
	MaxDelay      = time.Hour      // the longest
	FailureMemory = 24 * time.Hour // failures are forgotten once this long none was counted
)

const (
	maxDevices     = 20                   // that an account knows; the one seen longest ago is forgotten
	deviceMemory   = 400 * 24 * time.Hour // a device not seen for this long is forgotten
	unknownBuckets = 1024                 // counts that all emails without an account share
)

// LoginThrottle counts the failed logins to one account from one device. The row of a device is also what makes it
// known; the zero DeviceID is that of all strangers.
type LoginThrottle struct {
	AccountID   uuid.UUID `gorm:"type:uuid;primaryKey"`
	DeviceID    uuid.UUID `gorm:"type:uuid;primaryKey"`
	Failures    int       `gorm:"not null"`
	Refused     int64     `gorm:"not null"` // tries while locked
	FailedAt    time.Time `gorm:"not null"` // when a failure was last counted
	LockedUntil time.Time `gorm:"not null"`
	SeenAt      time.Time `gorm:"not null;index"`
}

// newThrottle is that of a device of which no failure is known.
func newThrottle(account, device uuid.UUID, now time.Time) *LoginThrottle {
	return &LoginThrottle{AccountID: account, DeviceID: device, FailedAt: now, LockedUntil: now, SeenAt: now}
}

// isNew tells a throttle that has no row yet: strangers get one with their first failure.
func (t *LoginThrottle) isNew() bool { return t.DeviceID == uuid.Nil && t.Failures == 0 }

func (t *LoginThrottle) locked(now time.Time) bool { return now.Before(t.LockedUntil) }

// afterFailure gives back the throttle with one more failure counted.
func (t LoginThrottle) afterFailure(now time.Time) LoginThrottle {
	if !now.Before(t.FailedAt.Add(FailureMemory)) {
		t.Failures = 0
	}
	t.Failures++
	t.FailedAt, t.SeenAt, t.LockedUntil = now, now, now.Add(delay(t.Failures))
	return t
}

// delay is how long nothing is accepted after so many failures.
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

// accountOf is under which id the failures of a login count. Emails without an account share a fixed number of ids, none
// of which is an account's, so that they cost the same and no number of them fills the table.
func accountOf(user *User, email string) uuid.UUID {
	if user.ID != uuid.Nil {
		return user.ID
	}
	if canonical, err := CanonicalEmail(email); err == nil {
		email = canonical
	}
	sum := sha256.Sum256([]byte(email))
	bucket := (int(sum[0])<<8 | int(sum[1])) % unknownBuckets
	return uuid.UUID{14: byte(bucket >> 8), 15: byte(bucket)}
}
