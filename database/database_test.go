package database_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/database"
	"latchkey/testkit"
)

func TestOpen_RefusesURLs(t *testing.T) {
	for _, c := range []struct{ url, says string }{
		{"", "must begin with sqlite: or postgres://"},
		{"latchkey.db", "must begin with sqlite: or postgres://"},
		{"mysql://root:hunter2@db/x", `not "mysql"`},
		{"hunter2hunter2hunter2hunter2:", "must begin with"},
		{"sqlite:", "names no file"},
		{"sqlite::memory:", "in memory"},
		{"sqlite:file:x.db", "not sqlite:file:path"},
		{"sqlite:x.db?mode=memory", "in memory"},
		{"sqlite:x.db?_pragma=foreign_keys(off)", "options are not supported"},
		{"sqlite:/no/such/folder/x.db", "folder of the SQLite database does not exist: /no/such/folder"},
		{"postgres://root:hunter2%@db/x", "percent-encoded"},
		{"postgres://root:hunter2@db:port/x", "percent-encoded"},
		{"postgres://root:hunter2@db/x?sslmode=hunter2", "not a valid PostgreSQL URL"},
		{"postgres://root@db/x?password=hunter2&sslmode=odd", "not a valid PostgreSQL URL"},
		{"postgres://root:hunter2@127.0.0.1:1/x", "opening the database"},
		{"postgres://root@127.0.0.1:1/x?password=hunter2", "opening the database"},
	} {
		t.Run(c.url, func(t *testing.T) {
			_, err := database.Open(c.url, database.Options{Logger: slog.New(slog.DiscardHandler)})
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "hunter2hunter2hunter2hunter2")
			if !strings.HasPrefix(c.url, "hunter2") {
				require.NotContains(t, err.Error(), "hunter2")
			}
		})
	}
}

func TestOpen_CreatesAPrivateFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b%20#ü")
	require.NoError(t, os.Mkdir(dir, 0o755))
	t.Chdir(dir)
	for _, url := range []string{"sqlite:rel.db", "sqlite:" + dir + "/abs.db", "sqlite://" + dir + "/slashes.db"} {
		db, err := database.Open(url, database.Options{})
		require.NoError(t, err)
		require.NoError(t, db.Exec("CREATE TABLE t (x integer)").Error)
		files, err := filepath.Glob("*.db*")
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			if strings.HasSuffix(file, "-shm") {
				continue // it has page numbers, and no content
			}
			info, err := os.Stat(file)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), file)
		}
		require.NoError(t, database.Close(db))
	}
	files, err := filepath.Glob("*")
	require.NoError(t, err)
	require.Equal(t, []string{"abs.db", "rel.db", "slashes.db"}, files)
}

func TestOpen_SQLiteSettings(t *testing.T) {
	db := openSQLite(t, database.Options{MaxOpenConns: 3})
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		var got string
		require.NoError(t, db.Raw("PRAGMA "+pragma).Scan(&got).Error)
		require.Equal(t, want, got, pragma)
	}
	pool, err := db.DB()
	require.NoError(t, err)
	require.Equal(t, 3, pool.Stats().MaxOpenConnections)
}

// Without a write lock from the start most of these fail with SQLITE_BUSY, whatever the timeout.
func TestOpen_ConcurrentReadThenWrite(t *testing.T) {
	const writers = 200
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		require.NoError(t, db.Exec("CREATE TABLE counters (id integer, n integer)").Error)
		require.NoError(t, db.Exec("INSERT INTO counters VALUES (1, 0)").Error)
		failures := make([]error, writers)
		var group sync.WaitGroup
		for i := range writers {
			group.Go(func() {
				failures[i] = db.Transaction(func(tx *gorm.DB) error {
					var n int
					if err := tx.Raw("SELECT n FROM counters WHERE id = 1").Scan(&n).Error; err != nil {
						return err
					}
					return tx.Exec("UPDATE counters SET n = n + 1 WHERE id = 1").Error
				})
			})
		}
		group.Wait()
		for _, err := range failures {
			require.NoError(t, err)
		}
		var n int
		require.NoError(t, db.Raw("SELECT n FROM counters").Scan(&n).Error)
		require.Equal(t, writers, n)
	})
}

// A program goes on while a migration adds a column. PostgreSQL refuses a prepared SELECT * whose columns have changed.
func TestOpen_ReadsThroughAnAddedColumn(t *testing.T) {
	type thing struct{ ID int }
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		pool, err := db.DB()
		require.NoError(t, err)
		pool.SetMaxOpenConns(1) // so that the statement is prepared on the connection that reads again
		require.NoError(t, db.Exec("CREATE TABLE things (id integer)").Error)
		require.NoError(t, db.Exec("INSERT INTO things VALUES (7)").Error)
		require.NoError(t, db.Take(&thing{}).Error)
		require.NoError(t, db.Exec("ALTER TABLE things ADD COLUMN color text").Error)
		require.NoError(t, db.Take(&thing{}).Error)
	})
}

func TestOpen_CreatesAFileConcurrently(t *testing.T) {
	const files, openers = 10, 8
	for i := range files {
		url := fmt.Sprintf("sqlite:%s/%d.db", t.TempDir(), i)
		failures := make([]error, openers)
		var group sync.WaitGroup
		for i := range failures {
			group.Go(func() {
				db, err := database.Open(url, database.Options{Logger: slog.New(slog.DiscardHandler)})
				if err == nil {
					err = database.Close(db)
				}
				failures[i] = err
			})
		}
		group.Wait()
		require.NoError(t, errors.Join(failures...))
	}
}

