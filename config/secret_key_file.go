package config

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// ErrNoSecretKey means that SECRET_KEY is not set where none may be made: in production and with PostgreSQL.
var ErrNoSecretKey = errors.New("SECRET_KEY is required in production and with PostgreSQL. " + makeSecret)

// EnsureSecretKey sets s.SecretKey if it is unset. In development on SQLite it reads the file DATABASE.secret beside the
// database, or makes it and returns its path as created. Processes that start at the same time agree on one key. A file that
// users other than its owner can access is refused. Elsewhere the error is [ErrNoSecretKey].
func EnsureSecretKey(s *Settings) (created string, err error) {
	if s.SecretKey.IsSet() {
		return "", nil
	}
	if s.InProduction() || !s.Database.IsSQLite() {
		return "", ErrNoSecretKey
	}
	path := SecretKeyPath(*s)
	key, err := readSecretKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if created, err = makeSecretKey(path); err != nil {
			return "", err
		}
		key, err = readSecretKey(path)
	}
	if err != nil {
		return "", fmt.Errorf("the secret key: %w", err)
	}
	s.SecretKey = key
	return created, nil
}

// SecretKeyPath returns the path of the file in which EnsureSecretKey keeps the key.
func SecretKeyPath(s Settings) string { return s.Database.Path() + ".secret" }

func readSecretKey(path string) (Secret, error) {
	file, err := os.Open(path)
	if err != nil {
		return Secret{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return Secret{}, err
	}
	if !info.Mode().IsRegular() {
		return Secret{}, fmt.Errorf("%s is not a regular file", path)
	}
	if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return Secret{}, fmt.Errorf("%s can be read or written by users other than its owner; run: chmod 600 %s", path, path)
	}
	content, err := readAll(file)
	if err != nil {
		return Secret{}, err
	}
	key := strings.TrimSpace(string(content))
	if len(key) < minSecretLength {
		return Secret{}, fmt.Errorf("%s holds %d bytes and needs %d; set SECRET_KEY, or remove the file "+
			"to have a new key made, which invalidates everything that the old one signed", path, len(key), minSecretLength)
	}
	return NewSecret(key), nil
}

// makeSecretKey writes a new random key to path and returns path, or "" if another process was first. It writes the key to
// another file and then links that, so that no process reads half a key.
func makeSecretKey(path string) (string, error) {
	draft, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("the folder of the SQLite database does not exist: %s", filepath.Dir(path))
	}
	if err != nil {
		return "", fmt.Errorf("making the secret key: %w", err)
	}
	defer os.Remove(draft.Name())
	if err := fill(draft); err != nil {
		return "", fmt.Errorf("making the secret key: %w", err)
	}
	err = os.Link(draft.Name(), path)
	switch {
	case errors.Is(err, fs.ErrExist):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("making the secret key: %w; set SECRET_KEY instead. %s", err, makeSecret)
	}
	return path, nil
}

func fill(draft *os.File) error {
	key := make([]byte, 48)
	rand.Read(key)
	_, err := draft.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	return errors.Join(err, draft.Sync(), draft.Close())
}
