package commands

import (
	"encoding/csv"
	"errors"
	"io"
	"os"
	"strings"

	"latchkey/models"
)

// rejects collects the refused accounts and those that lost a field: all of them in a file, if one was asked for, and the first
// few for the report.
type rejects struct {
	file     io.WriteCloser
	csv      *csv.Writer
	refusals []string
	notes    []string
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
	return listed, listed.csv.Write([]string{"source", "email", "reason", "outcome"})
}

func (r *rejects) refuse(refused []models.Refusal) error {
	for _, refusal := range refused {
		line, err := r.write(refusal.Account, refusal.Reason, "refused")
		if err != nil {
			return err
		}
		r.refusals = firstOf(r.refusals, line)
	}
	r.csv.Flush()
	return r.csv.Error()
}

func (r *rejects) note(noted []models.ExternalAccount) error {
	for _, account := range noted {
		line, err := r.write(account, strings.Join(account.Notes, "; "), "changed")
		if err != nil {
			return err
		}
		r.notes = firstOf(r.notes, line)
	}
	r.csv.Flush()
	return r.csv.Error()
}

// write adds a row to the file, and returns it as a line for the report.
func (r *rejects) write(account models.ExternalAccount, reason, outcome string) (string, error) {
	row := []string{inert(account.Source), inert(account.Email), inert(reason), outcome}
	return row[0] + ": " + row[2], r.csv.Write(row)
}

func firstOf(lines []string, line string) []string {
	if len(lines) < firstRejects {
		return append(lines, line)
	}
	return lines
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
