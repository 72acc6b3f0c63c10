package mail_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/mail"
)

func TestTemplates_Overrides(t *testing.T) {
	dir := folder(t, map[string]string{
		"new_device.txt": "A new {{.Device}}!\n\n{{template \"link\" .}}",
		"layout.html":    `<p lang="{{.Language}}">{{template "content" .}}</p>{{define "action"}}{{.Link}} {{.Code}}{{end}}{{define "link"}}{{end}}{{define "facts"}}{{end}}`,
		"de.yaml":        "new_device:\n  button: \"Passwort ändern\"\n",
	})
	require.NoError(t, os.Mkdir(filepath.Join(dir, "..data"), 0o700))
	made, err := mail.NewTemplates("Acme", dir)
	require.NoError(t, err)
	rendered, err := made.Render(letter(mail.NewDevice, "de"))
	require.NoError(t, err)
	require.Contains(t, rendered.Text, "A new Firefox, Windows!\n\nPasswort ändern:\n\n"+link)
	require.Contains(t, rendered.HTML, `<p lang="de"><p>Bei Ihrem Konto`)
	require.Equal(t, "Neue Anmeldung bei Ihrem Konto", rendered.Subject, "what a file of sentences leaves out is ours")
}

func TestTemplates_Overrides_BrokenOnesAreNamed(t *testing.T) {
	for name, c := range map[string]struct{ file, content, says string }{
		"another name":         {"verify-email.html", "x", "verify-email.html is not the name of a template"},
		"another language":     {"it.yaml", "x", "it.yaml is not the name of a template"},
		"unclosed":             {"verify_email.html", "{{.Link", "verify_email.html: "},
		"unclosed text":        {"reset_password.txt", "{{if .Link}}", "reset_password.txt: "},
		"an unknown field":     {"new_device.txt", "{{.Password}}", "new_device in en: "},
		"an unknown sentence":  {"new_device.html", `{{.T "new_device.title"}}`, "the sentence new_device.title in en"},
		"a script":             {"layout.html", "<script>var a = `{{.Name", "layout.html"},
		"no link":              {"verify_email.html", "{{.Code}}", "verify_email.html does not show the link and the code"},
		"no code":              {"reset_password.txt", "{{.Link}}", "reset_password.txt does not show the link and the code"},
		"no YAML":              {"de.yaml", "a: [", "de.yaml: "},
		"a list":               {"de.yaml", "- a", "de.yaml: "},
		"a misspelt sentence":  {"de.yaml", "new_device:\n  titel: x", "de.yaml: no message has a sentence new_device.titel"},
		"an empty sentence":    {"de.yaml", "new_device:\n  body: ''", "the sentence new_device.body in de"},
		"an unclosed sentence": {"de.yaml", "new_device:\n  body: '{{.Service'", "the sentence new_device.body in de"},
		"a sentence that asks": {"ja.yaml", "new_device:\n  body: '{{.Code}}'", "the sentence new_device.body in ja"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := mail.NewTemplates("Acme", folder(t, map[string]string{c.file: c.content}))
			require.ErrorContains(t, err, c.says)
		})
	}
	_, err := mail.NewTemplates("Acme", "missing")
	require.ErrorContains(t, err, "the templates in missing: ")
}
