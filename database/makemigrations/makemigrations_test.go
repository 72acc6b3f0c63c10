package makemigrations_test

import (
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/database"
	"latchkey/database/makemigrations"
	"latchkey/models"
	"latchkey/server"
	"latchkey/testkit"
)

// This is the drift test of the whole program: it fails after a model was changed until the migration is written.
func TestCheck_ModelsAgreeWithMigrations(t *testing.T) {
	require.NoError(t, makemigrations.Check(t.Context(), makemigrations.Input{
		Models: server.Tables(), Migrations: database.Migrations(), Postgres: testkit.Cluster(t),
	}))
}

// The tables below are a users table and what developers may change it to.

type userBefore struct {
	ID    uuid.UUID `gorm:"type:uuid;primaryKey"`
	Email string    `gorm:"size:254;not null;uniqueIndex:idx_users_email"`
	Name  string    `gorm:"size:150;not null"`
	Note  string    `gorm:"size:20"`
}

type sessionOf struct {
	ID     uuid.UUID   `gorm:"type:uuid;primaryKey"`
	UserID uuid.UUID   `gorm:"type:uuid;not null"`
	User   *userBefore `gorm:"constraint:OnDelete:CASCADE"`
}

type userAfter struct {
	ID       uuid.UUID `gorm:"type:uuid;primaryKey"`
	Email    string    `gorm:"size:254;not null;uniqueIndex:idx_users_email"`
	Surname  string    `gorm:"size:150;not null"`            // looks like a rename
	Nickname string    `gorm:"size:50;not null;uniqueIndex"` // NOT NULL without a default
	Color    string    `gorm:"not null;default:'red\\; blue'"`
	Age      *int
	Score    int       `gorm:"not null"`
	Admin    bool      `gorm:"not null"`
	Seen     time.Time `gorm:"not null"`
	Ref      uuid.UUID `gorm:"type:uuid;not null"`
	Raw      []byte    `gorm:"not null"`
	Note     string    `gorm:"size:10;not null"` // narrower, and no longer nullable
}

func (userBefore) TableName() string { return "users" }
func (userAfter) TableName() string  { return "users" }
func (sessionOf) TableName() string  { return "sessions" }

// userWithNickname is models.User with the field of the README's example.
type userWithNickname struct {
	models.User `gorm:"embedded"`
	Nickname    string `gorm:"size:50;not null"`
}

func (userWithNickname) TableName() string { return "users" }

