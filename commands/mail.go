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
		Long: `Looks after the mails in the database that have not been sent yet, whether or not a server runs.

A mail that fails is tried again after seconds, then minutes, then hours. After three days, or once the mail server has
refused it for good, it is dead: it is kept for 30 days and not tried again, unless you say so.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error { return fmt.Errorf("say list or retry; %w", errUsage) },
	}
	mail.AddCommand(newMailList(c), newMailRetry(c))
	return mail
}

func newMailList(c *console) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "list",
		Short: "List the mails that were not sent",
		Long: `Lists the mails that were not sent, the oldest first and at most a thousand: what each says, to which user, how often it
was tried, when it is tried next, and why it failed.`,
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
	command.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return command
}

func newMailRetry(c *console) *cobra.Command {
	var allDead bool
	command := &cobra.Command{
		Use:   "retry [ID...]",
		Short: "Try mails again now, dead ones too",
		Long: `Has the mails of these ids, as "latchkey mail list" shows them, tried again by the next server that runs. What a mail
says is made when it is sent: one whose occasion has passed is not sent any more. A dead mail gets one more try.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := parseIDs(args)
			if err != nil || allDead == (len(args) > 0) {
				return fmt.Errorf("say the ids of mails, or --all-dead; %w", errUsage)
			}
			return c.withQueue(cmd.Context(), func(queue *jobs.Queue) error {
				retried, err := retryMails(cmd.Context(), queue, ids)
				fmt.Fprintf(c.stderr, "Will be tried again: %d.\n", retried)
				return err
			})
		},
	}
	command.Flags().BoolVar(&allDead, "all-dead", false, "every dead one")
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

// retryMails retries the mails of these ids, or all dead ones if there are none, and counts them.
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

// unsentLine is a mail as a program reads it.
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

// withQueue runs work with the queue in the configured database, whose schema must be current.
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
