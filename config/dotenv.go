package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/joho/godotenv"
)

const dotenvName = ".env"

var errNoName = errors.New("a line is not of the form NAME=value")

// readDotenv reads .env in dir, if it exists. The error is a [LoadError] that reveals none of the content.
func readDotenv(dir string) (map[string]string, error) {
	content, err := readFile(filepath.Join(dir, dotenvName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, LoadError{{LevelError, dotenvName, reason(err), "Make it a readable text file, or remove it."}}
	}
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	values, err := parseDotenv(content)
	if err != nil {
		return nil, LoadError{{
			LevelError, dotenvName, fmt.Sprintf("has a syntax error in line %d", faultyLine(content)),
			"Write one NAME=value per line, and quote a value with spaces, quotes or #, as in NAME='value'.",
		}}
	}
	return values, nil
}

// parseDotenv parses NAME=value lines. A dollar sign is literal: godotenv alone would take the $word in a password for a
// variable and silently replace it with nothing.
func parseDotenv(content []byte) (map[string]string, error) {
	const dollar = "\x00"
	if bytes.Contains(content, []byte(dollar)) {
		return nil, errNoName
	}
	values, err := godotenv.UnmarshalBytes(bytes.ReplaceAll(content, []byte("$"), []byte(dollar)))
	if err != nil {
		return nil, err
	}
	for name, value := range values {
		if name == "" || strings.ContainsAny(name, " \t") {
			return nil, errNoName
		}
		values[name] = strings.ReplaceAll(value, dollar, "$")
	}
	return values, nil
}

// faultyLine returns the number of the line in which the first statement that can't be parsed begins.
func faultyLine(content []byte) int {
	const longest = 200 // lines in one quoted value
	lines := bytes.SplitAfter(content, []byte("\n"))
	sound := 0
	for n := 1; n <= len(lines) && n-sound <= longest; n++ {
		if _, err := parseDotenv(bytes.Join(lines[sound:n], nil)); err == nil {
			sound = n
		}
	}
	return min(sound+1, len(lines))
}
