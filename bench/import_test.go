package bench

import (
	"errors"
	"flag"
	"io"
	"log/slog"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/commands"
	"latchkey/database"
	"latchkey/database/scratch"
	"latchkey/testkit"
)

// djangoUsers is how many users BenchmarkImportDjango imports: go test -run - -bench ImportDjango ./bench -users 1000000.
var djangoUsers = flag.Int("users", 10_000, "how many users BenchmarkImportDjango imports")

// BenchmarkImportDjango measures an import from a Django database into PostgreSQL, both on one throwaway server, and the same
// import again when nothing has changed. MB is the most memory that the process obtained from the system, as Go counts it.
func BenchmarkImportDjango(b *testing.B) {
	cluster, err := scratch.Start(b.Context())
	if errors.Is(err, scratch.ErrNotInstalled) || errors.Is(err, scratch.ErrUnsupported) {
		b.Skip(err)
	}
	require.NoError(b, err)
	defer cluster.Close()
	source, err := cluster.CreateDatabase(b.Context())
	require.NoError(b, err)
	fillDjango(b, source, *djangoUsers)
	for b.Loop() {
		target, err := cluster.CreateDatabase(b.Context())
		require.NoError(b, err)
		openMigrated(b, target)
		for _, run := range []string{"first", "again"} {
			before := b.Elapsed()
			importDjango(b, target, source)
			b.ReportMetric((b.Elapsed() - before).Seconds(), "s-"+run)
		}
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	b.ReportMetric(float64(memory.Sys)/1e6, "MB")
}

// fillDjango creates the table of a Django project's users, and fills it.
func fillDjango(b *testing.B, url string, users int) {
	b.Helper()
	db, err := database.Open(url, database.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(b, err)
	defer database.Close(db)
	require.NoError(b, db.Exec(`CREATE TABLE users_user (
		id bigserial PRIMARY KEY, password varchar(128) NOT NULL, last_login timestamptz, is_superuser boolean NOT NULL,
		first_name varchar(150) NOT NULL, last_name varchar(150) NOT NULL, is_staff boolean NOT NULL,
		is_active boolean NOT NULL, date_joined timestamptz NOT NULL, email varchar(254) NOT NULL UNIQUE)`).Error)
	require.NoError(b, db.Exec(`INSERT INTO users_user (password, last_login, is_superuser, first_name, last_name, is_staff,
			is_active, date_joined, email)
		SELECT 'pbkdf2_sha256$260000$' || substr(md5(n::text), 1, 22) || '$' ||
			encode(sha256(n::text::bytea), 'base64'), now(), false, 'Ann', 'Bee', false, true, now(),
			'user' || n || '@example.com' FROM generate_series(1, ?) AS n`, users).Error)
}

func importDjango(b *testing.B, target, source string) {
	b.Helper()
	b.Chdir(b.TempDir())
	stdin, err := os.Open(os.DevNull)
	require.NoError(b, err)
	defer stdin.Close()
	code := commands.Run([]string{"import", "django"}, []string{
		"DATABASE_URL=" + target, "DJANGO_DATABASE_URL=" + source, "SECRET_KEY=" + testkit.SecretKey,
	}, stdin, io.Discard, io.Discard)
	require.Zero(b, code)
}
