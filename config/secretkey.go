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

const (
	minSecretLength = 32 // bytes
	makeSecret      = "Make one with: openssl rand -base64 48"
)

// ErrNoSecretKey is returned where a secret key is neither given nor may be made.
var ErrNoSecretKey = errors.New("SECRET_KEY is required in production and with PostgreSQL. " + makeSecret)

// EnsureSecretKey gives s a SecretKey where it has none: in development on SQLite it reads the file beside the database,
// DATABASE.secret, or makes one, whose path it answers as created. Processes that start at once agree on one key. The
// file is refused when others than its owner may read it.
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

// SecretKeyPath is where EnsureSecretKey keeps the key.
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
		return Secret{}, fmt.Errorf("%s may be read or written by others than its owner; run: chmod 600 %s", path, path)
	}
	content, err := readAll(file)
	if err != nil {
		return Secret{}, err
	}
	key := strings.TrimSpace(string(content))
	if len(key) < minSecretLength {
		return Secret{}, fmt.Errorf("%s holds %d bytes and needs %d; give SECRET_KEY, or remove the file "+
			"to have a new key made, which ends what the old one signed", path, len(key), minSecretLength)
	}
	return NewSecret(key), nil
}

// makeSecretKey puts a new random key at path and answers path, or "" when another process was first. The key is written
// elsewhere and then linked, so that nobody ever reads half a key.
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
		return "", fmt.Errorf("making the secret key: %w; give SECRET_KEY instead. %s", err, makeSecret)
	}
	return path, nil
}

func fill(draft *os.File) error {
	key := make([]byte, 48)
	rand.Read(key)
	_, err := draft.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	return errors.Join(err, draft.Sync(), draft.Close())
}
