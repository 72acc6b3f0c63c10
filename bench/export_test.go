package bench

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/database"
)

const (
	exportEvents  = 300_000
	exportsAtOnce = 8
)

// BenchmarkExport measures what exports of an account with a long history cost. The built program on SQLite gets an account with
// 300,000 audit events, and then eight requests at once for all of it. It prints the server's peak memory before and after them, the
// time that they took and the size of one. It needs Linux. Run it with
//
//	go test ./bench -run NONE -bench Export -benchtime 1x
func BenchmarkExport(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("the usage of a process is read from Linux's /proc")
	}
	server := startServer(b, buildProgram(b))
	load := newLoad(server.url, exportsAtOnce)
	load.client.Timeout = 10 * time.Minute
	token := load.signupAll(b, 1)
	fillHistory(b, filepath.Join(server.folder, "latchkey.db"))
	for b.Loop() {
		before, began := server.peakMemory(b), time.Now()
		sizes := make([]int, exportsAtOnce)
		var group sync.WaitGroup
		for i := range exportsAtOnce {
			group.Go(func() {
				status, body, err := load.send(context.Background(), http.MethodGet, "/api/v1/profile/export", token, nil)
				if err == nil && status == http.StatusOK {
					sizes[i] = len(body)
				}
			})
		}
		group.Wait()
		for _, size := range sizes {
			require.NotZero(b, size, "an export failed")
		}
		b.ReportMetric(float64(before), "before-MiB")
		b.ReportMetric(float64(server.peakMemory(b)), "peak-MiB")
		b.ReportMetric(time.Since(began).Seconds(), "seconds")
		b.ReportMetric(float64(sizes[0])/(1<<20), "export-MiB")
	}
}

// fillHistory gives the one account in a database its events.
func fillHistory(b *testing.B, file string) {
	b.Helper()
	db, err := database.Open("sqlite:"+file, database.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(b, err)
	defer func() { require.NoError(b, database.Close(db)) }()
	require.NoError(b, db.Exec(`INSERT INTO audit_events (id, kind, user_id, session_id, detail, ip, request_id, created_at)
		SELECT printf('01900000-0000-7000-8000-%012x', i), 'login_succeeded', (SELECT id FROM users), (SELECT id FROM users), '',
			'2001:db8:1234:5678:9abc:def0:1234:5678', '01a209b2-a8c1-70cd-81c6-b9fe683807b5', '2026-01-01 00:00:00+00:00'
		FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < ?) SELECT i FROM n)`, exportEvents).Error)
}
