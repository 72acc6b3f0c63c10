package models_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/jobs"
	"latchkey/mail"
	"latchkey/models"
	"latchkey/testkit"
)

// rowsOfUnknown is how many rows a day all failed logins to addresses without an account make at most, by docs/abuse.md.
const rowsOfUnknown = 3 * 1024

// A stranger tries more addresses in a day than there may be rows, and one account over and over. Every try is counted, in the
// table, in the log and in the metrics.
func TestLoginManager_Login_FailuresOfStrangersFillNoTable(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		clock, log := testkit.NewClock(), &testkit.Log{}
		made := newFixture(t, db, testkit.ManagerOptions{Now: clock.Now, Log: slog.New(slog.NewJSONHandler(log, nil))})
		f := loginFixture{sessionFixture{made, made.managers.Sessions, clock}, made.managers.Logins}
		f.create(t, "ann@example.com")
		const addresses, tries = rowsOfUnknown + 100, 200
		for i := range addresses {
			_, err := f.try(fmt.Sprintf("stranger-%d@example.com", i), "a wrong guess", "")
			require.ErrorIs(t, err, models.ErrInvalidCredentials)
		}
		for range tries {
			_, err := f.try("ann@example.com", "a wrong guess", "")
			require.ErrorIs(t, err, models.ErrInvalidCredentials)
		}
		failed := times(t, db, models.EventLoginFailed, "") + times(t, db, models.EventLoginFailed, models.DetailLocked)
		require.EqualValues(t, addresses+tries, failed)
		require.EqualValues(t, failed, made.managers.Audit.Counts()[models.EventLoginFailed])
		require.EqualValues(t, failed, strings.Count(log.String(), `"event":"login_failed"`))
		var rows, annsRows int64
		require.NoError(t, db.Model(&models.AuditEvent{}).Where("user_id = ?", uuid.Nil).Count(&rows).Error)
		require.LessOrEqual(t, rows, int64(rowsOfUnknown))
		require.NoError(t, db.Model(&models.AuditEvent{}).Where("user_id <> ?", uuid.Nil).Count(&annsRows).Error)
		require.EqualValues(t, 4, annsRows, "signed up, failed, failed while locked, locked")
	})
}

func TestAuditLog_Fold_CountsADayInOneRow(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		clock := testkit.NewClock()
		store := testkit.NewStore(db, clock.Now)
		ann, bob := uuid.New(), uuid.New()
		record := func(user uuid.UUID, detail string) {
			require.NoError(t, store.Transaction(t.Context(), func(tx models.Tx) error {
				return tx.Record(models.AuditEvent{Kind: models.EventLoginFailed, UserID: user, Detail: detail})
			}))
		}
		first := store.Now()
		record(ann, "")
		clock.Advance(time.Hour)
		record(ann, "")
		record(ann, models.DetailLocked)
		record(bob, "")
		last := store.Now()
		clock.Advance(11 * time.Hour) // midnight
		record(ann, "")

		var rows []models.AuditEvent
		require.NoError(t, db.Where("user_id = ? AND detail = ''", ann).Order("id").Find(&rows).Error)
		require.Len(t, rows, 2)
		require.EqualValues(t, []int64{2, 1}, []int64{rows[0].Count, rows[1].Count})
		require.True(t, first.Equal(rows[0].CreatedAt), rows[0].CreatedAt)
		require.True(t, last.Equal(*rows[0].LastAt), rows[0].LastAt)
		require.EqualValues(t, 7, rows[0].ID.Version())
		require.EqualValues(t, 1, times(t, db, models.EventLoginFailed, models.DetailLocked))
		require.NoError(t, db.Where("user_id = ?", bob).Find(&rows).Error)
		require.Len(t, rows, 1)
	})
}

