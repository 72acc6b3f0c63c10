package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	fileSuffix  = "_FILE"
	maxFileSize = 64 * 1024
)

var errTooLarge = fmt.Errorf("is larger than %d KiB", maxFileSize/1024)

// split returns the values of NAME=value entries by name. The last entry of a name wins.
func split(environ []string) map[string]string {
	values := make(map[string]string, len(environ))
	for _, entry := range environ {
		if name, value, found := strings.Cut(entry, "="); found && name != "" {
			values[name] = value
		}
	}
	return values
}

// gather returns the value of each variable that is set and not empty. Variables of environ, even empty ones, hide those of
// dotenv.
func gather(dir string, environ, dotenv map[string]string) (map[string]string, []Finding) {
	values := map[string]string{}
	var findings []Finding
	for _, variable := range Describe() {
		source := dotenv
		if has(environ, variable.Name) || has(environ, variable.Name+fileSuffix) {
			source = environ
		}
		value, finding := lookup(variable, dir, source)
		if finding != nil {
			findings = append(findings, *finding)
		} else if value != "" {
			values[variable.Name] = value
		}
	}
	return values, findings
}

func has(values map[string]string, name string) bool {
	_, found := values[name]
	return found
}

func lookup(variable Variable, dir string, source map[string]string) (string, *Finding) {
	value, path := source[variable.Name], source[variable.Name+fileSuffix]
	if value != "" && path != "" {
		return "", &Finding{
			LevelError, variable.Name, "is given twice, as " + variable.Name + " and as " + variable.Name + fileSuffix,
			"Keep one of them.",
		}
	}
	if path != "" {
		content, err := readFile(resolve(dir, path))
		if err != nil {
			return "", &Finding{
				LevelError, variable.Name, "can't be read: the file that " + variable.Name + fileSuffix + " names " + reason(err),
				"Name a file of at most 64 KiB that this process can read.",
			}
		}
		value = strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	}
	if !variable.Secret {
		value = strings.TrimSpace(value)
	}
	return value, checkText(variable, value)
}

// checkText refuses control characters and invalid UTF-8. Secrets are exempt: a PEM has line breaks.
func checkText(variable Variable, value string) *Finding {
	if variable.Secret || !strings.ContainsFunc(value, isControl) {
		return nil
	}
	return &Finding{LevelError, variable.Name, "contains a control character or invalid UTF-8", "Retype the value in one line."}
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

// reason returns why a file can't be read, without its name, which may be a secret that was put into the wrong variable.
func reason(err error) string {
	var pathError *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "does not exist"
	case errors.Is(err, fs.ErrPermission):
		return "is not readable by this process"
	case errors.Is(err, errTooLarge):
		return err.Error()
	case errors.As(err, &pathError):
		return "can't be read: " + pathError.Err.Error()
	default:
		return "can't be read"
	}
}
