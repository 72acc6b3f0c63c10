package models

import (
	"context"
	"errors"
	"slices"
	"strings"

	"latchkey/jobs"
	"latchkey/mail"
)

// Recipient returns the key under which a queued mail counts in the limit of mails to one recipient. It is "" if the mail is not
// limited, because only somebody who knows the password of a verified account can have caused it. All mails that strangers can
// cause to one mailbox share a key, except those that the owner of an address needs: a mail that resets the password of their
// account, or verifies its address, shares a key only with others of its kind to that account. So whoever uses that limit up has
// sent the owner the very mails that they need.
func (m *OneTimeTokenManager) Recipient(ctx context.Context, job jobs.Mail) (string, error) {
	user, err := takeUser(m.store.DB(ctx), "id = ?", job.UserID)
	if errors.Is(err, ErrUserNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	kind, isVerified := mail.Kind(job.Message), user.EmailVerifiedAt != nil
	switch kind {
	case mail.VerifyEmail, mail.ResetPassword:
		if isVerified || user.Email == mailboxOf(user.Email) {
			return string(kind) + " " + user.Email, nil
		}
	case mail.ChangeEmail, PurposeUndoChange:
		return m.recipientOfToken(ctx, job)
	case mail.AccountExists:
	default:
		if isVerified {
			return "", nil
		}
	}
	return mailboxOf(user.Email), nil
}

// recipientOfToken is Recipient for a mail to another address than that of the account. One that undoes a change is limited only
// if nobody has shown that the address was the user's.
func (m *OneTimeTokenManager) recipientOfToken(ctx context.Context, job jobs.Mail) (string, error) {
	var found []OneTimeToken
	if err := m.store.DB(ctx).Where("id = ?", job.About).Limit(1).Find(&found).Error; err != nil || len(found) == 0 {
		return "", err
	}
	if found[0].Purpose == PurposeUndoChange && !found[0].Unproven {
		return "", nil
	}
	return mailboxOf(found[0].Address), nil
}

// mailboxOf returns the mailbox that a canonical address leads to, as far as that is known: without what follows a plus sign
// (RFC 5233, section 1), and without dots where the provider ignores them. It is for limits alone: elsewhere these are different
// addresses.
func mailboxOf(address string) string {
	local, domain, _ := strings.Cut(address, "@")
	if name, _, isTagged := strings.Cut(local, "+"); isTagged && name != "" {
		local = name
	}
	if slices.Contains([]string{"gmail.com", "googlemail.com"}, domain) {
		local, domain = strings.ReplaceAll(local, ".", ""), "gmail.com"
	}
	return local + "@" + domain
}
