package server

import (
	"context"
	"time"

	"latchkey/models"
)

const decoysInterval = time.Hour

// updateDecoys returns the task that counts the formats of hashes, at the start and every hour, for logins to addresses without
// an account.
func updateDecoys(users *models.UserManager, now func() time.Time) task {
	var next time.Time
	return task{"update_decoys", func(ctx context.Context) error {
		if now().Before(next) {
			return nil
		}
		if err := users.UpdateDecoys(ctx); err != nil {
			return err
		}
		next = now().Add(decoysInterval)
		return nil
	}}
}
