package commands_test

import (
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/database"
	"latchkey/testkit"
)

func TestMakeMigrations_TheMigrationsAreThoseOfTheModels(t *testing.T) {
	testkit.Cluster(t) // makemigrations needs a server's programs; without them the test ends here
	t.Chdir(testkit.Sources)
	done := run(t, nil, "makemigrations", "--check")
	require.Zero(t, done.code, "%s", done.stderr)
	require.Empty(t, done.stdout)
}

func TestMakeMigrations_NeedsTheSources(t *testing.T) {
	t.Parallel()
	done := run(t, nil, "makemigrations", "add_phone")
	require.Equal(t, 1, done.code)
	require.Contains(t, done.stderr, "there is no database/migrations here: run makemigrations in the project's root")
}

func TestMakeMigrations_DetectsNoChange(t *testing.T) {
	testkit.Cluster(t)
	sources := copySources(t)
	t.Chdir(sources)
	before := migrationFiles(t, sources)
	done := run(t, nil, "makemigrations", "nothing")
	require.Zero(t, done.code, "%s", done.stderr)
	require.Empty(t, done.stdout)
	require.True(t, strings.HasSuffix(done.stderr, "No changes detected.\n"), "%s", done.stderr)
	require.Equal(t, before, migrationFiles(t, sources))
}

// The README's "Add a field to the user", word for word, in a copy of the sources and on databases that are in use.
func TestMakeMigrations_AFieldAddedAsTheReadmeSaysKeepsTheUsers(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the program three times; run without -short")
	}
	testkit.Cluster(t)
	field, commands := addAField(t)
	sources := copySources(t)
	edit(t, filepath.Join(sources, "models", "user.go"), "\tPassword ", "\t"+field+"\n\tPassword ")

	drift := goRun(t, sources, nil, "go run . makemigrations --check")
	require.Equal(t, 1, drift.code)
	require.Contains(t, drift.stderr, "phone")
	require.Empty(t, drift.stdout)

	before := migrationFiles(t, sources)
	made := goRun(t, sources, nil, commands[0])
	require.Zero(t, made.code, "%s", made.stderr)
	written := strings.Fields(made.stdout)
	require.Len(t, written, 2)
	for _, path := range written {
		require.Regexp(t, `^database/migrations/(postgres|sqlite)/\d{5}_add_phone\.sql$`, path)
	}
	require.ElementsMatch(t, append(before, written...), migrationFiles(t, sources))
	require.Zero(t, goRun(t, sources, nil, "go run . makemigrations --check").code)

	changed := t.TempDir()
	require.NoError(t, testkit.Build(sources, changed))
	testkit.EachURL(t, func(t *testing.T, url string) {
		require.Zero(t, run(t, with(url), "migrate", "up").code)
		addUser(t, url, ann)
		addSuperuser(t, url, bob)
		before := users(t, url)
		up := goRun(t, sources, with(url), commands[1])
		require.Zero(t, up.code, "%s", up.stderr)
		require.Regexp(t, `^applied \d{5} add_phone\n$`, up.stdout)
		require.Equal(t, before, users(t, url))
		require.Equal(t, []string{"", ""}, phones(t, url))

		server := testkit.StartProgram(t, filepath.Join(changed, "latchkey"),
			testkit.FreePort(with(url, "AUTO_MIGRATE=false")...), "serve")
		for _, user := range before {
			require.Equal(t, http.StatusOK, post(t, server.Addr(t), "login", user.Email).StatusCode)
		}
		require.Equal(t, http.StatusCreated, post(t, server.Addr(t), "signup", "new@example.com").StatusCode)
		require.Equal(t, []string{"", "", ""}, phones(t, url))
	})
}

// addAField returns the line that README adds to models.User, and the commands that follow it.
func addAField(t *testing.T) (field string, commands []string) {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(testkit.Sources, "README.md"))
	require.NoError(t, err)
	_, section, found := strings.Cut(string(readme), "### Add a field to the user")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n#")
	field = regexp.MustCompile("(?m)^ +(Phone string `.*`)$").FindStringSubmatch(section)[1]
	for _, line := range regexp.MustCompile(`(?m)^ +(go run \. .+)$`).FindAllStringSubmatch(section, -1) {
		commands = append(commands, line[1])
	}
	require.Equal(t, []string{"go run . makemigrations add_phone", "go run . migrate up"}, commands)
	return field, commands
}

func phones(t *testing.T, url string) []string {
	t.Helper()
	db, err := database.Open(url, database.Options{})
	require.NoError(t, err)
	defer database.Close(db)
	var found []string
	require.NoError(t, db.Table("users").Pluck("phone", &found).Error)
	return found
}

// goRun executes the command line of a `go run` in a folder of sources.
func goRun(t *testing.T, sources string, environ []string, line string) outcome {
	t.Helper()
	words := strings.Fields(line)
	command := exec.CommandContext(t.Context(), words[0], words[1:]...)
	command.Dir = sources
	command.Env = append(os.Environ(), append(environ, "GOFLAGS=-trimpath")...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	if command.ProcessState == nil {
		require.NoError(t, err)
	}
	testkit.TellsNoSecret(t, environ, stdout.String()+stderr.String())
	return outcome{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// copySources copies what the program is built from, and returns the folder: everything but tests, hidden folders and
// modules of their own that go.mod does not name.
func copySources(t *testing.T) string {
	t.Helper()
	into := t.TempDir()
	require.NoError(t, filepath.WalkDir(testkit.Sources, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(testkit.Sources, path)
		if err != nil {
			return err
		}
		target := filepath.Join(into, relative)
		if entry.IsDir() {
			if relative != "." && isApart(path) {
				return filepath.SkipDir
			}
			return os.MkdirAll(target, 0o755)
		}
		if !isSource(relative) {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o600)
	}))
	return into
}

// isSource reports whether a file is copied: no test is, and at the root only Go's own files are, because a built program and
// its database may be there.
func isSource(path string) bool {
	switch filepath.Ext(path) {
	case ".go":
		return !strings.HasSuffix(path, "_test.go")
	case ".mod", ".sum":
		return true
	default:
		return filepath.Dir(path) != "." && !strings.HasPrefix(filepath.Base(path), ".")
	}
}

// isApart reports whether a folder holds nothing that the program is built from.
func isApart(folder string) bool {
	name := filepath.Base(folder)
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	isModule := err == nil && filepath.Base(filepath.Dir(folder)) != "stubs"
	return strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || isModule
}

// edit replaces text that occurs exactly once in a file.
func edit(t *testing.T, path, from, to string) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(content), from))
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(content), from, to, 1)), 0o600))
}

func migrationFiles(t *testing.T, sources string) []string {
	t.Helper()
	var files []string
	for _, dialect := range []string{database.Postgres, database.SQLite} {
		found, err := fs.Glob(os.DirFS(sources), "database/migrations/"+dialect+"/*.sql")
		require.NoError(t, err)
		files = append(files, found...)
	}
	return files
}
