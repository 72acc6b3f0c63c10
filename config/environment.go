package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/joho/godotenv"
)

const maxFileBytes = 64 * 1024

// values are the variables that are set, by name. An empty one counts as not set.
type values map[string]string

// gather puts the environment over the .env file in dir, and follows NAME_FILE for every setting.
func gather(environ []string, dir string, faults *Faults) values {
	found := dotEnv(filepath.Join(dir, ".env"), faults)
	environment := values{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		environment[name] = value
	}
	for _, variable := range Describe() {
		readFile(environment, variable.Name, faults)
		readFile(found, variable.Name, faults)
	}
	for name, value := range environment {
		if value != "" {
			found[name] = value
		}
	}
	return found
}

// dotEnv reads a .env file, if there is one. What is wrong with it is not quoted, because it may be a secret.
func dotEnv(path string, faults *Faults) values {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return values{}
	}
	if err != nil {
		faults.add(".env", "it can't be read: "+reason(err), "Make it readable for the user that runs Latchkey, or remove it")
		return values{}
	}
	parsed, err := godotenv.UnmarshalBytes(text)
	if err != nil {
		faults.add(".env", "it is not a list of NAME=value lines", "Compare it with .env.example; quote values that hold spaces or #")
		return values{}
	}
	for name, value := range parsed {
		if value == "" {
			delete(parsed, name)
		}
	}
	return parsed
}

// readFile sets a variable to the content of the file that NAME_FILE names.
func readFile(in values, name string, faults *Faults) {
	path := in[name+"_FILE"]
	if path == "" {
		return
	}
	if in[name] != "" {
		faults.add(name, fmt.Sprintf("both %s and %s_FILE are set", name, name), "Keep one of them")
		return
	}
	content, err := readSmall(path)
	if err != nil {
		faults.add(name+"_FILE", "the file can't be read: "+reason(err), "Check the path and who may read it")
		return
	}
	in[name] = strings.TrimRight(content, "\r\n")
}

func readSmall(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	content, err := io.ReadAll(io.LimitReader(file, maxFileBytes+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return "", err
	}
	if len(content) > maxFileBytes {
		return "", fmt.Errorf("it has more than %d bytes", maxFileBytes)
	}
	return string(content), nil
}

// reason is an error without its path, which for NAME_FILE set by mistake to a secret would show it.
func reason(err error) string {
	if at := (*fs.PathError)(nil); errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}

// misspelt finds variables that begin like a setting and are none.
func misspelt(found values) []string {
	var warnings []string
	for name := range found {
		if suggestion := nearest(name); suggestion != "" {
			warnings = append(warnings, fmt.Sprintf("%s is not a setting; did you mean %s?", name, suggestion))
		}
	}
	return warnings
}

// nearest is the setting within two typing mistakes of a name that is none, or "".
func nearest(name string) string {
	name = strings.TrimSuffix(name, "_FILE")
	best, distance := "", 3
	for _, variable := range Describe() {
		if variable.Name == name {
			return ""
		}
		if d := editDistance(name, variable.Name); d < distance && len(variable.Name) > 5 {
			best, distance = variable.Name, d
		}
	}
	return best
}

// editDistance is Levenshtein's.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
