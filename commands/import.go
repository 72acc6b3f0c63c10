package commands

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
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
accounts are listed in the report and in the file of --rejects. They are not a failure: the exit code is 0.`,
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
}

func (o *importOptions) addTo(command *cobra.Command) {
	command.Flags().BoolVar(&o.dryRun, "dry-run", false, "write nothing; report what an import would do")
	command.Flags().BoolVar(&o.verified, "email-verified", false, "treat every address as verified, as the source verified them")
	command.Flags().StringVar(&o.rejects, "rejects", "", "write the refused accounts, with the reasons, to this CSV file")
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
		run := &importRun{store: m.Imports.Import, rejects: rejects, progress: c.newProgress(source.share)}
		if options.dryRun {
			run.store = m.Imports.Rehearse().Import
		}
		if options.verified {
			source.read = allVerified(source.read)
		}
		failed := run.all(ctx, source)
		run.progress.done()
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
	rejects  *rejects
	progress *progress
	total    models.ImportReport // without the refused accounts themselves
	refused  int
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
		if err := r.one(ctx, batch); err != nil {
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
	return r.refuse(refused)
}

func (r *importRun) refuse(refused []models.Refusal) error {
	r.refused += len(refused)
	return r.rejects.write(refused)
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
	for _, line := range run.rejects.first {
		fmt.Fprintf(c.stdout, "           %s\n", line)
	}
	switch {
	case run.refused > len(run.rejects.first) && options.rejects == "":
		fmt.Fprintln(c.stdout, "           … --rejects FILE.csv lists them all")
	case run.refused > 0 && options.rejects != "":
		fmt.Fprintf(c.stdout, "           %s lists them all\n", options.rejects)
	}
}

// rejects collects the refused accounts: all of them in a file, if one was asked for, and the first few for the report.
type rejects struct {
	file  io.WriteCloser
	csv   *csv.Writer
	first []string
}

const firstRejects = 10

func openRejects(path string) (*rejects, error) {
	if path == "" {
		return &rejects{csv: csv.NewWriter(io.Discard)}, nil
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) // it holds addresses
	if err != nil {
		return nil, err
	}
	listed := &rejects{file: file, csv: csv.NewWriter(file)}
	return listed, listed.csv.Write([]string{"source", "email", "reason"})
}

func (r *rejects) write(refused []models.Refusal) error {
	for _, refusal := range refused {
		row := []string{inert(refusal.Account.Source), inert(refusal.Account.Email), inert(refusal.Reason)}
		if err := r.csv.Write(row); err != nil {
			return err
		}
		if len(r.first) < firstRejects {
			r.first = append(r.first, row[0]+": "+row[2])
		}
	}
	r.csv.Flush()
	return r.csv.Error()
}

// inert returns a cell that a spreadsheet takes for text: anyone can have signed up with a formula as their address.
func inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

func (r *rejects) close() error {
	r.csv.Flush()
	if r.file == nil {
		return nil
	}
	return errors.Join(r.csv.Error(), r.file.Close())
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
