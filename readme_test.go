//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// fiveMinutes are the steps of README's five minutes, in order, with a check of what each prints: a JSON body, or the status.
var fiveMinutes = []struct {
	step  string
	check func(t *testing.T, printed any)
}{
	{"sign up", isLikeExample(0)},
	{"read the profile", holds(map[string]any{"email": "ann@example.com", "full_name": "Ann Bee"})},
	{"change the profile", holds(map[string]any{"email": "ann@example.com", "full_name": "Anna Bee"})},
	{"refresh", holds(map[string]any{"token_type": "Bearer", "refresh_expires_in": 2592000.0})},
	{"list the sessions", hasSessions(2)},
	{"change the password", is(204.0)},
	{"log out", is(204.0)},
	{"verify a token", isLikeExample(1)},
	{"ask for a new password", holds(map[string]any{})},
	{"choose a new password", is(204.0)},
	{"sign up again", isLikeExample(2)},
}

// interactiveShells read commands as from a keyboard, with history expansion and without the settings of the user.
var interactiveShells = [][]string{{"bash", "--noprofile", "--norc", "-i"}, {"zsh", "-f", "-i"}}

// The shell blocks of README's five minutes, pasted as they are printed, do what README says.
func TestReadme_FiveMinutes(t *testing.T) {
	t.Parallel()
	testkit.Program(t, "curl")
	script := strings.Join(blocksOfFiveMinutes(t, "sh"), "")
	program := buildProgram(t)
	for _, shell := range interactiveShells {
		t.Run(shell[0], func(t *testing.T) {
			t.Parallel()
			path := testkit.Program(t, shell[0])
			command := exec.CommandContext(t.Context(), path, shell[1:]...)
			command.Dir = t.TempDir()
			command.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // it must not take over the terminal of the tests
			command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + command.Dir, "NO_PROXY=*"}
			command.Stdin = strings.NewReader(strings.ReplaceAll(script, "localhost:8080", serveInEmptyFolder(t, program)))
			var complaints bytes.Buffer
			command.Stderr = &complaints
			printed, err := command.Output()
			require.NoError(t, err, "%s", complaints.String())
			checkFiveMinutes(t, string(printed), complaints.String())
		})
	}
}

func checkFiveMinutes(t *testing.T, printed, complaints string) {
	t.Helper()
	values := json.NewDecoder(strings.NewReader(printed))
	for _, expected := range fiveMinutes {
		var value any
		require.NoError(t, values.Decode(&value), "%s: %s\n%s", expected.step, printed, complaints)
		t.Log(expected.step)
		expected.check(t, value)
	}
	require.ErrorIs(t, values.Decode(new(any)), io.EOF, "%s", printed)
}

// blocksOfFiveMinutes returns the blocks of one language in README's five minutes.
func blocksOfFiveMinutes(t *testing.T, language string) (texts []string) {
	t.Helper()
	_, section, found := strings.Cut(read(t, "README.md"), "\n## Five minutes with curl\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	for _, block := range codeBlocks(section) {
		if block.language == language {
			texts = append(texts, block.text)
		}
	}
	return texts
}

// is checks for a value.
func is(want any) func(*testing.T, any) {
	return func(t *testing.T, printed any) {
		t.Helper()
		require.Equal(t, want, printed)
	}
}

// holds checks for an object with at least these members.
func holds(want map[string]any) func(*testing.T, any) {
	return func(t *testing.T, printed any) {
		t.Helper()
		require.IsType(t, want, printed)
		for name, value := range want {
			require.Equal(t, value, printed.(map[string]any)[name], name)
		}
	}
}

// hasSessions checks for a list of that many sessions.
func hasSessions(count int) func(*testing.T, any) {
	return func(t *testing.T, printed any) {
		t.Helper()
		require.IsType(t, map[string]any{}, printed)
		require.Len(t, printed.(map[string]any)["sessions"], count)
	}
}

// isLikeExample compares with one of README's JSON examples. Members whose values differ each time only have to be there.
func isLikeExample(index int) func(*testing.T, any) {
	return func(t *testing.T, printed any) {
		t.Helper()
		var example any
		require.NoError(t, json.Unmarshal([]byte(blocksOfFiveMinutes(t, "json")[index]), &example))
		require.Empty(t, cmp.Diff(lasting(example), lasting(printed)))
	}
}

// passing are the members whose values differ each time.
var passing = []string{
	"access_token", "refresh_token", "device_token", "expires_in", "id", "request_id", "date_joined", "last_login",
}

// lasting replaces the values of passing members by their types.
func lasting(value any) any {
	object, isObject := value.(map[string]any)
	if !isObject {
		return value
	}
	for name, member := range object {
		if object[name] = lasting(member); slices.Contains(passing, name) {
			_, object[name] = member.(string)
		}
	}
	return object
}

func buildProgram(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "latchkey")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-o", program, ".")
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)
	return program
}

var listeningAt = regexp.MustCompile(`msg=listening url=http://(\S+)`)

// serveInEmptyFolder starts the program as go run . does, but for the port, and returns its address.
func serveInEmptyFolder(t *testing.T, program string) string {
	t.Helper()
	log := &sharedBuffer{}
	command := exec.Command(program)
	command.Dir, command.Env = t.TempDir(), []string{"ADDR=127.0.0.1:0", "PUBLIC_URL=http://localhost:8080"}
	command.Stdout, command.Stderr = log, log
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	var found []string
	require.Eventually(t, func() bool {
		found = listeningAt.FindStringSubmatch(log.String())
		return found != nil
	}, testkit.Patience, 5*time.Millisecond, "the program listens")
	return found[1]
}

// sharedBuffer is a buffer that can be read while a process writes to it.
type sharedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *sharedBuffer) Write(written []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(written)
}

func (b *sharedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
