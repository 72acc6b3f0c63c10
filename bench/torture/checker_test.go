package torture

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/database"
	"latchkey/testkit"
)

// found counts what became of the operations in a ledger.
type found struct {
	acknowledged, lost, unknown, whole, absent int
}

// String returns the counts, as a row's line has them.
func (f found) String() string {
	return fmt.Sprintf("%d acknowledged, %d lost, %d unknown (of the sign-ups and changes among them %d whole, %d absent, 0 half)",
		f.acknowledged, f.lost, f.unknown, f.whole, f.absent)
}

// check holds the ledger against the database and against the service at address. It fails the test if anything acknowledged was
// lost, or anything was done by half.
func check(t *testing.T, db *gorm.DB, address string, l *ledger) found {
	t.Helper()
	result := examine(t, db, address, l)
	require.Zero(t, result.lost, "acknowledged operations were lost")
	return result
}

// examine is [check], except that it only counts what was lost.
func examine(t *testing.T, db *gorm.DB, address string, l *ledger) found {
	t.Helper()
	quiet(t, db)
	requireWhole(t, db)
	accounts := accountsIn(t, db)
	var mu sync.Mutex
	var odd []string
	result := found{acknowledged: l.counts[acknowledged], unknown: l.counts[unknown]}
	phones := make(chan *phone)
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() {
			for p := range phones {
				was := p.compare(accounts, address)
				mu.Lock()
				result.add(was)
				odd = append(odd, was.odd...)
				mu.Unlock()
			}
		})
	}
	for _, p := range l.phones {
		phones <- p
	}
	close(phones)
	running.Wait()
	for _, line := range odd[:min(len(odd), 20)] {
		t.Log(line)
	}
	return result
}

func (f *found) add(was comparison) {
	f.lost += len(was.odd)
	f.whole += was.whole
	f.absent += was.absent
}

// comparison is what became of a phone's operations: odd says what was lost.
type comparison struct {
	odd           []string
	whole, absent int
}

// account is what is stored about a phone.
type account struct {
	Email     string
	FirstName string
	Changes   int
}

func accountsIn(t *testing.T, db *gorm.DB) map[string]account {
	t.Helper()
	var rows []account
	require.NoError(t, db.Raw(`SELECT u.email, u.first_name, coalesce(e.changes, 0) AS changes FROM users u LEFT JOIN
		(SELECT user_id, count(*) AS changes FROM audit_events WHERE kind = 'password_changed' GROUP BY user_id) e
		ON e.user_id = u.id`).Scan(&rows).Error)
	accounts := map[string]account{}
	for _, row := range rows {
		accounts[row.Email] = row
	}
	return accounts
}

// compare holds what a phone knows against what is stored and what the service at address says.
func (p *phone) compare(accounts map[string]account, address string) (was comparison) {
	stored, exists := accounts[p.email]
	miss := func(format string, values ...any) {
		was.odd = append(was.odd, p.email+": "+fmt.Sprintf(format, values...))
	}
	tally := func(happened bool) {
		if happened {
			was.whole++
		} else {
			was.absent++
		}
	}
	switch p.created {
	case unknown:
		tally(exists)
		return was
	case refused:
		if exists {
			miss("a refused sign-up left an account")
		}
		return was
	case acknowledged:
		if !exists {
			miss("the account is gone")
			return was
		}
	}
	if i := slices.Index(p.names, stored.FirstName); i < 0 {
		miss("named %q instead of %q", stored.FirstName, p.names)
	} else if len(p.names) > 1 {
		tally(i > 0)
	}
	p.compareOnline(stored, address, miss, tally)
	return was
}

// compareOnline logs the phone in, and goes on with its session.
func (p *phone) compareOnline(stored account, address string, miss func(string, ...any), tally func(bool)) {
	opened := slices.IndexFunc(p.passwords, func(password string) bool {
		return ask(address, http.MethodPost, "login", "", fmt.Sprintf(`{"email":%q,"password":%q}`, p.email, password)).status == http.StatusOK
	})
	switch {
	case opened < 0:
		miss("no password of %d opens the account", len(p.passwords))
	case stored.Changes != p.changes+opened:
		miss("%d changes of the password are recorded, and %d happened", stored.Changes, p.changes+opened)
	case len(p.passwords) > 1:
		tally(opened > 0)
	}
	if got := ask(address, http.MethodGet, "profile", p.pair.Access, ""); got.status != http.StatusOK {
		miss("profile: %d %s %v", got.status, got.code, got.err)
	}
	if got := ask(address, http.MethodPost, "token/refresh", "", testkit.Refreshing(p.pair.Refresh)); got.status != http.StatusOK {
		miss("refresh: %d %s %v", got.status, got.code, got.err)
	}
}

