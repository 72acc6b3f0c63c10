package commands_test

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
	"golang.org/x/term"

	"latchkey/commands"
	"latchkey/testkit"
)

// reply is a question and what the person types after it.
type reply struct{ question, keys string }

// runAtTerminal executes the program at a terminal, gives each reply as soon as its question is asked, and returns what the
// terminal showed as stderr.
func runAtTerminal(t *testing.T, environ, args []string, replies ...reply) outcome {
	t.Helper()
	keyboard, terminal, err := pty.Open()
	require.NoError(t, err)
	defer keyboard.Close()
	defer terminal.Close()
	before, err := term.GetState(int(terminal.Fd()))
	require.NoError(t, err)

	done := make(chan int, 1)
	go func() { done <- commands.Run(args, environ, terminal, terminal, terminal) }()
	shown := watch(keyboard)
	from := 0
	for _, reply := range replies {
		require.Eventually(t, func() bool {
			at := strings.Index(shown.String()[from:], reply.question)
			if at >= 0 {
				from += at + len(reply.question)
			}
			return at >= 0
		}, bound, time.Millisecond, "%s is not asked", reply.question)
		_, err := keyboard.WriteString(reply.keys)
		require.NoError(t, err)
	}
	var code int
	select {
	case code = <-done:
	case <-time.After(bound):
		require.Fail(t, "still asking", "%s", shown)
	}
	after, err := term.GetState(int(terminal.Fd()))
	require.NoError(t, err)
	require.Equal(t, before, after, "the terminal is left as it was found")
	const end = "(end of the test)"
	_, err = terminal.WriteString(end)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return strings.Contains(shown.String(), end) }, bound, time.Millisecond)
	testkit.TellsNoSecret(t, environ, shown.String())
	return outcome{code: code, stderr: strings.TrimSuffix(shown.String(), end)}
}

func watch(keyboard *os.File) *testkit.Screen {
	shown := &testkit.Screen{}
	go func() { _, _ = io.Copy(shown, keyboard) }()
	return shown
}

func TestPrompt_CanBeLeft(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		const ctrlC, ctrlD = "\x03", "\x04"
		for name, replies := range map[string][]reply{
			"Ctrl-C at a line":     {{"Email address: ", "ann@" + ctrlC}},
			"Ctrl-D at a line":     {{"Email address: ", ctrlD}},
			"Ctrl-C at a password": {{"Email address: ", ann + "\r\r\r"}, {"Password: ", "plum" + ctrlC}},
		} {
			t.Run(name, func(t *testing.T) {
				done := runAtTerminal(t, with(url), []string{"createsuperuser"}, replies...)
				require.Equal(t, 1, done.code)
				require.Contains(t, done.stderr, "latchkey: interrupted; nothing is changed")
				require.NotContains(t, done.stderr, "plum")
			})
		}
	})
}

func TestPrompt_EndsAtSIGTERM(t *testing.T) {
	t.Parallel()
	command := exec.CommandContext(t.Context(), testkit.Built(t), "createsuperuser")
	command.Dir, command.Env = t.TempDir(), with("sqlite:test.db")
	keyboard, err := pty.Start(command)
	require.NoError(t, err)
	defer keyboard.Close()
	shown := watch(keyboard)
	require.Eventually(t, func() bool { return strings.Contains(shown.String(), "Email address: ") }, bound, time.Millisecond)
	require.NoError(t, command.Process.Signal(syscall.SIGTERM))
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	select {
	case <-ended:
	case <-time.After(bound):
		require.NoError(t, command.Process.Kill())
		require.Fail(t, "the program is still asking", "%s", shown)
	}
	require.Equal(t, 1, command.ProcessState.ExitCode(), "%s", shown)
}
