package server

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/config"
)

func TestDjangoTokens_AreAcceptedForAYearAtMost(t *testing.T) {
	t.Parallel()
	settings, err := config.Load([]string{
		"DJANGO_COMPAT=true", "DJANGO_TOKENS_UNTIL=2026-12-31", "DJANGO_SECRET_KEY=b7Yq2kXw9Zt4Rn8Vm3Lp6Hs1Jd5Gf0Ca!xQzWeRt",
		"SECRET_KEY=u3X0rQ2hVb9TzM7pKcW5yLe8NdJ1aGfS6oHiRtYwZkQ=",
	}, t.TempDir())
	require.NoError(t, err)
	at := func(day string) parts {
		now, err := time.Parse(time.DateOnly, day)
		require.NoError(t, err)
		return parts{Resources: Resources{Now: func() time.Time { return now }}, settings: settings}
	}
	issued, err := djangoTokens(at("2026-03-01"))
	require.NoError(t, err)
	require.NotNil(t, issued)
	_, err = djangoTokens(at("2025-12-30"))
	require.ErrorContains(t, err, "DJANGO_TOKENS_UNTIL is more than a year off")

	settings.Django.SecretKey = config.Secret{}
	issued, err = djangoTokens(at("2026-03-01"))
	require.NoError(t, err)
	require.Nil(t, issued)
}
