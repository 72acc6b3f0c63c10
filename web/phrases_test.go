package web

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"latchkey/mail"
	"latchkey/models"
	"latchkey/passwords"
)

// flat returns the phrases of a file by their full id.
func flat(t *testing.T, file string) map[string]string {
	t.Helper()
	content, err := phraseFiles.ReadFile("phrases/" + file)
	require.NoError(t, err)
	var tree map[string]any
	require.NoError(t, yaml.Unmarshal(content, &tree))
	found := map[string]string{}
	for id, node := range tree {
		switch node := node.(type) {
		case string:
			found[id] = node
		case map[string]any:
			for part, phrase := range node {
				found[id+"."+part] = phrase.(string)
			}
		}
	}
	return found
}

func TestPhrases_EveryLanguageHasAll(t *testing.T) {
	made, err := newPhrases()
	require.NoError(t, err)
	english := flat(t, "en.yaml")
	for _, tag := range mail.Languages() {
		base, _ := tag.Base()
		ours := flat(t, base.String()+".yaml")
		require.ElementsMatch(t, slices.Collect(maps.Keys(english)), slices.Collect(maps.Keys(ours)), tag)
		shown := page{localizer: made.localizer(tag.String()), PageSettings: PageSettings{Service: "Acme", MinPasswordLength: 12}}
		shown.UsedAt = "2026-11-25 14:03 UTC"
		require.Equal(t, tag, shown.Language)
		for id, phrase := range ours {
			text, err := shown.Text(id)
			require.NoError(t, err)
			known := strings.NewReplacer("{{.MinPasswordLength}}", "12", "{{.UsedAt}}", shown.UsedAt)
			require.Equal(t, known.Replace(phrase), text)
		}
	}
}

// Every field error of a password is explained in the reader's language.
func TestPhrases_EveryErrorOfAPasswordHasOne(t *testing.T) {
	english := flat(t, "en.yaml")
	for _, code := range []string{
		passwords.CodeTooShort, passwords.CodeTooLong, passwords.CodeInvalidCharacters, passwords.CodeTooCommon,
		passwords.CodeTooSimilar, passwords.CodeTooWeak, passwords.CodeUnchanged, models.CodeTaken, models.CodeRequired, models.CodeInvalid,
	} {
		require.Contains(t, english, "field_error."+code)
	}
}

func TestPhrases_FallBackToEnglish(t *testing.T) {
	made, err := newPhrases()
	require.NoError(t, err)
	for accepted, want := range map[string]string{
		"": "en", "tlh": "en", "de-CH, en;q=0.5": "de", "en;q=0.2, ja;q=0.9": "ja", "pt-BR": "pt", "zh-CN": "zh-Hans",
		"*": "en", strings.Repeat("x,", 10_000): "en", "\x00;;;": "en",
	} {
		require.Equal(t, want, made.localizer(accepted).Language.String(), accepted)
	}
}
