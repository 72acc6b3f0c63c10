package commands

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

const (
	unknownShare = -1

	redrawEvery = 200 * time.Millisecond // at a terminal
	reportEvery = 10 * time.Second       // elsewhere
)

// progress reports how far a long command is: by a bar that is redrawn at a terminal, by lines elsewhere.
type progress struct {
	out      io.Writer
	now      func() time.Time
	share    func() float64 // done, from 0 to 1, or unknownShare
	started  time.Time
	reported time.Time
	rows     int
	terminal bool
}

func (c *console) newProgress(share func() float64) *progress {
	file, isFile := c.stderr.(*os.File)
	p := &progress{out: c.stderr, now: c.now, share: share, started: c.now()}
	if p.terminal = isFile && term.IsTerminal(int(file.Fd())); !p.terminal {
		p.reported = p.started // a bar is drawn at once, the first line later
	}
	return p
}

// add counts rows, and reports how many there are when the last report is long enough ago.
func (p *progress) add(rows int) {
	p.rows += rows
	now, every := p.now(), reportEvery
	if p.terminal {
		every = redrawEvery
	}
	if now.Sub(p.reported) < every {
		return
	}
	p.reported = now
	if p.terminal {
		fmt.Fprintf(p.out, "\r%s\x1b[K", p.line(now))
		return
	}
	fmt.Fprintln(p.out, p.line(now))
}

// done reports the total.
func (p *progress) done() {
	now := p.now()
	if p.terminal {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
	took := now.Sub(p.started)
	fmt.Fprintf(p.out, "%d accounts in %s (%d/s)\n", p.rows, took.Round(100*time.Millisecond), p.rate(took))
}

func (p *progress) line(now time.Time) string {
	took, share := now.Sub(p.started), p.share()
	if share == unknownShare {
		return fmt.Sprintf("%d accounts, %d/s", p.rows, p.rate(took))
	}
	text := fmt.Sprintf("%3.0f%%  %d accounts, %d/s", 100*share, p.rows, p.rate(took))
	if share > 0 {
		left := time.Duration(float64(took) * (1 - share) / share)
		text += fmt.Sprintf(", %s left", left.Round(time.Second))
	}
	if p.terminal {
		const width = 24
		full := min(width, int(share*width))
		text = "[" + strings.Repeat("#", full) + strings.Repeat(".", width-full) + "] " + text
	}
	return text
}

func (p *progress) rate(took time.Duration) int {
	return int(float64(p.rows) / max(took.Seconds(), 0.001))
}
