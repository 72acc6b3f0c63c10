//go:build torture

package torture

import (
	"crypto/rand"
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// newPostgresBehind starts a server by way of another command.
func newPostgresBehind(t *testing.T, command ...string) *postgres {
	t.Helper()
	p := &postgres{port: testkit.Port(t), password: rand.Text(), dir: folderForPostgres(t), before: command}
	p.create(t)
	return p
}

// newPostgresWithWAL starts a server whose write-ahead log is in a folder of its own, and small.
func newPostgresWithWAL(t *testing.T, folder string) *postgres {
	t.Helper()
	p := &postgres{port: testkit.Port(t), password: rand.Text(), dir: folderForPostgres(t)}
	p.settings = []string{"min_wal_size=4MB", "max_wal_size=8MB"}
	p.create(t, "--waldir", folder, "--wal-segsize", "1")
	return p
}

// standby starts a server that follows p. What it receives may already be acknowledged: see await.
func (p *postgres) standby(t *testing.T) *postgres {
	t.Helper()
	s := &postgres{port: testkit.Port(t), password: p.password, dir: folderForPostgres(t)}
	s.follow(t, p)
	return s
}

// follow replaces the files of a server that does not run by a copy of another's, and starts it as that one's standby.
func (p *postgres) follow(t *testing.T, primary *postgres) {
	t.Helper()
	require.NoError(t, os.RemoveAll(p.data()))
	p.run(t, "pg_basebackup", "--pgdata", p.data(), "--write-recovery-conf", "--wal-method", "stream", "--checkpoint", "fast", "--no-sync",
		"--dbname", primary.url("postgres"))
	p.start(t)
	require.Eventually(t, func() bool {
		return primary.query(t, "postgres", "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == "1"
	}, testkit.Patience, 20*time.Millisecond, "the standby follows")
}

// await makes each commit wait until a standby has it, or none.
func (p *postgres) await(t *testing.T, standbys string) {
	t.Helper()
	p.query(t, "postgres", "ALTER SYSTEM SET synchronous_standby_names = '"+standbys+"'")
	p.query(t, "postgres", "SELECT pg_reload_conf()")
	want := "async"
	if standbys != "" {
		want = "quorum"
	}
	require.Eventually(t, func() bool {
		return p.query(t, "postgres", "SELECT coalesce(min(sync_state), 'async') FROM pg_stat_replication") == want
	}, testkit.Patience, 10*time.Millisecond, "replication is %s", want)
}

// promote makes a standby the primary.
func (p *postgres) promote(t *testing.T) {
	t.Helper()
	require.Equal(t, "true", p.query(t, "postgres", "SELECT pg_promote(true, 60)"))
}

// stop stops the server as an operator does, once its standby has everything.
func (p *postgres) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, syscall.Kill(p.pid, syscall.SIGINT))
	require.Eventually(t, func() bool { return syscall.Kill(p.pid, 0) != nil }, testkit.Patience, 5*time.Millisecond, "PostgreSQL ends")
	p.ended()
}

// anyStandby is the setting with which a commit waits for one of the standbys.
const anyStandby = "ANY 1 (*)"

// either returns the URL of whichever of two servers is the primary.
func either(a, b *postgres) string {
	return hosts("latchkey", "&target_session_attrs=read-write&connect_timeout=3", a, b)
}

// pair is a primary, its standby, and three replicas of the service that know both.
type pair struct {
	primary, standby *postgres
	replicas         []*replica
	load             *load
}

func newPair(t *testing.T, rate int) *pair {
	t.Helper()
	primary := newPostgres(t, "log_statement=all") // for canceledWaits
	p := &pair{primary: primary, standby: primary.standby(t)}
	url := either(p.primary, p.standby)
	p.replicas = []*replica{newReplica(t, url), newReplica(t, url), newReplica(t, url)}
	p.load = newLoad(t, rate, p.replicas[0].addr, p.replicas[1].addr, p.replicas[2].addr)
	return p
}

// failOver promotes the standby once the primary is gone, and returns how long after that a write succeeded.
func (p *pair) failOver(t *testing.T) time.Duration {
	t.Helper()
	time.Sleep(time.Second / 2)
	p.standby.promote(t)
	promoted := time.Now()
	require.Eventually(t, func() bool { return p.load.ledger.lastWrite().After(promoted) }, testkit.Patience, 5*time.Millisecond, "writes succeed again")
	took := time.Since(promoted)
	p.primary, p.standby = p.standby, p.primary
	return took
}

// The primary is killed, or stopped for a switch, and the standby takes over; then the old primary comes back as a standby. The
// replicas find the new primary by themselves, and nothing is lost.
func TestF2b_ASynchronousFailoverLosesNothing(t *testing.T) {
	p := newPair(t, f1Rate)
	p.primary.await(t, anyStandby)
	var longest time.Duration
	for round := range f2bRounds {
		p.load.during(func() {
			time.Sleep(2 * time.Second)
			if round%3 == 2 {
				p.primary.stop(t)
			} else {
				p.primary.kill(t)
			}
			longest = max(longest, p.failOver(t))
		})
		p.standby.follow(t, p.primary)
		p.primary.await(t, anyStandby)
	}
	result := check(t, testkit.OpenAt(t, p.primary.url("latchkey")), p.replicas[0].addr, p.load.ledger)
	p.primary.amcheck(t)
	p.load.ledger.requireOnlyUnavailable(t)
	within(t, 2*time.Second, longest, "the first write after a promotion")
	within(t, 5200*time.Millisecond, p.load.ledger.longest, "the longest response")
	summarize(t, fmt.Sprintf("F2b %d failovers to a synchronous standby, one in three a switch, %v, %v, first write %.1f s after the promotion at most",
		f2bRounds, result, p.load.ledger, longest.Seconds()))
}

