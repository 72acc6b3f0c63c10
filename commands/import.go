package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"latchkey/config"
	"latchkey/models"
	"latchkey/server"
)

func newImport(c *console) *cobra.Command {
	command := &cobra.Command{
		Use:   "import",
		Short: "Import the accounts of another system, with their passwords",
		Long: `Imports the accounts of another system. Password hashes are kept as they are, so that all users log in with the
password they have; at a user's first login, the hash is replaced by one with the current settings.

An import can be repeated: it adds the accounts that are new and applies what changed in the source since the last
import, except where the account was changed here in the meantime. If an import was interrupted, run it again. Refused
accounts, and fields that were left out of others, are listed in the report and in the file of --rejects. They are not a
failure: the exit code is 0. It is 1 if the input is not what it should be, or was not read to its end.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	command.AddCommand(newImportDjango(c), newImportJSONL(c))
	return command
}

// importOptions are the flags of every import.
type importOptions struct {
	dryRun   bool
	verified bool
	rejects  string
	empty    time.Duration
}

func (o *importOptions) addTo(command *cobra.Command) {
	command.Flags().BoolVar(&o.dryRun, "dry-run", false, "write nothing; report what an import would do")
	command.Flags().BoolVar(&o.verified, "email-verified", false, "treat every address as verified, as the source verified them")
	command.Flags().StringVar(&o.rejects, "rejects", "", "write what was refused or left out, with the reasons, to this CSV file")
	command.Flags().DurationVar(&o.empty, "check-empty", 30*time.Second,
		"how long to look for hashes of the empty password; 0 for not at all")
}

// accountSource reads the accounts of another system: read calls visit with each, and share returns which part has been
// read, from 0 to 1, or unknownShare.
type accountSource struct {
	read  func(visit func(models.ExternalAccount) error) error
	share func() float64
}

// importBatch is how many accounts are stored together.
const importBatch = 1000

// importFrom imports every account of source, and prints a report.
func (c *console) importFrom(
	ctx context.Context, settings config.Settings, options importOptions, source accountSource,
) error {
	return c.withManagers(ctx, settings, func(m server.Managers) (err error) {
		rejects, err := openRejects(options.rejects)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rejects.close()) }()
		run := &importRun{
			store: m.Imports.Import, empty: m.Imports.LookForEmptyPasswords(options.empty), rejects: rejects,
			progress: c.newProgress(source.share),
		}
		if options.dryRun {
			run.store = m.Imports.Rehearse().Import
		}
		if options.verified {
			source.read = allVerified(source.read)
		}
		failed := run.all(ctx, source)
		run.progress.done()
		if failed != nil && run.read == 0 {
			return failed // there is nothing to report
		}
		c.printReport(run, options)
		return interrupted(failed, options)
	})
}

// interrupted adds to the error of an import how to go on after it.
func interrupted(err error, options importOptions) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		err = errors.New("the import was interrupted")
	}
	if options.dryRun {
		return err
	}
	return fmt.Errorf("%w; what the report counts is stored; run the import again for the rest", err)
}

// allVerified returns read with the address of every account marked as verified.
func allVerified(read func(func(models.ExternalAccount) error) error) func(func(models.ExternalAccount) error) error {
	return func(visit func(models.ExternalAccount) error) error {
		return read(func(account models.ExternalAccount) error {
			if account.EmailVerifiedAt == nil {
				account.EmailVerifiedAt = &time.Time{}
			}
			return visit(account)
		})
	}
}

// importRun is the state of an import in progress.
type importRun struct {
	store    func(context.Context, []models.ExternalAccount) (models.ImportReport, error)
	empty    *models.EmptyPasswords
	rejects  *rejects
	progress *progress
	total    models.ImportReport // without the refused accounts themselves
	read     int
	refused  int
	noted    int              // accounts that lost a field
	held     []models.Refusal // refused until another account gives up its address
}

// maxHeld bounds the memory that the held accounts take.
const maxHeld = 10_000

// all imports every account, and then tries the held ones again as long as that imports any: accounts of the source may
// have passed their addresses on to each other.
func (r *importRun) all(ctx context.Context, source accountSource) error {
	if err := r.each(ctx, source); err != nil {
		return errors.Join(err, r.refuse(r.held))
	}
	for before := 0; len(r.held) != before; {
		held := r.held
		before, r.held = len(held), nil
		for batch := range slices.Chunk(held, importBatch) {
			accounts := make([]models.ExternalAccount, len(batch))
			for i, refusal := range batch {
				accounts[i] = refusal.Account
			}
			if err := r.one(ctx, accounts); err != nil {
				return err
			}
		}
	}
	return r.refuse(r.held)
}

// each reads and stores concurrently: while one batch is stored, the next is read.
func (r *importRun) each(ctx context.Context, source accountSource) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batches := make(chan []models.ExternalAccount, 1)
	var reading error
	go func() {
		defer close(batches)
		reading = readBatches(ctx, source, batches)
	}()
	for batch := range batches {
		r.read += len(batch)
		if err := r.checked(ctx, batch); err != nil {
			cancel()
			for range batches { // so that the reader is done with its connection
			}
			return err
		}
		r.progress.add(len(batch))
	}
	return reading
}

// readBatches sends the accounts of source to batches, importBatch at a time, until ctx ends.
func readBatches(ctx context.Context, source accountSource, batches chan<- []models.ExternalAccount) error {
	var batch []models.ExternalAccount
	send := func() error {
		select {
		case batches <- batch:
			batch = nil
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	err := source.read(func(account models.ExternalAccount) error {
		if batch = append(batch, account); len(batch) < importBatch {
			return nil
		}
		return send()
	})
	if err != nil || len(batch) == 0 {
		return err
	}
	return send()
}

// checked looks for empty passwords in a batch, and then stores it as one does.
func (r *importRun) checked(ctx context.Context, batch []models.ExternalAccount) error {
	if err := r.empty.Mark(ctx, batch); err != nil {
		return err
	}
	return r.one(ctx, batch)
}

// one stores a batch and adds what became of it to the report.
func (r *importRun) one(ctx context.Context, batch []models.ExternalAccount) error {
	report, err := r.store(ctx, batch)
	if err != nil {
		return err
	}
	r.total.Imported += report.Imported
	r.total.Updated += report.Updated
	r.total.Kept += report.Kept
	r.total.Unchanged += report.Unchanged
	var refused []models.Refusal
	for _, refusal := range report.Refused {
		if refusal.IsHeld && len(r.held) < maxHeld {
			r.held = append(r.held, refusal)
			continue
		}
		refused = append(refused, refusal)
	}
	r.noted += len(report.Noted)
	return errors.Join(r.refuse(refused), r.rejects.note(report.Noted))
}

func (r *importRun) refuse(refused []models.Refusal) error {
	r.refused += len(refused)
	return r.rejects.refuse(refused)
}

func (c *console) printReport(run *importRun, options importOptions) {
	heading := "Done."
	if options.dryRun {
		heading = "Nothing is written; this is what an import would do."
	}
	fmt.Fprintf(c.stdout, "%s\n%10d imported\n%10d updated\n%10d unchanged\n", heading,
		run.total.Imported, run.total.Updated, run.total.Unchanged)
	if run.total.Kept > 0 {
		fmt.Fprintf(c.stdout, "%10d kept as they are here, where they were changed too\n", run.total.Kept)
	}
	fmt.Fprintf(c.stdout, "%10d refused\n", run.refused)
	c.printFirst(run.rejects.refusals, run.refused, options)
	fmt.Fprintf(c.stdout, "%10d read\n", run.read)
	if run.noted > 0 {
		fmt.Fprintf(c.stdout, "%10d accounts that were not refused differ from the source\n", run.noted)
		c.printFirst(run.rejects.notes, run.noted, options)
	}
	if run.empty.Unchecked > 0 {
		fmt.Fprintf(c.stdout, "%10d hashes were not checked for the empty password, with which nobody can log in; see --check-empty\n",
			run.empty.Unchecked)
	}
}

// printFirst prints the first of count lines, and where the others are.
func (c *console) printFirst(first []string, count int, options importOptions) {
	for _, line := range first {
		fmt.Fprintf(c.stdout, "           %s\n", line)
	}
	switch {
	case count > len(first) && options.rejects == "":
		fmt.Fprintln(c.stdout, "           … --rejects FILE.csv lists them all")
	case count > 0 && options.rejects != "":
		fmt.Fprintf(c.stdout, "           %s lists them all\n", options.rejects)
	}
}

// input is a file, or standard input for "-", of which it counts the bytes that were read.
type input struct {
	file *os.File
	size int64
	read atomic.Int64
}

func (c *console) openInput(path string) (*input, error) {
	if path == "-" {
		if c.stdin == nil {
			return nil, errors.New("there is no standard input")
		}
		return &input{file: c.stdin}, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	opened := &input{file: file}
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
		opened.size = info.Size()
	}
	return opened, nil
}

// Read reads from the file, and counts the bytes.
func (i *input) Read(into []byte) (int, error) {
	n, err := i.file.Read(into)
	i.read.Add(int64(n))
	return n, err
}

// Close closes a file, but not standard input, which is the caller's.
func (i *input) Close() error {
	if i.size == 0 {
		return nil
	}
	return i.file.Close()
}

// share returns which part of the file has been read, from 0 to 1, or unknownShare.
func (i *input) share() float64 {
	if i.size == 0 {
		return unknownShare
	}
	return float64(i.read.Load()) / float64(i.size)
}
