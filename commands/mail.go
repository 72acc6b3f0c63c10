package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"latchkey/jobs"
	"latchkey/server"
)

func newMail(c *console) *cobra.Command {
	mail := &cobra.Command{
		Use:   "mail",
		Short: "List or retry the mails that were not sent",
		Long: `Lists or retries the mails in the database that have not been sent yet, whether or not a server is running.

A mail that fails is tried again after seconds, then minutes, then hours. After three days, or once the mail server has
refused it permanently, it is dead: it is kept for 30 days, and only "latchkey mail retry" tries it again.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: missingSubcommand("list or retry"),
	}
	mail.AddCommand(newMailList(c), newMailRetry(c))
	return mail
}

func newMailList(c *console) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "list",
		Short: "List the mails that were not sent",
		Long: `Lists the mails that were not sent, the oldest first and at most a thousand: the kind of message, the user, how often it
was tried, when it is tried next, and why it failed last.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withQueue(cmd.Context(), func(queue *jobs.Queue) error {
				unsent, err := queue.Unsent(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return c.printMailsAsJSON(unsent)
				}
				return c.printMails(unsent)
			})
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line")
	return command
}

func newMailRetry(c *console) *cobra.Command {
	var allDead bool
	command := &cobra.Command{
		Use:   "retry [ID...]",
		Short: "Try mails again now, dead ones too",
		Long: `Makes mails due now, so that a running server, or the next one that starts, tries to send them. IDs are those that
"latchkey mail list" prints. A mail is composed when it is sent; one whose occasion has passed is not sent any more. A
dead mail gets one more try.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := parseIDs(args)
			if err != nil || allDead == (len(args) > 0) {
				return fmt.Errorf("expected the ids of mails, or --all-dead; %w", errUsage)
			}
			return c.withQueue(cmd.Context(), func(queue *jobs.Queue) error {
				retried, err := retryMails(cmd.Context(), queue, ids)
				fmt.Fprintf(c.stderr, "Will be tried again: %d.\n", retried)
				return err
			})
		},
	}
	command.Flags().BoolVar(&allDead, "all-dead", false, "try every dead mail again")
	return command
}

func parseIDs(args []string) ([]int64, error) {
	ids := make([]int64, len(args))
	for i, arg := range args {
		var err error
		if ids[i], err = strconv.ParseInt(arg, 10, 64); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// retryMails makes the mails with these ids due, or all dead ones if ids is empty. It returns how many those are.
func retryMails(ctx context.Context, queue *jobs.Queue, ids []int64) (retried int, err error) {
	if len(ids) == 0 {
		return queue.RetryDead(ctx)
	}
	for _, id := range ids {
		if failed := queue.Retry(ctx, id); failed != nil {
			err = errors.Join(err, fmt.Errorf("%d: %w", id, failed))
			continue
		}
		retried++
	}
	return retried, err
}

func (c *console) printMails(unsent []jobs.Unsent) error {
	table := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tMESSAGE\tUSER\tSTATE\tTRIES\tNEXT TRY\tLAST ERROR")
	for _, mail := range unsent {
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%d\t%s\t%s\n", mail.ID, mail.Mail.Message, mail.Mail.UserID, mail.State,
			mail.Tries, stamp(&mail.NextTry), mail.LastError)
	}
	return table.Flush()
}

// unsentLine is a line of "latchkey mail list --json".
type unsentLine struct {
	ID        int64     `json:"id"`
	Message   string    `json:"message"`
	UserID    string    `json:"user_id"`
	State     string    `json:"state"`
	Tries     int       `json:"tries"`
	Since     time.Time `json:"since"`
	NextTry   time.Time `json:"next_try,omitzero"`
	LastError string    `json:"last_error,omitempty"`
}

func (c *console) printMailsAsJSON(unsent []jobs.Unsent) error {
	encoder := json.NewEncoder(c.stdout)
	for _, mail := range unsent {
		err := encoder.Encode(unsentLine{
			mail.ID, mail.Mail.Message, mail.Mail.UserID.String(), mail.State, mail.Tries, mail.Since.UTC(), mail.NextTry.UTC(),
			mail.LastError,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// withQueue calls work with the queue in the configured database.
func (c *console) withQueue(ctx context.Context, work func(*jobs.Queue) error) error {
	settings, err := c.settings()
	if err != nil {
		return err
	}
	return c.withDatabase(ctx, settings, func(with server.Resources) error {
		queue, err := server.NewQueue(with)
		if err != nil {
			return err
		}
		return work(queue)
	})
}
