package commands

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/term"
)

var (
	errNoTerminal  = errors.New("standard input is not a terminal to ask at")
	errMismatch    = errors.New("the two passwords are not the same")
	errInterrupted = errors.New("interrupted; nothing is changed")
)

// prompter asks a person at the terminal. Questions go to stderr, so that stdout holds nothing but data.
type prompter struct {
	console *console
	screen  *term.Terminal
}

func (c *console) newPrompter() (*prompter, error) {
	if c.stdin == nil || !term.IsTerminal(int(c.stdin.Fd())) {
		return nil, errNoTerminal
	}
	both := struct {
		io.Reader
		io.Writer
	}{c.stdin, c.stderr}
	return &prompter{console: c, screen: term.NewTerminal(both, "")}, nil
}

// converse returns what ask returns, or errInterrupted when the person or a signal ends it. Meanwhile the terminal echoes
// nothing by itself, not even what is typed before a question.
func converse[T any](ctx context.Context, p *prompter, ask func() (T, error)) (answer T, err error) {
	terminal := int(p.console.stdin.Fd())
	before, err := term.MakeRaw(terminal)
	if err != nil {
		return answer, fmt.Errorf("prepare the terminal: %w", err)
	}
	defer func() { err = errors.Join(err, term.Restore(terminal, before)) }()
	type result struct {
		answer T
		err    error
	}
	done := make(chan result, 1)
	go func() { // reading a terminal can't be interrupted; the reader ends with the process
		answer, err := ask()
		done <- result{answer, err}
	}()
	select {
	case <-ctx.Done():
		fmt.Fprint(p.console.stderr, "\r\n")
		return answer, errInterrupted
	case got := <-done:
		if errors.Is(got.err, io.EOF) { // Ctrl-C and Ctrl-D
			fmt.Fprint(p.console.stderr, "\r\n")
			return answer, errInterrupted
		}
		return got.answer, got.err
	}
}

func (p *prompter) line(question string) (string, error) {
	p.screen.SetPrompt(question)
	return p.screen.ReadLine()
}

// newPassword asks for a password twice, without showing what is typed. It returns errMismatch if the two differ.
func (p *prompter) newPassword() (string, error) {
	first, err := p.screen.ReadPassword("Password: ")
	if err != nil {
		return "", err
	}
	second, err := p.screen.ReadPassword("Password (again): ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errMismatch
	}
	return first, nil
}
