package commands

import (
	"bufio"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/term"
)

var (
	errNoTerminal = errors.New("there is no terminal to ask at")
	errMismatch   = errors.New("the two passwords are not the same")
)

// prompter asks a person at the terminal. Questions go to stderr, so that stdout stays data.
type prompter struct {
	*console
	lines *bufio.Reader
}

func (c *console) newPrompter() (*prompter, error) {
	if c.stdin == nil || !term.IsTerminal(int(c.stdin.Fd())) {
		return nil, errNoTerminal
	}
	return &prompter{console: c, lines: bufio.NewReader(c.stdin)}, nil
}

func (p *prompter) line(question string) (string, error) {
	fmt.Fprint(p.stderr, question)
	answer, err := p.lines.ReadString('\n')
	return strings.TrimRight(answer, "\r\n"), err
}

// newPassword asks twice without showing what is typed.
func (p *prompter) newPassword() (string, error) {
	first, err := p.hidden("Password: ")
	if err != nil {
		return "", err
	}
	second, err := p.hidden("Password (again): ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errMismatch
	}
	return first, nil
}

func (p *prompter) hidden(question string) (string, error) {
	fmt.Fprint(p.stderr, question)
	answer, err := term.ReadPassword(int(p.stdin.Fd()))
	fmt.Fprintln(p.stderr)
	return string(answer), err
}