// Whoever logs in with an email that has no account causes the same statements as whoever does with a wrong password.
func TestLoginManager_Login_FoldsForUnknownAccountsByTheSameStatements(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, f loginFixture) {
		f.create(t, "ann@example.com")
		var statements []string
		note := func(db *gorm.DB) { statements = append(statements, db.Statement.SQL.String()) }
		on := f.db.Callback()
		require.NoError(t, errors.Join(on.Create().After("gorm:create").Register("note", note),
			on.Query().After("gorm:query").Register("note", note), on.Update().After("gorm:update").Register("note", note)))
		of := func(email string) []string {
			statements = nil
			_, err := f.try(email, "a wrong guess", "")
			require.ErrorIs(t, err, models.ErrInvalidCredentials)
			return statements
		}
		for range models.FreeFailures + 2 {
			known := of("ann@example.com")
			require.NotEmpty(t, known)
			require.Equal(t, known, of("nobody@example.com"))
		}
	})
}

// Replicas write the same rows in whatever order their transactions name them.
func TestAuditLog_Fold_NoDeadlock(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		clock, user := testkit.NewClock(), uuid.New()
		kinds := []string{models.EventLoginFailed, models.EventAccountLocked, models.EventEmailChangeAsked}
		const writers, each = 6, 30
		var group sync.WaitGroup
		failed := make(chan error, writers*each)
		for writer := range writers {
			store := testkit.NewStore(db, clock.Now)
			group.Go(func() {
				for range each {
					failed <- store.Transaction(t.Context(), func(tx models.Tx) error {
						for i := range kinds {
							err := tx.Record(models.AuditEvent{Kind: kinds[(writer+i)%len(kinds)], UserID: user})
							if err != nil {
								return err
							}
						}
						return nil
					})
				}
			})
		}
		group.Wait()
		close(failed)
		for err := range failed {
			require.NoError(t, err)
		}
		for _, kind := range kinds {
			require.EqualValues(t, writers*each, times(t, db, kind, ""))
		}
	})
}

func TestAuditLog_Fold_MailsAreAboutTheFirstOfADay(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		clock, discard := testkit.NewClock(), slog.New(slog.DiscardHandler)
		pool, err := db.DB()
		require.NoError(t, err)
		queue, err := jobs.NewQueue(jobs.Options{DB: pool, Dialect: db.Name(), Log: discard, Now: clock.Now})
		require.NoError(t, err)
		notices := models.Notices{Queue: queue, Messages: map[string]mail.Kind{models.EventAccountLocked: mail.NewDevice}}
		store := models.NewStore(db, models.NewAuditLog(db, notices, discard, clock.Now), clock.Now)
		for range 3 {
			require.NoError(t, store.Transaction(t.Context(), func(tx models.Tx) error {
				return tx.Record(models.AuditEvent{Kind: models.EventAccountLocked, UserID: uuid.MustParse("0195a000-0000-7000-8000-000000000000")})
			}))
		}
		queued, err := queue.Unsent(t.Context())
		require.NoError(t, err)
		require.Len(t, queued, 1)
		var event models.AuditEvent
		require.NoError(t, db.Where("id = ?", queued[0].Mail.About).Take(&event).Error)
		require.EqualValues(t, 3, event.Count)
	})
}

// docs/abuse.md has a row for every kind, and says which are folded.
func TestEventKinds_AreDocumented(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile(filepath.Join(testkit.Sources, "docs", "abuse.md"))
	require.NoError(t, err)
	_, section, found := strings.Cut(string(document), "\n## What is recorded\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	var documented, folded, wantFolded []string
	for _, row := range regexp.MustCompile(`(?m)^\| (\x60.+?) \|.*\| (one|a day) \|$`).FindAllStringSubmatch(section, -1) {
		for _, kind := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(row[1], -1) {
			documented = append(documented, kind[1])
			if row[2] == "a day" {
				folded = append(folded, kind[1])
			}
		}
	}
	require.ElementsMatch(t, models.EventKinds(), documented)
	for _, kind := range models.EventKinds() {
		if models.Folds(kind) {
			wantFolded = append(wantFolded, kind)
		}
	}
	require.ElementsMatch(t, wantFolded, folded)
}