// The standby of an asynchronous primary is some seconds behind when the primary is killed. What it had not received is lost, and
// nothing else; clients that refreshed in that time stay logged in.
func TestF2b_AnAsynchronousFailoverLosesNoMoreThanTheLag(t *testing.T) {
	p := newPair(t, f1Rate)
	p.load.lasting(2 * time.Second)
	p.primary.signalSender(t, syscall.SIGSTOP)
	held := p.load.ledger.count(acknowledged)
	p.load.during(func() {
		time.Sleep(time.Second)
		p.primary.kill(t)
		p.failOver(t)
		time.Sleep(2 * time.Second)
	})
	lag := p.load.ledger.count(acknowledged) - held
	db := testkit.OpenAt(t, p.primary.url("latchkey"))
	var ended int64
	require.NoError(t, db.Raw("SELECT count(*) FROM audit_events WHERE kind = 'refresh_token_reused'").Scan(&ended).Error)
	require.Zero(t, ended, "honest sessions ended as a theft")
	result := examine(t, db, p.replicas[0].addr, p.load.ledger)
	require.LessOrEqual(t, result.lost, lag)
	summarize(t, fmt.Sprintf("F2b failover to an asynchronous standby one second behind, %v, sessions ended as a theft 0, %v", result, p.load.ledger))
}

// signalSender signals the process that sends the primary's changes to its standby.
func (p *postgres) signalSender(t *testing.T, signal syscall.Signal) {
	t.Helper()
	sender := p.query(t, "postgres", "SELECT pid FROM pg_stat_replication")
	require.NoError(t, syscall.Kill(number(t, digits, sender), signal))
}

// The standby receives nothing, and clients hang up and time out while their commits wait for it. PostgreSQL waits on: a commit
// that the standby does not have is shown to nobody, so that nothing which anybody was shown is gone after the failover.
func TestF2c_AClientThatHangsUpMakesNoCommitVisible(t *testing.T) {
	p := newPair(t, f1Rate)
	p.primary.await(t, anyStandby)
	p.load.lasting(time.Second)
	p.primary.signalSender(t, syscall.SIGSTOP)
	const clients = 50
	for i := range clients {
		impatient(t, p.replicas[i%3].addr, fmt.Sprintf("hangup%d@example.com", i), time.Second/4)
	}
	time.Sleep(7 * time.Second) // longer than any deadline for a response
	shown := shownTaken(p.replicas[0].addr, clients)
	p.primary.kill(t)
	require.Empty(t, canceledWaits(p.primary.log(t)))
	p.load.during(func() { p.failOver(t) })
	db := testkit.OpenAt(t, p.primary.url("latchkey"))
	for _, email := range shown {
		var there int64
		require.NoError(t, db.Raw("SELECT count(*) FROM users WHERE email = ?", email).Scan(&there).Error)
		require.EqualValues(t, 1, there, "%s was shown as taken, and is gone", email)
	}
	result := check(t, db, p.replicas[0].addr, p.load.ledger)
	summarize(t, fmt.Sprintf("F2c %d clients hung up while their commits waited for a standby, %d shown as taken and gone afterwards 0, canceled waits 0, %v",
		clients, len(shown), result))
}

// canceledWaits returns the last statement of each transaction in a server's log that stopped waiting for the standby. What River
// does beside the requests, to lead and to fetch jobs, is left out: it is shown to nobody.
func canceledWaits(log string) (statements []string) {
	last := map[string]string{} // by process
	for line := range strings.Lines(log) {
		process := bracketed.FindString(line)
		switch {
		case strings.Contains(line, " LOG:  execute "):
			last[process] = line
		case strings.Contains(line, "canceling wait") && !strings.Contains(last[process], "-- name: "):
			statements = append(statements, last[process])
		}
	}
	return statements
}

var bracketed = regexp.MustCompile(`\[\d+\]`)

// Through PgBouncer in transaction mode, requests of more clients than it has connections succeed.
func TestF2d_ThroughPgBouncerEverythingSucceeds(t *testing.T) {
	server := newPostgres(t)
	newReplica(t, server.url("latchkey")).kill(t) // migrates
	pooler := testkit.PgBouncer(t, server.url("latchkey"), "transaction")
	service := newReplica(t, pooler+"&default_query_exec_mode=exec", "AUTO_MIGRATE=false", "DB_MAX_OPEN_CONNS=8")
	load := newLoad(t, f2dRate, service.addr)
	load.lasting(f2dLasting)
	result := check(t, testkit.OpenAt(t, server.url("latchkey")), service.addr, load.ledger)
	require.Empty(t, load.ledger.refusals)
	require.Empty(t, load.ledger.statuses)
	summarize(t, fmt.Sprintf("F2d PgBouncer in transaction mode, 4 connections for 8, %v, %v", result, load.ledger))
}

// shownTaken signs up with each address that a client hung up with, and returns those that are said to be taken.
func shownTaken(address string, clients int) (shown []string) {
	for i := range clients {
		email := fmt.Sprintf("hangup%d@example.com", i)
		client := patient(2 * time.Second)
		got := requester{client, address, time.Now()}.send("POST", "signup", "", testkit.Credentials(email))
		if got.status == 400 && strings.Contains(got.body, "taken") {
			shown = append(shown, email)
		}
	}
	return shown
}