// ask sends a request outside of any load. One that gets a 503 or no response is sent again, as clients do.
func ask(address, method, path, token, body string) (got response) {
	for range 20 {
		got = requester{http.DefaultClient, address, time.Now()}.send(method, path, token, body)
		if got.outcome() != unknown {
			return got
		}
		time.Sleep(250 * time.Millisecond)
	}
	return got
}

// quiet waits until no request is at work in the database any longer, even one whose client was told to try again.
func quiet(t *testing.T, db *gorm.DB) {
	t.Helper()
	if database.Dialect(db) != database.Postgres {
		return
	}
	calm := 0
	require.Eventually(t, func() bool {
		var busy int64
		err := db.Raw(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
			AND state IN ('active', 'idle in transaction', 'idle in transaction (aborted)')`).Scan(&busy).Error
		if err != nil || busy > 0 {
			calm = 0
			return false
		}
		calm++
		return calm > 3
	}, testkit.Patience, 20*time.Millisecond, "the database is quiet")
}

// halves are queries that count operations that were done by half, by what is wrong. USER stands for the user's id in a job.
func halves() map[string]string {
	const mails = "FROM river_job WHERE kind = 'mail'"
	return map[string]string{
		"accounts with one email": "SELECT count(*) FROM (SELECT 1 FROM users GROUP BY lower(email) HAVING count(*) > 1) x",
		"accounts without their one event": `SELECT count(*) FROM users u LEFT JOIN (SELECT user_id, count(*) AS n FROM audit_events
			WHERE kind = 'signed_up' GROUP BY user_id) e ON e.user_id = u.id WHERE coalesce(e.n, 0) <> 1`,
		"events without their account": `SELECT count(*) FROM audit_events e LEFT JOIN users u ON u.id = e.user_id
			WHERE e.kind = 'signed_up' AND u.id IS NULL`,
		"accounts without their one mail": `SELECT count(*) FROM users u LEFT JOIN (SELECT USER AS user_id, count(*) AS n ` + mails + `
			AND MESSAGE = 'verify_email' GROUP BY USER) j ON j.user_id = TEXT WHERE coalesce(j.n, 0) <> 1`,
		"mails without an account": `SELECT count(*) FROM (SELECT USER AS user_id ` + mails + `) j LEFT JOIN users u
			ON j.user_id = TEXT WHERE u.id IS NULL`,
		"changes of a password without their one mail": `SELECT count(*) FROM audit_events e LEFT JOIN (SELECT ABOUT AS about,
			count(*) AS n ` + mails + ` GROUP BY ABOUT) j ON j.about = EVENT WHERE e.kind = 'password_changed' AND coalesce(j.n, 0) <> 1`,
		"sessions without their one event": `SELECT count(*) FROM sessions s LEFT JOIN (SELECT session_id, count(*) AS n
			FROM audit_events WHERE kind IN ('signed_up', 'login_succeeded') GROUP BY session_id) e ON e.session_id = s.id
			WHERE coalesce(e.n, 0) <> 1`,
		"sessions without their user": "SELECT count(*) FROM sessions s LEFT JOIN users u ON u.id = s.user_id WHERE u.id IS NULL",
		"tokens without their user":   "SELECT count(*) FROM one_time_tokens o LEFT JOIN users u ON u.id = o.user_id WHERE u.id IS NULL",
		"honest sessions that ended as a theft": `SELECT (SELECT count(*) FROM sessions WHERE end_reason = 'reuse') +
			(SELECT count(*) FROM audit_events WHERE kind = 'refresh_token_reused')`,
		"active keys beside the one": "SELECT abs(count(*) - 1) FROM signing_keys WHERE state = 'active'",
	}
}

// requireWhole fails the test if the database holds anything that was done by half, or is damaged itself.
func requireWhole(t *testing.T, db *gorm.DB) {
	t.Helper()
	names := []string{"USER", "args->>'user_id'", "MESSAGE", "args->>'message'", "ABOUT", "args->>'about'",
		"TEXT", "u.id::text", "EVENT", "e.id::text"}
	if database.Dialect(db) == database.SQLite {
		names[7], names[9] = "u.id", "e.id"
		var verdict string
		require.NoError(t, db.Raw("PRAGMA integrity_check").Scan(&verdict).Error)
		require.Equal(t, "ok", verdict)
	}
	for wrong, query := range halves() {
		var rows int64
		require.NoError(t, db.Raw(strings.NewReplacer(names...).Replace(query)).Scan(&rows).Error, wrong)
		require.Zero(t, rows, wrong)
	}
}