type thing struct {
	ID   int    `gorm:"primaryKey;autoIncrement:false"`
	Name string `gorm:"uniqueIndex"`
	At   time.Time
	Due  *time.Time
}

func eachDBWithThings(t *testing.T, run func(t *testing.T, db *gorm.DB)) {
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		require.NoError(t, db.AutoMigrate(&thing{}))
		run(t, db)
	})
}

func TestOpen_TranslatesDuplicates(t *testing.T) {
	eachDBWithThings(t, func(t *testing.T, db *gorm.DB) {
		require.NoError(t, db.Create(&thing{ID: 1, Name: "one"}).Error)
		require.ErrorIs(t, db.Create(&thing{ID: 2, Name: "one"}).Error, gorm.ErrDuplicatedKey)
		require.ErrorIs(t, db.Create(&thing{ID: 1, Name: "two"}).Error, gorm.ErrDuplicatedKey)
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			nested := tx.Transaction(func(tx *gorm.DB) error { return tx.Create(&thing{ID: 2, Name: "one"}).Error })
			require.ErrorIs(t, nested, gorm.ErrDuplicatedKey)
			return tx.Create(&thing{ID: 2, Name: "two"}).Error
		}), "the transaction goes on after a failed savepoint")
		var names []string
		require.NoError(t, db.Model(&thing{}).Order("id").Pluck("name", &names).Error)
		require.Equal(t, []string{"one", "two"}, names)
	})
}

func TestOpen_TimesAreUTCToTheMicrosecondAndOrdered(t *testing.T) {
	local := time.Local
	time.Local = time.FixedZone("elsewhere", -3*3600)
	t.Cleanup(func() { time.Local = local })
	east := time.FixedZone("east", 2*3600)
	at := []time.Time{
		time.Date(2026, 1, 1, 10, 0, 0, 0, east),
		time.Date(2026, 1, 1, 9, 0, 5, 0, time.UTC),
		time.Date(2026, 1, 1, 6, 0, 5, 123_456_789, time.Local),
		time.Date(2026, 1, 1, 9, 0, 5, 500_000_000, time.UTC),
	}
	eachDBWithThings(t, func(t *testing.T, db *gorm.DB) {
		for _, i := range []int{3, 0, 2, 1} {
			require.NoError(t, db.Create(&thing{ID: i, Name: at[i].String(), At: at[i], Due: &at[i]}).Error)
		}
		var things []thing
		require.NoError(t, db.Where("at >= ?", at[0]).Where("due <= ?", &at[3]).Order("at").Find(&things).Error)
		require.Len(t, things, len(at))
		for i, got := range things {
			want := at[i].UTC().Truncate(time.Microsecond)
			require.Equal(t, want, got.At)
			require.Equal(t, &want, got.Due)
		}
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			return tx.Model(&thing{}).Where("id = ?", 0).Select("At").Updates(thing{At: at[2]}).Error
		}))
		var count int64
		require.NoError(t, db.Model(&thing{}).Where("at = ?", at[2]).Count(&count).Error)
		require.EqualValues(t, 2, count)
	})
}

// No value may reach the log or an error, whether the statement succeeds, violates a constraint or is refused.
func TestQueryLogger_LogsAndErrorsShowNoValues(t *testing.T) {
	const secret = "hunter2"
	testkit.EachURL(t, func(t *testing.T, url string) {
		var log bytes.Buffer
		handler := slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})
		db, err := database.Open(url, database.Options{Logger: slog.New(handler)})
		require.NoError(t, err)
		defer database.Close(db)
		require.NoError(t, db.AutoMigrate(&thing{}))
		var errs []error
		note := func(err error) { errs = append(errs, err) }
		note(db.Create(&thing{ID: 1, Name: secret}).Error)
		note(db.Create(&thing{ID: 2, Name: secret}).Error)
		note(db.Take(&thing{}, "name = ?", secret+"?").Error)
		note(db.Exec("INSERT INTO things (id, name) VALUES (?, ?)", 1, secret).Error)
		note(db.Exec("INSERT INTO things (id, nope) VALUES (?, ?)", 1, secret).Error)
		note(db.Exec("SELECT CAST(? AS integer) FROM no_such_table", secret).Error)
		note(db.Raw("SELECT CAST(CAST(? AS text) AS uuid)", secret).Scan(new(string)).Error)
		note(db.Transaction(func(tx *gorm.DB) error {
			return tx.Raw("INSERT INTO things (id, name) VALUES (3, ?) RETURNING id", secret).Scan(new(int)).Error
		}))
		require.ErrorIs(t, errs[len(errs)-1], gorm.ErrDuplicatedKey)
		note(db.Model(&thing{}).Where("id = ?", 1).Update("at", secret+"-no-time").Error)
		note(db.Transaction(func(tx *gorm.DB) error { return tx.Create(&thing{ID: 3, Name: secret}).Error }))
		require.NotEmpty(t, log.String())
		require.NotContains(t, log.String(), secret)
		require.Contains(t, log.String(), "statement failed")
		for _, err := range errs[1:] {
			if err != nil {
				require.NotContains(t, err.Error(), secret)
			}
		}
	})
}

func openSQLite(t *testing.T, opts database.Options) *gorm.DB {
	t.Helper()
	db, err := database.Open("sqlite:"+filepath.Join(t.TempDir(), "test.db"), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, database.Close(db)) })
	return db
}