func TestGenerate_ANewFieldKeepsExistingRows(t *testing.T) {
	changed := append([]any{&userWithNickname{}}, server.Tables()[1:]...)
	migrations := generated(t, database.Migrations(), "add_nickname", changed...).FS
	for _, dialect := range []string{database.SQLite, database.Postgres} {
		written, err := fs.Glob(migrations, dialect+"/*_add_nickname.sql")
		require.NoError(t, err)
		require.Len(t, written, 1)
	}
	testkit.EachURL(t, func(t *testing.T, url string) {
		up(t, url, database.Migrations())
		ann := models.User{ID: uuid.New(), Email: "ann@example.com", Password: "!", DateJoined: time.Now().UTC()}
		require.NoError(t, open(t, url).Create(&ann).Error)

		migrator, err := database.NewMigratorFrom(url, migrations, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		defer migrator.Close()
		applied, err := migrator.Up(t.Context())
		require.NoError(t, err)
		require.Len(t, applied, 1)
		require.Equal(t, "add_nickname", applied[0].Name)
		var got userWithNickname
		db := open(t, url)
		require.NoError(t, db.Take(&got, "email = ?", ann.Email).Error)
		require.Equal(t, ann.ID, got.ID)
		require.Empty(t, got.Nickname)
		require.NoError(t, db.Create(&userWithNickname{User: models.User{ID: uuid.New()}, Nickname: "bee"}).Error)
		require.Error(t, db.Exec("UPDATE users SET nickname = NULL").Error, "NULL is forbidden")

		_, err = migrator.Down(t.Context())
		require.NoError(t, err)
		var count int64
		db = open(t, url)
		require.NoError(t, db.Model(&models.User{}).Count(&count).Error)
		require.EqualValues(t, 2, count)
		require.False(t, db.Migrator().HasColumn("users", "nickname"))
	})
}

func TestGenerate_EveryKindOfChangeKeepsRowsAndChildren(t *testing.T) {
	first := generated(t, fstest.MapFS{}, "initial", &userBefore{}, &sessionOf{})
	require.Empty(t, first.Warnings)
	second := generated(t, first.FS, "change", &userAfter{}, &sessionOf{})
	testkit.EachURL(t, func(t *testing.T, url string) {
		up(t, url, first.FS)
		db := open(t, url)
		user := userBefore{ID: uuid.New(), Email: "ann@example.com", Name: "Ann"}
		require.NoError(t, db.Create(&user).Error)
		require.NoError(t, db.Create(&sessionOf{ID: uuid.New(), UserID: user.ID}).Error)

		up(t, url, second.FS)
		db = open(t, url)
		var got userAfter
		require.NoError(t, db.Take(&got).Error)
		want := userAfter{ID: user.ID, Email: user.Email, Color: "red; blue", Raw: []byte{}}
		require.Equal(t, want, got)
		require.NoError(t, db.Take(&sessionOf{}).Error, "the rebuild did not cascade")
		require.NoError(t, db.Delete(&got).Error)
		require.ErrorIs(t, db.Take(&sessionOf{}).Error, gorm.ErrRecordNotFound, "and the foreign key still stands")
	})
	require.NoError(t, makemigrations.Check(t.Context(), makemigrations.Input{
		Models: []any{&userAfter{}, &sessionOf{}}, Migrations: second.FS, Postgres: testkit.Cluster(t),
	}))
}

func TestGenerate_Warnings(t *testing.T) {
	first := generated(t, fstest.MapFS{}, "initial", &userBefore{}, &sessionOf{})
	got := strings.Join(generated(t, first.FS, "change", &userAfter{}).Warnings, "\n")
	for _, want := range []string{
		"sessions is dropped, and its rows are lost",
		"users.name is dropped, and its values are lost",
		"if that is a rename, write ALTER TABLE users RENAME COLUMN name TO surname",
		"users.nickname is NOT NULL and has no default: existing rows get ''",
		"users.score is NOT NULL and has no default: existing rows get 0",
		"users.note is NOT NULL and has no default: existing rows get ''",
		"users.note changes from character varying(20) to character varying(10)",
		"idx_users_nickname on users is unique",
	} {
		require.Contains(t, got, want)
	}
	require.NotContains(t, got, "name TO nickname", "another size is another type")
	require.NotContains(t, got, "users.color", "it has a default")
	require.NotContains(t, got, "users.age", "it may be NULL")
}

type narrowThing struct {
	ID   int64  `gorm:"primaryKey;autoIncrement:false"`
	Text string `gorm:"size:10"`
	More string `gorm:"size:10"`
	N    int16
}

type wideThing struct {
	ID   int64  `gorm:"primaryKey;autoIncrement:false"`
	Text string `gorm:"size:11"`
	More string
	N    int64
}

func (narrowThing) TableName() string { return "things" }
func (wideThing) TableName() string   { return "things" }

func TestGenerate_WarnsOnlyOfNarrowerTypes(t *testing.T) {
	first := generated(t, fstest.MapFS{}, "initial", &narrowThing{})
	second := generated(t, first.FS, "wider", &wideThing{})
	require.Len(t, second.Warnings, 1)
	require.Contains(t, second.Warnings[0], "this migration contracts the schema", "older programs read the former type")
	require.Contains(t, string(second.FS["sqlite/00002_wider.sql"].Data), "Nothing changes on this database")
	require.Len(t, generated(t, second.FS, "narrower", &narrowThing{}).Warnings, 3+1)
	testkit.EachURL(t, func(t *testing.T, url string) { up(t, url, second.FS) })
}

// userWithColor is models.User with a field that older programs need not know.
type userWithColor struct {
	models.User `gorm:"embedded"`
	Color       string `gorm:"size:50;not null;default:''"`
}

func (userWithColor) TableName() string { return "users" }

func TestGenerate_DeclaresAnExpansionThatPassesTheReview(t *testing.T) {
	changed := append([]any{&userWithColor{}}, server.Tables()[1:]...)
	expanded := generated(t, database.Migrations(), "add_color", changed...)
	require.NoError(t, makemigrations.Review(expanded.FS))
	require.Empty(t, expanded.Warnings)
}

func TestGenerate_DeclaresAContractionWithTheOldestPrograms(t *testing.T) {
	changed := append([]any{&userWithNickname{}}, server.Tables()[1:]...)
	contracted := generated(t, database.Migrations(), "add_nickname", changed...)
	warnings := strings.Join(contracted.Warnings, "\n")
	require.Contains(t, warnings, "this migration contracts the schema: as soon as it is applied, older programs are not ready any more")
	require.Contains(t, warnings, "a backfill is done in batches")
	require.ErrorContains(t, makemigrations.Review(contracted.FS), "its first line must be", "the developer fills in the release")
	for path, file := range contracted.FS {
		if !strings.HasSuffix(path, "_add_nickname.sql") {
			continue
		}
		number, err := goose.NumericComponent(path)
		require.NoError(t, err)
		text := string(file.Data)
		require.True(t, strings.HasPrefix(text, "-- latchkey: contract since vX.Y\n-- +goose Up\n"), text)
		up, down, _ := strings.Cut(text, "-- +goose Down")
		require.Contains(t, up, fmt.Sprintf("\nUPDATE schema_compatibility SET oldest = %d;\n", number))
		require.Contains(t, down, "\nUPDATE schema_compatibility SET oldest = 10;\n")
	}
	testkit.EachURL(t, func(t *testing.T, url string) {
		up(t, url, database.Migrations())
		up(t, url, contracted.FS)
		require.ErrorIs(t, database.CheckSchema(t.Context(), open(t, url)), database.ErrSchemaNewer)
	})
}

func TestGenerate_SameInputSameBytes(t *testing.T) {
	first := generated(t, fstest.MapFS{}, "initial", &userBefore{}, &sessionOf{}, &narrowThing{})
	second := generated(t, first.FS, "change", &userAfter{}, &sessionOf{})
	require.Equal(t, first, generated(t, fstest.MapFS{}, "initial", &userBefore{}, &sessionOf{}, &narrowThing{}))
	require.Equal(t, second, generated(t, first.FS, "change", &userAfter{}, &sessionOf{}))
}

func TestGenerate_NoChange(t *testing.T) {
	result, err := makemigrations.Generate(t.Context(), makemigrations.Input{
		Name: "nothing", Models: server.Tables(), Migrations: database.Migrations(), Postgres: testkit.Cluster(t),
	})
	require.NoError(t, err)
	require.Empty(t, result.Files)
	require.Empty(t, result.Warnings)
}

func TestCheck_DescribesTheDrift(t *testing.T) {
	var doing []string
	err := makemigrations.Check(t.Context(), makemigrations.Input{
		Models: []any{&userWithNickname{}}, Migrations: database.Migrations(), Postgres: testkit.Cluster(t),
		Progress: func(step string) { doing = append(doing, step) },
	})
	require.ErrorIs(t, err, makemigrations.ErrDrift)
	require.ErrorContains(t, err, "latchkey makemigrations")
	require.ErrorContains(t, err, `sqlite: add column "nickname" to table: "users"`)
	require.ErrorContains(t, err, `postgres: modify "users" table`)
	require.Len(t, doing, 2)
}

func TestGenerate_RefusesInput(t *testing.T) {
	for _, name := range []string{"", "../x", "Add", "a b", "_a", "a__b", "a.sql", "ä"} {
		_, err := makemigrations.Generate(t.Context(), makemigrations.Input{Name: name, Migrations: fstest.MapFS{}})
		require.ErrorIs(t, err, makemigrations.ErrName, name)
	}
	unpaired := fstest.MapFS{"sqlite/00001_a.sql": {}, "postgres/00001_b.sql": {}}
	_, err := makemigrations.Generate(t.Context(), makemigrations.Input{Name: "x", Migrations: unpaired})
	require.ErrorIs(t, err, makemigrations.ErrUnpaired)
}

// result holds the migrations with those that Generate added, and its warnings.
type result struct {
	FS       fstest.MapFS
	Warnings []string
}

func generated(t *testing.T, migrations fs.FS, name string, tables ...any) result {
	t.Helper()
	got, err := makemigrations.Generate(t.Context(), makemigrations.Input{
		Name: name, Models: tables, Migrations: migrations, Postgres: testkit.Cluster(t),
	})
	require.NoError(t, err)
	require.Len(t, got.Files, 2)
	all := fstest.MapFS{}
	require.NoError(t, fs.WalkDir(migrations, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(migrations, path)
		all[path] = &fstest.MapFile{Data: data}
		return err
	}))
	for _, file := range got.Files {
		require.NotContains(t, all, file.Path)
		all[file.Path] = &fstest.MapFile{Data: []byte(file.Content)}
	}
	return result{FS: all, Warnings: got.Warnings}
}

// open opens a database as a program does that starts after a migration.
func open(t *testing.T, url string) *gorm.DB {
	t.Helper()
	db, err := database.Open(url, database.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, database.Close(db)) })
	return db
}

func up(t *testing.T, url string, migrations fs.FS) {
	t.Helper()
	migrator, err := database.NewMigratorFrom(url, migrations, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	_, err = migrator.Up(t.Context())
	require.NoError(t, err)
	require.NoError(t, migrator.Close())
}
