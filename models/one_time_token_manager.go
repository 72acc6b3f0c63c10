package models

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"latchkey/jobs"
	"latchkey/tokens"
)

// Proof is what shows that somebody reads the mail of an address: the token of a mail, or the address and the code.
type Proof struct {
	Token string
	Email string
	Code  string
}

// ConfirmationManager asks by mail and acts on the answers. It is the only code that writes the one_time_tokens table.
type ConfirmationManager struct {
	users  *UserManager
	tokens *tokens.Opaque
	queue  *jobs.Queue
}

// NewConfirmationManager makes a manager that works in the database of users, makes one-time tokens with opaque and queues
// its mails.
func NewConfirmationManager(users *UserManager, opaque *tokens.Opaque, queue *jobs.Queue) *ConfirmationManager {
	return &ConfirmationManager{users: users, tokens: opaque, queue: queue}
}

// post queues a mail in tx.
func (m *ConfirmationManager) post(tx *gorm.DB, message string, user, about uuid.UUID) error {
	inside, err := sqlTx(tx)
	if err != nil {
		return err
	}
	return m.queue.Add(tx.Statement.Context, inside, jobs.Mail{Message: message, UserID: user, About: about})
}

// ask stores a token in tx and queues its mail.
func (m *ConfirmationManager) ask(tx *gorm.DB, token OneTimeToken) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make a token id: %w", err)
	}
	token.ID, token.CreatedAt = id, moment(m.users.now)
	token.ExpiresAt = token.CreatedAt.Add(deliveryTime)
	if err := tx.Create(&token).Error; err != nil {
		return err
	}
	return m.post(tx, token.Purpose, token.UserID, token.ID)
}

// mint makes the token of a mail that is about to be sent usable, from now on and in place of all before it. For a mail
// that was queued without one it stores it first. A token that is over comes back as nil: its mail is not wanted any more.
func (m *ConfirmationManager) mint(tx *gorm.DB, wanted OneTimeToken) (*OneTimeToken, error) {
	now := moment(m.users.now)
	wanted.CreatedAt, wanted.ExpiresAt = now, now
	if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&wanted).Error; err != nil {
		return nil, err
	}
	if err := m.supersede(tx, wanted); err != nil {
		return nil, err
	}
	renewed := tx.Model(&OneTimeToken{}).Where("id = ? AND ended_at IS NULL", wanted.ID).
		Update("expires_at", now.Add(lifetimeOf(wanted.Purpose)))
	if renewed.Error != nil || renewed.RowsAffected == 0 {
		return nil, renewed.Error
	}
	var token OneTimeToken
	return &token, tx.Where("id = ?", wanted.ID).Take(&token).Error
}

// supersede leaves of the tokens for one purpose the newest alone. Those that undo a change of address each belong to
// another address, which must not lose its own to whoever goes on changing.
func (m *ConfirmationManager) supersede(tx *gorm.DB, wanted OneTimeToken) error {
	if wanted.Purpose == PurposeUndoChange {
		return nil
	}
	newest := tx.Session(&gorm.Session{NewDB: true}).Model(&OneTimeToken{}).Select("id").
		Where("user_id = ? AND purpose = ?", wanted.UserID, wanted.Purpose).Order("id DESC").Limit(1)
	return m.end(tx, tokenSuperseded, "user_id = ? AND purpose = ? AND id <> (?)", wanted.UserID, wanted.Purpose, newest)
}

func (m *ConfirmationManager) end(tx *gorm.DB, reason, condition string, arguments ...any) error {
	return endTokens(tx, moment(m.users.now), reason, condition, arguments...)
}

// endTokens ends the live tokens that meet a condition.
func endTokens(tx *gorm.DB, now time.Time, reason, condition string, arguments ...any) error {
	return tx.Model(&OneTimeToken{}).Where("ended_at IS NULL").Where(condition, arguments...).
		Updates(map[string]any{"ended_at": now, "end_reason": reason}).Error
}

