package mail

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
)

//go:embed templates
var embedded embed.FS

// sources are the contents of the files of templates and sentences, by name: ours, and after it what overrides it.
type sources map[string][]string

// readSources reads our files, and those of the folder overrides after them.
func readSources(overrides string) (sources, error) {
	files := sources{}
	ours, err := fs.Sub(embedded, "templates")
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	if err := files.add(ours, func(string) bool { return true }); err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	if overrides == "" {
		return files, nil
	}
	if err := files.add(os.DirFS(overrides), files.has); err != nil {
		return nil, fmt.Errorf("mail: the templates in %s: %w", overrides, err)
	}
	return files, nil
}

func (s sources) has(name string) bool { return len(s[name]) > 0 }

// add reads every file of folder. Hidden ones are somebody else's, such as those that Kubernetes puts beside a ConfigMap's.
func (s sources) add(folder fs.FS, isExpected func(name string) bool) error {
	entries, err := fs.ReadDir(folder, ".")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, ".") {
			continue
		}
		if !isExpected(name) {
			return fmt.Errorf("%s is not the name of a template", name)
		}
		content, err := fs.ReadFile(folder, name)
		if err != nil {
			return err
		}
		s[name] = append(s[name], string(content))
	}
	return nil
}

// template is the content that counts of a file.
func (s sources) template(name string) string { return s[name][len(s[name])-1] }

// sentences reads the sentences of every language. Of a file that overrides ours those that it has count, and it may have
// no others.
func (s sources) sentences() (*i18n.Bundle, error) {
	bundle := i18n.NewBundle(translations()[0].tag)
	for _, translation := range translations() {
		known := []string{}
		for i, content := range s[translation.file()] {
			sentences, err := bundle.ParseMessageBytes(translation.tag, []byte(content), yaml.Unmarshal)
			if err != nil {
				return nil, fmt.Errorf("mail: %s: %w", translation.file(), err)
			}
			for _, sentence := range sentences {
				if i == 0 {
					known = append(known, sentence.ID)
				} else if !slices.Contains(known, sentence.ID) {
					return nil, fmt.Errorf("mail: %s: no message has a sentence %s", translation.file(), sentence.ID)
				}
			}
		}
	}
	return bundle, nil
}
