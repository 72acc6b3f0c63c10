package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/joho/godotenv"
)

const (
	dotenvName  = ".env"
	fileSuffix  = "_FILE"
	maxFileSize = 64 * 1024
)

var (
	errTooLarge = fmt.Errorf("is larger than %d KiB", maxFileSize/1024)
	errNoName   = errors.New("a line is not of the form NAME=value")
)

// split makes a map of NAME=value entries, the last of a name winning.
func split(environ []string) map[string]string {
	values := make(map[string]string, len(environ))
	for _, entry := range environ {
		if name, value, found := strings.Cut(entry, "="); found && name != "" {
			values[name] = value
		}
	}
	return values
}

// readDotenv reads .env in dir; there may be none. The error never shows what the file holds.
func readDotenv(dir string) (map[string]string, error) {
	content, err := readFile(filepath.Join(dir, dotenvName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, Faults{{dotenvName, reason(err), "Make it a readable text file, or remove it."}}
	}
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	values, err := parseDotenv(content)
	if err != nil {
		return nil, Faults{{
			dotenvName, fmt.Sprintf("can't be understood at line %d", faultyLine(content)),
			"Write one NAME=value a line, and 'value' where it holds spaces, quotes or #.",
		}}
	}
	return values, nil
}

// parseDotenv reads NAME=value lines. A dollar sign stands for itself: godotenv alone would take the $word in a password
// for a variable and silently put nothing in its place.
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

// faultyLine is the number of the line at which the first statement that can't be parsed begins.
func faultyLine(content []byte) int {
	const longest = 200 // lines of one quoted value
	lines := bytes.SplitAfter(content, []byte("\n"))
	sound := 0
	for n := 1; n <= len(lines) && n-sound <= longest; n++ {
		if _, err := parseDotenv(bytes.Join(lines[sound:n], nil)); err == nil {
			sound = n
		}
	}
	return min(sound+1, len(lines))
}

// gather finds the value of each variable that is given and not empty. Variables of environ hide those of dotenv, and an
// empty one hides as well.
func gather(dir string, environ, dotenv map[string]string) (map[string]string, Faults) {
	values := map[string]string{}
	var faults Faults
	for _, variable := range Describe() {
		source := dotenv
		if has(environ, variable.Name) || has(environ, variable.Name+fileSuffix) {
			source = environ
		}
		value, fault := lookup(variable, dir, source)
		if fault != nil {
			faults = append(faults, *fault)
		} else if value != "" {
			values[variable.Name] = value
		}
	}
	return values, faults
}

func has(values map[string]string, name string) bool {
	_, found := values[name]
	return found
}

func lookup(variable Variable, dir string, source map[string]string) (string, *Fault) {
	value, path := source[variable.Name], source[variable.Name+fileSuffix]
	if value != "" && path != "" {
		return "", &Fault{
			variable.Name, "is given twice, as " + variable.Name + " and as " + variable.Name + fileSuffix, "Keep one of them.",
		}
	}
	if path != "" {
		content, err := readFile(resolve(dir, path))
		if err != nil {
			return "", &Fault{
				variable.Name, "can't be read: the file that " + variable.Name + fileSuffix + " names " + reason(err),
				"Name a file of at most 64 KiB that this process may read.",
			}
		}
		value = strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	}
	if !variable.Secret {
		value = strings.TrimSpace(value)
	}
	return value, checkText(variable, value)
}

// checkText refuses what no value can hold. A PEM has line breaks, so secrets are not looked at.
func checkText(variable Variable, value string) *Fault {
	if variable.Secret || !strings.ContainsFunc(value, isControl) {
		return nil
	}
	return &Fault{variable.Name, "holds a control character or invalid UTF-8", "Type the value anew, in one line."}
}

func isControl(r rune) bool { return r < ' ' || r == '\x7f' || r == '\ufffd' }

func resolve(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readAll(file)
}

func readAll(file io.Reader) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(file, maxFileSize+1))
	if len(content) > maxFileSize {
		return nil, errTooLarge
	}
	return content, err
}

// reason says why a file can't be read, without its name, which may be a secret put into the wrong variable.
func reason(err error) string {
	var pathError *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "does not exist"
	case errors.Is(err, fs.ErrPermission):
		return "may not be read by this process"
	case errors.Is(err, errTooLarge):
		return err.Error()
	case errors.As(err, &pathError):
		return "can't be read: " + pathError.Err.Error()
	default:
		return "can't be read"
	}
}

// knownNames are all variables, each also with _FILE.
func knownNames() []string {
	var names []string
	for _, variable := range Describe() {
		names = append(names, variable.Name, variable.Name+fileSuffix)
	}
	return names
}

// unknown warns of variables that look like ours and are not.
func unknown(sources ...map[string]string) []string {
	known := knownNames()
	warned := map[string]string{}
	for _, source := range sources {
		for name := range source {
			if warning := suspect(name, known); warning != "" {
				warned[name] = warning
			}
		}
	}
	var warnings []string
	for _, name := range slices.Sorted(maps.Keys(warned)) {
		warnings = append(warnings, warned[name])
	}
	return warnings
}