// find gives back the usable token that a proof is for, with its user. A code counts as a try, right or wrong, whatever
// comes of it.
func (m *ConfirmationManager) find(ctx context.Context, proof Proof, purposes ...string) (*OneTimeToken, error) {
	if proof.Token == "" {
		return m.findByCode(ctx, proof, purposes)
	}
	parts, err := m.tokens.Decode(proof.Token)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrOneTimeTokenInvalid, err)
	}
	var token OneTimeToken
	err = m.users.db.WithContext(ctx).Preload("User").Where("id = ?", parts.ID).Take(&token).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return nil, ErrOneTimeTokenInvalid
	case err != nil:
		return nil, err
	case !slices.Contains(purposes, token.Purpose):
		return nil, ErrOneTimeTokenInvalid
	}
	return &token, token.usable(moment(m.users.now))
}

// AddressOf is where the mail of a token went that was to confirm an address or to reset a password, whatever became of it.
// ErrOneTimeTokenInvalid means that it is none of these, or of too long ago.
func (m *ConfirmationManager) AddressOf(ctx context.Context, encoded string) (string, error) {
	token, err := m.find(ctx, Proof{Token: encoded}, PurposeVerifyEmail, PurposeResetPassword)
	if token == nil {
		return "", err
	}
	return token.Address, nil
}

// ownFirst orders the tokens of an address: before those of accounts that want to change to it the one of its own account,
// so that nobody pushes that out.
const ownFirst = "CASE purpose WHEN '" + PurposeChangeEmail + "' THEN 1 ELSE 0 END, id DESC"

// findByCode counts the try first and compares afterwards, so that tries at the same time are all counted.
func (m *ConfirmationManager) findByCode(ctx context.Context, proof Proof, purposes []string) (*OneTimeToken, error) {
	address, err := CanonicalEmail(proof.Email)
	if err != nil {
		return nil, ErrCodeInvalid
	}
	db, now := m.users.db.WithContext(ctx), moment(m.users.now)
	var candidates []OneTimeToken
	err = db.Preload("User").Where("address = ? AND purpose IN ? AND ended_at IS NULL AND expires_at > ? AND tries < ?",
		address, purposes, now, maxCodeTries).Order(ownFirst).Limit(maxCodeTries).Find(&candidates).Error
	if err != nil {
		return nil, err
	}
	for _, token := range candidates {
		if token.usable(now) != nil {
			continue
		}
		counted := db.Model(&OneTimeToken{}).Where("id = ? AND tries < ? AND ended_at IS NULL", token.ID, maxCodeTries).
			Update("tries", gorm.Expr("tries + 1"))
		if counted.Error != nil {
			return nil, counted.Error
		}
		if counted.RowsAffected == 1 && m.tokens.HasCode(tokens.Parts{ID: token.ID}, proof.Code) {
			return &token, nil
		}
		if err := m.end(db, tokenGuessed, "id = ? AND tries >= ?", token.ID, maxCodeTries); err != nil {
			return nil, err
		}
	}
	return nil, ErrCodeInvalid
}

// redeem claims the token and does what it is for, together. Of two who redeem it at once one succeeds.
func (m *ConfirmationManager) redeem(ctx context.Context, token *OneTimeToken, do func(tx *gorm.DB) error) error {
	return m.users.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		claim := tx.Model(&OneTimeToken{}).Where("id = ? AND ended_at IS NULL", token.ID).
			Updates(map[string]any{"ended_at": moment(m.users.now), "end_reason": tokenUsed})
		if claim.Error != nil {
			return claim.Error
		}
		if claim.RowsAffected != 1 {
			return ErrOneTimeTokenUsed
		}
		return do(tx)
	})
}

// keepTokens is how long the row of a token that is over stays, so that who comes back with it is told why.
const keepTokens = 7 * 24 * time.Hour

// DeleteOver deletes at most limit tokens that have been over for a week, and counts them.
func (m *ConfirmationManager) DeleteOver(ctx context.Context, limit int) (int64, error) {
	before := moment(m.users.now).Add(-keepTokens)
	over := m.users.db.Model(&OneTimeToken{}).Select("id").Where("ended_at < ? OR expires_at < ?", before, before).Limit(limit)
	deleted := m.users.db.WithContext(ctx).Where("id IN (?)", over).Delete(&OneTimeToken{})
	return deleted.RowsAffected, deleted.Error
}
