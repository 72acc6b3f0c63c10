package server

import (
	"context"
	"log/slog"
	"time"

	"latchkey/config"
	"latchkey/database"
)

const (
	// ClockTolerance is by how much the clock may differ from the database's before it is worth a word.
	ClockTolerance = 2 * time.Second

	clockInterval = time.Hour
)

// compareClocks returns the task that compares this replica's clock with the database's, at the start and every hour. By that
// difference replicas disagree about what has expired; beyond JWT_LEEWAY one refuses the new tokens of another.
func compareClocks(settings config.Settings, with Resources) task {
	var next time.Time
	return task{"compare_clocks", func(ctx context.Context) error {
		if now := with.Now(); now.Before(next) {
			return nil
		}
		difference, err := database.ClockDifference(ctx, with.DB, with.Now)
		if err != nil {
			return err
		}
		next = with.Now().Add(clockInterval)
		if difference.Abs() > ClockTolerance {
			level := slog.LevelWarn
			if difference.Abs() > settings.JWT.Leeway {
				level = slog.LevelError
			}
			with.Log.Log(ctx, level, "the clock of this machine differs from the database's: let both follow NTP",
				"ahead_by_s", difference.Seconds())
		}
		return nil
	}}
}
