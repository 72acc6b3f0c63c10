package commands

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestProgress_ReportsRateAndTimeLeft(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	share := 0.0
	var out bytes.Buffer
	c := &console{stderr: &out, now: func() time.Time { return now }}
	p := c.newProgress(func() float64 { return share })
	step := func(after time.Duration, rows int, done float64) {
		now, share = now.Add(after), done
		p.add(rows)
	}
	step(time.Second, 1000, 0.05)
	require.Empty(t, out.String(), "no line every second")
	step(9*time.Second, 1000, 0.1)
	step(10*time.Second, 2000, unknownShare)
	p.done()
	require.Equal(t, " 10%  2000 accounts, 200/s, 1m30s left\n4000 accounts, 200/s\n4000 accounts in 20s (200/s)\n", out.String())

	out.Reset()
	p = &progress{out: &out, now: c.now, share: func() float64 { return 0.5 }, started: now.Add(-4 * time.Second), terminal: true}
	p.add(100)
	p.add(100)
	require.Equal(t, "\r[############............]  50%  100 accounts, 25/s, 4s left\x1b[K", out.String(), "drawn once in 200 ms")
}
