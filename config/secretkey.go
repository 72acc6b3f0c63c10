package config

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// EnsureSecretKey provides SECRET_KEY where Load lets it be left out: it reads the file beside the SQLite file, or makes
// it, readable by its owner only. It gives back the path of a file that it made. Processes that start at once end with
// the same key.
func EnsureSecretKey(s *Settings) (created string, err error) {
	if s.SecretKey.IsSet() {
		return "", nil
	}
	path := s.Database.Path() + ".secret"
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		made, err := makeSecretFile(path)
		if err != nil {
			return "", fmt.Errorf("make the secret key's file %s: %w", path, err)
		}
		if made {
			created = path
		}
	}
	secret, err := readSecretFile(path)
	if err != nil {
		return "", err
	}
	s.SecretKey = Secret{secret}
	return created, nil
}

// makeSecretFile writes a new key beside path and links it there, which fails for all but one process.
func makeSecretFile(path string) (made bool, err error) {
	key := make([]byte, 48)
	if _, err := rand.Read(key); err != nil {
		return false, err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // with mode 0600
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, os.Remove(temporary.Name())) }()
	_, err = temporary.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return false, err
	}
	err = os.Link(temporary.Name(), path)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	return err == nil, err
}

func readSecretFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("the secret key's file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("others can read the secret key: run chmod 600 %s, or set SECRET_KEY", path)
	}
	text, err := readSmall(path)
	if err != nil {
		return "", fmt.Errorf("the secret key's file: %w", err)
	}
	secret := strings.TrimSpace(text)
	if len(secret) < minSecretBytes {
		return "", fmt.Errorf("the secret key in %s has fewer than 32 bytes: restore the file, or set SECRET_KEY", path)
	}
	return secret, nil
}
