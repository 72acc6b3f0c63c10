package mail_test

import (
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"latchkey/mail"
)

const (
	link = "https://auth.example.com/reset-password?token=lkm_AbCdEf&x=1"
	code = "483920"
)

// moment is at night in Berlin and the day after in Tokyo.
func moment() time.Time { return time.Date(2026, time.November, 23, 23, 5, 0, 0, time.UTC) }

// letter is one with everything that a letter may have.
func letter(message mail.Kind, locale string) mail.Message {
	return mail.Message{
		Kind: message, To: "ann@example.com", Name: "Ann Bee", Locale: locale, Timezone: "Europe/Berlin",
		Link: link, Code: code, CodeExpires: moment().Add(10 * time.Minute), Expires: moment().Add(time.Hour), At: moment(),
		UserAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", IP: "192.0.2.7",
	}
}

// templates are ours, read once.
var templates = sync.OnceValue(func() *mail.Templates {
	made, err := mail.NewTemplates("Acme", "")
	if err != nil {
		panic(err)
	}
	return made
})

func render(t testing.TB, letter mail.Message) mail.Email {
	t.Helper()
	rendered, err := templates().Render(letter)
	require.NoError(t, err)
	return rendered
}

// folder is a folder of overrides with these files.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	return dir
}

// sentences reads a file of ours, as sentences by id.
func sentences(t testing.TB, language string) map[string]string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("templates", language+".yaml"))
	require.NoError(t, err)
	var groups map[string]map[string]string
	require.NoError(t, yaml.Unmarshal(content, &groups))
	byID := map[string]string{}
	for group, of := range groups {
		for id, sentence := range of {
			byID[group+"."+id] = sentence
		}
	}
	return byID
}

func keys[V any](of map[string]V) []string {
	var all []string
	for key := range of {
		all = append(all, key)
	}
	slices.Sort(all)
	return all
}
