package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"latchkey/passwords"
)

const (
	everyAlgorithm = "all"
	leastTarget    = 10 * time.Millisecond
	mostTarget     = 2 * time.Second
)

func newPasswords(c *console) *cobra.Command {
	command := &cobra.Command{
		Use:   "passwords",
		Short: "Find out what hashing a password should cost on this machine",
		Long: `Helps to choose PASSWORD_HASH and its costs. Passwords hashed with other settings stay valid; each is hashed again with
the new settings at the user's next login.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: missingSubcommand("calibrate"),
	}
	command.AddCommand(newCalibrate(c))
	return command
}

func newCalibrate(c *console) *cobra.Command {
	var algorithm string
	var target time.Duration
	command := &cobra.Command{
		Use:   "calibrate",
		Short: "Measure this machine and print costs that fit it",
		Long: `Hashes passwords on one core and prints the settings that make one hash take about as long as --target, as lines for
.env. The longer a hash takes, the more guessing costs someone who stole the database, and the more each login costs: a
core handles 1 s / target logins a second.

The costs never fall below the minimum that OWASP recommends, however slow the machine; if that takes longer than the
target, the command says so. Memory stays at that minimum, because PASSWORD_HASH_CONCURRENCY hashes use it at the same
time.

Run it on the machine that will serve, while it has little else to do:

    latchkey passwords calibrate --target 50ms >> .env`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			algorithms := passwords.Algorithms()
			switch {
			case target < leastTarget || target > mostTarget:
				return fmt.Errorf("--target is %s and has to be from %s to %s; %w", target, leastTarget, mostTarget, errUsage)
			case slices.Contains(algorithms, algorithm):
				algorithms = []string{algorithm}
			case algorithm != everyAlgorithm:
				return fmt.Errorf("--algorithm is %q and has to be %s or %s; %w",
					algorithm, strings.Join(algorithms, ", "), everyAlgorithm, errUsage)
			}
			return c.calibrate(cmd.Context(), target, algorithms)
		},
	}
	command.Flags().StringVar(&algorithm, "algorithm", passwords.Argon2id,
		strings.Join(passwords.Algorithms(), ", ")+", or all to compare them")
	command.Flags().DurationVar(&target, "target", 50*time.Millisecond, "how long one hash should take, from 10ms to 2s")
	return command
}

// calibrate prints the costs of each algorithm, and the setting that chooses it if there is only one.
func (c *console) calibrate(ctx context.Context, target time.Duration, algorithms []string) error {
	for _, algorithm := range algorithms {
		parameters, took, err := c.fit(ctx, target, passwords.Minimum(algorithm))
		if errors.Is(err, context.Canceled) {
			return errInterrupted
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(c.stderr, "%s: one hash takes %s.\n", algorithm, took.Round(time.Millisecond/10))
		if parameters == passwords.Minimum(algorithm) && took > target {
			fmt.Fprintf(c.stderr, "That is more than %s, but less would be below the minimum that OWASP recommends.\n", target)
		}
		if len(algorithms) == 1 {
			fmt.Fprintf(c.stdout, "PASSWORD_HASH=%s\n", algorithm)
		}
		fmt.Fprint(c.stdout, costLines(parameters))
	}
	return nil
}

// fit scales the parameters until one hash takes about target. It returns them, and how long a hash takes with them.
func (c *console) fit(
	ctx context.Context, target time.Duration, least passwords.Parameters,
) (fitting passwords.Parameters, took time.Duration, err error) {
	defer c.progress("measuring " + least.Algorithm + " …")()
	took, err = c.timeHash(ctx, least)
	if err != nil {
		return least, 0, err
	}
	fitting = least.Scale(target.Seconds() / took.Seconds())
	if fitting == least {
		return least, took, nil
	}
	took, err = c.timeHash(ctx, fitting)
	return fitting, took, err
}

// timeHash returns the shortest time of a few hashes: whatever else the machine does only makes one longer.
func (c *console) timeHash(ctx context.Context, parameters passwords.Parameters) (shortest time.Duration, err error) {
	const tries = 5
	pool, err := passwords.NewPool(passwords.Options{Parameters: parameters, Concurrency: 1})
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	for i := range tries {
		start := c.now()
		if _, err := pool.Hash(ctx, "a password to measure with"); err != nil {
			return 0, err
		}
		if took := c.now().Sub(start); i == 0 || took < shortest {
			shortest = took
		}
	}
	return max(shortest, 1), nil // a clock that stands still would divide by zero
}

// progress shows text on a terminal until the returned function is called; elsewhere it shows nothing.
func (c *console) progress(text string) (done func()) {
	file, ok := c.stderr.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return func() {}
	}
	const eraseLine = "\r\x1b[K"
	fmt.Fprint(c.stderr, text)
	return func() { fmt.Fprint(c.stderr, eraseLine) }
}

// costLines returns the settings for the costs of p's algorithm, as lines of .env.
func costLines(p passwords.Parameters) string {
	switch p.Algorithm {
	case passwords.Bcrypt:
		return fmt.Sprintf("PASSWORD_BCRYPT_COST=%d\n", p.Cost)
	case passwords.Scrypt:
		return fmt.Sprintf("PASSWORD_SCRYPT_N=%d\nPASSWORD_SCRYPT_R=%d\nPASSWORD_SCRYPT_P=%d\n", p.N, p.R, p.P)
	case passwords.PBKDF2SHA256:
		return fmt.Sprintf("PASSWORD_PBKDF2_ITERATIONS=%d\n", p.Iterations)
	default:
		return fmt.Sprintf("PASSWORD_ARGON2_MEMORY=%d\nPASSWORD_ARGON2_TIME=%d\nPASSWORD_ARGON2_THREADS=%d\n",
			p.Memory, p.Time, p.Threads)
	}
}
