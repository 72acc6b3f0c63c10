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
	"latchkey/mail"
	"latchkey/tokens"
)

// OneTimeTokenManager issues the tokens and codes that are sent by mail, queues the mails, and redeems what they hold.
type OneTimeTokenManager struct {
	store Store
	codec *tokens.Codec
	post  Post
}

// Post is where mails go. Queue sends them. Takes reports whether mail can be delivered to an address; if it is nil, it can be
// delivered to any.
type Post struct {
	Queue *jobs.Queue
	Takes func(ctx context.Context, address string) bool
}

// NewOneTimeTokenManager makes a manager that makes tokens and codes with codec and sends its mails by post.
func NewOneTimeTokenManager(store Store, codec *tokens.Codec, post Post) *OneTimeTokenManager {
	return &OneTimeTokenManager{store: store, codec: codec, post: post}
}

// checkDeliverable returns a *ValidationError of the field if mail can't be delivered to a canonical address.
func (m *OneTimeTokenManager) checkDeliverable(ctx context.Context, field, address string) error {
	if m.post.Takes == nil || m.post.Takes(ctx, address) {
		return nil
	}
	return &ValidationError{Errors: []FieldError{{
		Field: field, Code: CodeUndeliverable,
		Message: "We can't send mail to an address with letters like these before the @. Please use another address.",
	}}}
}

// send queues a mail without a token of its own, or whose token is made when it is sent. A user that is zero gets none: the
// work is the same.
func (m *OneTimeTokenManager) send(ctx context.Context, kind mail.Kind, user uuid.UUID) error {
	about, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make a token id: %w", err)
	}
	return m.store.Transaction(ctx, func(tx Tx) error {
		return tx.enqueue(m.post.Queue, jobs.Mail{Message: string(kind), UserID: user, About: about})
	})
}

// issue stores a token and queues its mail.
func (m *OneTimeTokenManager) issue(tx Tx, token OneTimeToken) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make a token id: %w", err)
	}
	token.ID, token.CreatedAt, token.ExpiresAt = id, tx.Now, tx.Now.Add(deliveryTime)
	if err := tx.Create(&token).Error; err != nil {
		return err
	}
	return tx.enqueue(m.post.Queue, jobs.Mail{Message: string(token.Purpose), UserID: token.UserID, About: token.ID})
}

// activate makes the token of a mail that is about to be sent usable, from now on and in place of all before it. For a mail
// that was queued without a token it stores one first. A token that is over comes back as nil: its mail is not wanted any more.
func (m *OneTimeTokenManager) activate(tx Tx, wanted OneTimeToken) (*OneTimeToken, error) {
	wanted.CreatedAt, wanted.ExpiresAt = tx.Now, tx.Now
	if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&wanted).Error; err != nil {
		return nil, err
	}
	if err := m.supersede(tx, wanted); err != nil {
		return nil, err
	}
	renewed := tx.Model(&OneTimeToken{}).Where("id = ? AND ended_at IS NULL", wanted.ID).
		Update("expires_at", tx.Now.Add(lifetimeOf(wanted.Purpose)))
	if renewed.Error != nil || renewed.RowsAffected == 0 {
		return nil, renewed.Error
	}
	var token OneTimeToken
	return &token, tx.Where("id = ?", wanted.ID).Take(&token).Error
}

// supersede ends all but the newest token of a purpose. Those that undo a change of address each belong to another address,
// which must not lose its own to whoever goes on changing.
func (m *OneTimeTokenManager) supersede(tx Tx, wanted OneTimeToken) error {
	if wanted.Purpose == PurposeUndoChange {
		return nil
	}
	newest := tx.Session(&gorm.Session{NewDB: true}).Model(&OneTimeToken{}).Select("id").
		Where("user_id = ? AND purpose = ?", wanted.UserID, wanted.Purpose).Order("id DESC").Limit(1)
	return m.end(tx, tokenSuperseded, "user_id = ? AND purpose = ? AND id <> (?)", wanted.UserID, wanted.Purpose, newest)
}

// end ends the live tokens that meet a condition.
func (m *OneTimeTokenManager) end(tx Tx, reason, condition string, arguments ...any) error {
	return tx.Model(&OneTimeToken{}).Where("ended_at IS NULL").Where(condition, arguments...).
		Updates(map[string]any{"ended_at": tx.Now, "end_reason": reason}).Error
}

// refuseReserved returns gorm.ErrDuplicatedKey if a user has just taken an address whose account can still be given back to it:
// nobody takes it meanwhile to keep that from happening. An address that nobody had verified is free for whom it belongs to.
//
// It must be called after the statement that stores the address. That is what makes it hold against a change of address at the
// same moment: the unique index lets the statement go through only once that change has committed, and with it the token by which
// it is undone. A look before the statement can come too early.
func (m *OneTimeTokenManager) refuseReserved(tx Tx, address string, user uuid.UUID) error {
	reserved, err := m.reserved(tx, []string{address})
	if err == nil && slices.ContainsFunc(reserved, func(undo OneTimeToken) bool { return undo.UserID != user }) {
		return gorm.ErrDuplicatedKey
	}
	return err
}

// reserved returns the tokens by which accounts can take any of these addresses back. See refuseReserved.
func (m *OneTimeTokenManager) reserved(tx Tx, addresses []string) (undo []OneTimeToken, err error) {
	err = tx.Where("address IN ? AND purpose = ?", addresses, PurposeUndoChange).
		Where("NOT unproven AND ended_at IS NULL AND expires_at > ?", tx.Now).Find(&undo).Error
	return undo, err
}

