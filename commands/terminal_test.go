//go:build unix

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

// runAtTerminal executes the program at a terminal, where a person gives the replies as soon as the questions are asked,
// and gives back what the terminal showed.
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

func superuserReplies(email, password, again string) []reply {
	return []reply{
		{"Email address: ", email + "\r"}, {"First name: ", "Ann\r"}, {"Last name: ", "Bee\r"},
		{"Password: ", password + "\r"}, {"Password (again): ", again + "\r"},
	}
}

func TestCreateSuperuserAsks(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		done := runAtTerminal(t, with(url), []string{"createsuperuser"},
			superuserReplies("Ann@Example.com", testkit.Password, testkit.Password)...)
		require.Zero(t, done.code, "%s", done.stderr)
		require.Contains(t, done.stderr, "Email address: Ann@Example.com")
		require.Contains(t, done.stderr, "Superuser ann@example.com is created.")
		found := users(t, url)
		require.Len(t, found, 1)
		require.Equal(t, "Ann Bee", found[0].FullName())
		require.True(t, found[0].IsSuperuser && found[0].IsStaff && found[0].IsActive)
		require.True(t, opens(t, found[0], testkit.Password))
	})
}

func TestCreateSuperuserRefusesAndCreatesNobody(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		addUser(t, url, bob)
		before := users(t, url)
		for name, c := range map[string]struct {
			email, password, again, says string
		}{
			"mismatch":        {ann, testkit.Password, otherPassword, "the two passwords are not the same"},
			"weak password":   {ann, "123456789", "123456789", "password: "},
			"like the email":  {ann, "ann@example.com", "ann@example.com", "password: "},
			"no password":     {ann, "", "", "password: This field is required."},
			"malformed email": {"ann", testkit.Password, testkit.Password, "email: "},
			"taken email":     {"BOB@example.com", testkit.Password, testkit.Password, "email: An account with this email address already exists."},
		} {
			t.Run(name, func(t *testing.T) {
				done := runAtTerminal(t, with(url), []string{"createsuperuser"}, superuserReplies(c.email, c.password, c.again)...)
				require.Equal(t, 1, done.code)
				require.Contains(t, done.stderr, "latchkey: "+c.says)
				require.NotContains(t, done.stderr, "123456789")
				require.Equal(t, before, users(t, url))
			})
		}
	})
}

func TestAPromptCanBeLeft(t *testing.T) {
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

func TestATermSignalEndsAPrompt(t *testing.T) {
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
		require.Fail(t, "the program still asks", "%s", shown)
	}
	require.Equal(t, 1, command.ProcessState.ExitCode(), "%s", shown)
}

func TestDeleteUserAsks(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		addUser(t, url, ann)
		const question = "Type the address again to delete the account for ever: "
		done := runAtTerminal(t, with(url), []string{"deleteuser", ann}, reply{question, "yes\r"})
		require.Equal(t, 1, done.code)
		require.Contains(t, done.stderr, "that is another address; nothing is deleted")
		require.Len(t, users(t, url), 1)
		done = runAtTerminal(t, with(url), []string{"deleteuser", ann}, reply{question, ann + "\r"})
		require.Zero(t, done.code, "%s", done.stderr)
		require.Empty(t, users(t, url))
	})
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		addUser(t, url, ann)
		addUser(t, url, bob)
		before := users(t, url)
		done := runAtTerminal(t, with(url), []string{"changepassword", "ANN@example.com"},
			reply{"Password: ", otherPassword + "\r"}, reply{"Password (again): ", otherPassword + "\r"})
		require.Zero(t, done.code, "%s", done.stderr)
		require.Contains(t, done.stderr, "The password of ann@example.com is changed.")
		after := users(t, url)
		require.True(t, opens(t, after[0], otherPassword))
		require.False(t, opens(t, after[0], testkit.Password))
		require.Equal(t, before[1], after[1], "nobody else's")
	})
}

func TestChangePasswordRefusesAndChangesNothing(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		addUser(t, url, ann)
		before := users(t, url)
		twice := func(first, second string) []reply {
			return []reply{{"Password: ", first + "\r"}, {"Password (again): ", second + "\r"}}
		}
		for name, c := range map[string]struct {
			email   string
			replies []reply
			says    string
		}{
			"mismatch":      {ann, twice(otherPassword, testkit.Password), "the two passwords are not the same"},
			"weak password": {ann, twice("123456789", "123456789"), "password: "},
			"unknown email": {bob, nil, "bob@example.com: no account has this email address"},
		} {
			t.Run(name, func(t *testing.T) {
				done := runAtTerminal(t, with(url), []string{"changepassword", c.email}, c.replies...)
				require.Equal(t, 1, done.code)
				require.Contains(t, done.stderr, "latchkey: "+c.says)
				require.Equal(t, before, users(t, url))
			})
		}
	})
}
