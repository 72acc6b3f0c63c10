package commands

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/config"
)

func TestClockFindings(t *testing.T) {
	t.Parallel()
	const leeway = 5 * time.Second
	for ahead, want := range map[time.Duration]struct {
		level config.Level
		says  string
	}{
		0:                {"", ""},
		2 * time.Second:  {"", ""},
		-3 * time.Second: {config.LevelWarning, "3s behind the database's"},
		4 * time.Second:  {config.LevelWarning, "4s ahead of the database's"},
		6 * time.Second:  {config.LevelError, "6s ahead of the database's, more than JWT_LEEWAY"},
		-time.Hour:       {config.LevelError, "1h0m0s behind the database's, more than JWT_LEEWAY"},
	} {
		found := clockFindings(ahead, leeway)
		if want.level == "" {
			require.Empty(t, found, ahead)
			continue
		}
		require.Len(t, found, 1)
		require.Equal(t, want.level, found[0].Level, ahead)
		require.Contains(t, found[0].Problem, want.says)
	}
}