// undoableUntil returns until when a mail can undo a change of the account's address; zero if none can.
func (m *OneTimeTokenManager) undoableUntil(tx Tx, user uuid.UUID) (time.Time, error) {
	var undo []OneTimeToken
	err := tx.Where("user_id = ? AND purpose = ? AND ended_at IS NULL", user, PurposeUndoChange).
		Order("expires_at DESC").Limit(1).Find(&undo).Error
	if err != nil || len(undo) == 0 {
		return time.Time{}, err
	}
	return undo[0].ExpiresAt, nil
}

// find returns the usable token of a mail, with its user. A token of ours for one of the purposes also comes with the error
// that says why it can't be used.
func (m *OneTimeTokenManager) find(ctx context.Context, encoded string, purposes ...mail.Kind) (*OneTimeToken, error) {
	handle, err := m.codec.Decode(encoded)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrOneTimeTokenInvalid, err)
	}
	var token OneTimeToken
	err = m.store.DB(ctx).Preload("User").Where("id = ?", handle.ID).Take(&token).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return nil, ErrOneTimeTokenInvalid
	case err != nil:
		return nil, err
	case !slices.Contains(purposes, token.Purpose):
		return nil, ErrOneTimeTokenInvalid
	}
	return &token, token.usable(m.store.Now())
}

// ownFirst orders the tokens of an address: before those of accounts that want to change to it the one of its own account,
// so that nobody pushes that out.
const ownFirst = "CASE purpose WHEN '" + string(mail.ChangeEmail) + "' THEN 1 ELSE 0 END, one_time_tokens.id DESC"

// mailedTo returns the tokens, without their users, whose codes were mailed to an address for one of the purposes and may be
// typed now. The statement is the same for every address.
func (m *OneTimeTokenManager) mailedTo(ctx context.Context, address string, purposes []mail.Kind) ([]OneTimeToken, error) {
	now := m.store.Now()
	db := m.store.DB(ctx)
	takesCode := db.Where("FALSE")
	for _, purpose := range purposes {
		first, last := codeWindow(purpose, now)
		takesCode = takesCode.Or("purpose = ? AND expires_at > ? AND expires_at <= ?", purpose, first, last)
	}
	var found []OneTimeToken
	err := db.Joins("JOIN users ON users.id = one_time_tokens.user_id AND users.is_active").
		Where("address = ? AND ended_at IS NULL", address).Where(takesCode).
		Order(ownFirst).Limit(maxCodes).Find(&found).Error
	return found, err
}

// match returns the token that a code is for, with its user, or ErrCodeInvalid. It computes a code where there is no token, too.
func (m *OneTimeTokenManager) match(ctx context.Context, found []OneTimeToken, code string) (*OneTimeToken, error) {
	if len(found) == 0 {
		m.codec.HasCode(tokens.Handle{}, code)
	}
	for _, token := range found {
		if !m.codec.HasCode(tokens.Handle{ID: token.ID}, code) {
			continue
		}
		user, err := takeUser(m.store.DB(ctx), "id = ?", token.UserID)
		if errors.Is(err, ErrUserNotFound) {
			return nil, ErrCodeInvalid
		}
		if token.User = user; err != nil || token.usable(m.store.Now()) == nil {
			return &token, err
		}
	}
	return nil, ErrCodeInvalid
}

// redeem claims the token and does what it is for, together. If two requests redeem it at once, one succeeds. The guess is the
// one made with its code, or nil for the token of a link.
func (m *OneTimeTokenManager) redeem(ctx context.Context, token *OneTimeToken, counted *guess, do func(Tx) error) error {
	return m.store.Transaction(ctx, func(tx Tx) error {
		user, err := lockUser(tx, token.UserID)
		if errors.Is(err, ErrUserNotFound) || err == nil && user.mayUse(tx.Now) != nil {
			return ErrOneTimeTokenInvalid
		}
		if err != nil {
			return err
		}
		if err := counted.accept(tx); err != nil {
			return err
		}
		claim := tx.Model(&OneTimeToken{}).Where("id = ? AND ended_at IS NULL", token.ID).
			Updates(map[string]any{"ended_at": tx.Now, "end_reason": tokenUsed})
		if claim.Error != nil {
			return claim.Error
		}
		if claim.RowsAffected != 1 {
			return &UsedTokenError{At: tx.Now}
		}
		return do(tx)
	})
}

// forgiveRace returns nil for the ErrOneTimeTokenUsed of a redemption that another one was quicker than, if what the token is for
// is done now. It returns any other error as it is.
func (m *OneTimeTokenManager) forgiveRace(ctx context.Context, token *OneTimeToken, err error) error {
	if !errors.Is(err, ErrOneTimeTokenUsed) {
		return err
	}
	var now OneTimeToken
	failed := m.store.DB(ctx).Preload("User").Where("id = ?", token.ID).Take(&now).Error
	if failed != nil || !now.isDone(m.store.Now()) {
		return err
	}
	return nil
}

// keepTokens is how long the row of a token that is over stays, so that whoever comes back with it learns why.
const keepTokens = 7 * 24 * time.Hour

// DeleteOver deletes at most limit tokens that have been over for a week, and returns how many it deleted.
func (m *OneTimeTokenManager) DeleteOver(ctx context.Context, limit int) (int64, error) {
	before, db := m.store.Now().Add(-keepTokens), m.store.DB(ctx)
	over := db.Model(&OneTimeToken{}).Select("id").Where("ended_at < ? OR expires_at < ?", before, before).Limit(limit)
	deleted := db.Where("id IN (?)", over).Delete(&OneTimeToken{})
	return deleted.RowsAffected, deleted.Error
}
