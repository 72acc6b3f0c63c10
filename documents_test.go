package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// codeBlock is a fenced block of a document: its first line's number, its language and its text.
type codeBlock struct {
	line     int
	language string
	text     string
}

var fence = regexp.MustCompile("(?ms)^( *)```([a-z]*)\n(.*?)^ *```$")

// codeBlocks returns the fenced blocks of a document, each without the indentation of the list that it stands in.
func codeBlocks(document string) (blocks []codeBlock) {
	for _, at := range fence.FindAllStringSubmatchIndex(document, -1) {
		indent, language, text := document[at[2]:at[3]], document[at[4]:at[5]], document[at[6]:at[7]]
		text = strings.TrimPrefix(strings.ReplaceAll("\n"+text, "\n"+indent, "\n"), "\n")
		blocks = append(blocks, codeBlock{strings.Count(document[:at[0]], "\n") + 1, language, text})
	}
	return blocks
}

// documents returns the paths of the project's Markdown files.
func documents(t *testing.T) []string {
	t.Helper()
	files := filesOf(t, ".md")
	require.Contains(t, files, "README.md")
	return files
}

// filesOf returns the paths of the tree's files with an extension, those of other modules included.
func filesOf(t *testing.T, extension string) (paths []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && file != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules"):
			return filepath.SkipDir
		case filepath.Ext(file) == extension:
			paths = append(paths, filepath.ToSlash(file))
		}
		return nil
	}))
	return paths
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(content)
}

// What a document tells the reader to paste has to work in bash and in zsh.
func TestDocuments_ShellBlocks(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, file := range documents(t) {
		document := read(t, file)
		require.Empty(t, undeclaredCode(document), "%s: fence the code and name its language, as ```sh or ```text", file)
		for _, block := range codeBlocks(document) {
			if block.language == "sh" {
				checked++
				require.Empty(t, pasteFault(t, block.text), "%s:%d", file, block.line)
			}
		}
	}
	require.Greater(t, checked, 20)
}

var indented = regexp.MustCompile(`(?m)^\n(?: {4}|\t).*`)

// undeclaredCode returns the code without a declared language: fenced without one, or only indented. For shell the language has to
// be sh.
func undeclaredCode(document string) (found []string) {
	for _, block := range codeBlocks(document) {
		if slices.Contains([]string{"", "bash", "shell", "zsh"}, block.language) {
			found = append(found, block.text)
		}
	}
	return append(found, indented.FindAllString(fence.ReplaceAllString(document, ""), -1)...)
}

// pasteFault returns why a shell block can't be pasted, or "". Interactive zsh has no comments by default, and interactive bash
// expands a ! to an earlier command.
func pasteFault(t *testing.T, text string) string {
	t.Helper()
	if comment.MatchString(quoted.ReplaceAllString(text, "quoted")) {
		return "it has a comment; make it a sentence before the block"
	}
	if strings.Contains(text, "!") {
		return "it has a !, which an interactive shell replaces by an earlier command"
	}
	for _, shell := range []string{"bash", "zsh"} {
		command := exec.CommandContext(t.Context(), testkit.Program(t, shell), "-n")
		command.Stdin = strings.NewReader(text)
		if output, err := command.CombinedOutput(); err != nil {
			return shell + ": " + string(output)
		}
	}
	return ""
}

var (
	comment = regexp.MustCompile(`(?m)(^|[\s;|&(])#`)
	quoted  = regexp.MustCompile(`(?s)'[^']*'|"(\\.|[^"\\])*"|\\.`)
)

func TestDocuments_EachFaultIsNoticed(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"go run . # serves\n", "# serves\ngo run .\n", "go run .\n# don't\n", "echo a |# b\ncat\n", "echo 'a\n", "for a in b; do\n",
		"echo \"it works!\"\n", "curl \"a\n",
	} {
		require.NotEmpty(t, pasteFault(t, text), text)
	}
	for _, text := range []string{
		"echo '# a' \"# b\" a#b \\# ${#a}\n", "curl 'localhost/errors#code' \\\n  -d \"it's\"\n", "a=$(b | c 'd\n# e')\n",
	} {
		require.Empty(t, pasteFault(t, text), text)
	}
	for _, document := range []string{
		"Run:\n\n    go run .\n", "```\ngo run .\n```\n", "```bash\ngo run .\n```\n", "- a\n\n  ```\n  b\n  ```\n",
	} {
		require.NotEmpty(t, undeclaredCode(document), document)
	}
	require.Empty(t, undeclaredCode("# A\n\n```text\n    a\n\n    b\n```\n\n1. b\n\n   ```sh\n   c\n   ```\n"))
	require.Equal(t, []codeBlock{{3, "sh", "c \\\n  d\n"}}, codeBlocks("1. b\n\n   ```sh\n   c \\\n     d\n   ```\n"))
}

// The index of decisions has a row for each, and one only.
func TestDocuments_IndexOfDecisions(t *testing.T) {
	t.Parallel()
	index := read(t, "docs/adr/README.md")
	files, err := filepath.Glob("docs/adr/[0-9]*.md")
	require.NoError(t, err)
	for _, file := range files {
		require.Equal(t, 1, strings.Count(index, "("+filepath.Base(file)+")"), file)
	}
}

// The index of documents names every page.
func TestDocuments_Index(t *testing.T) {
	t.Parallel()
	index := read(t, "docs/README.md")
	files, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	for _, file := range files {
		if page := filepath.Base(file); page != "README.md" {
			require.Contains(t, index, "("+page+")")
		}
	}
}
