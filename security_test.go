package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const securityPage = "docs/security.md"

// chapters are how many requirements of each chapter apply, of level 1, 2 and 3.
var chapters = map[string][3]int{
	"1": {3, 5, 3}, "2": {4, 7, 0}, "3": {7, 8, 4}, "4": {1, 3, 5}, "6": {13, 20, 10}, "7": {6, 12, 1}, "8": {4, 2, 5}, "9": {4, 3, 0},
	"10": {4, 15, 3}, "11": {3, 10, 7}, "12": {3, 5, 0}, "13": {1, 12, 7}, "14": {2, 7, 3}, "15": {1, 8, 3}, "16": {0, 16, 1},
}

// states are the words that the state of a requirement begins with. What is met names a test.
var states = []string{"met", "not met", "not yet", "left to the proxy", "left to the operator"}

var (
	requirement = regexp.MustCompile(`(?m)^\| (\d+\.\d+\.\d+) \(([123])\) \| ([^|]+) \| ([^|]+) \|$`)
	testName    = regexp.MustCompile("`([a-z0-9/.-]+)\\.(Test[A-Za-z0-9_]+)`")
	testFile    = regexp.MustCompile("`(clients/typescript/test/[a-z.]+)`")
)

// tableBelow returns the fields of the rows of the tables below a heading of the page, without the heads.
func tableBelow(t *testing.T, page, heading string) (rows [][]string) {
	t.Helper()
	_, after, found := strings.Cut(page, "\n"+heading+"\n")
	require.True(t, found, "%s has no heading %q", securityPage, heading)
	after, _, _ = strings.Cut(after, "\n## ")
	if strings.HasPrefix(heading, "### ") {
		after, _, _ = strings.Cut(after, "\n### ")
	}
	for line := range strings.Lines(after) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		rows = append(rows, strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "| "), " |"), " | "))
	}
	require.NotEmpty(t, rows, heading)
	return rows[1:]
}

// code returns what a field has in backticks.
func code(field string) (words []string) {
	for _, match := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(field, -1) {
		words = append(words, match[1])
	}
	return words
}

func TestSecurity_EveryRequirementHasAStateAndATest(t *testing.T) {
	t.Parallel()
	page := read(t, securityPage)
	tests := namesOfTests(t)
	seen, counted := map[string]bool{}, map[string][3]int{}
	for _, row := range requirement.FindAllStringSubmatch(page, -1) {
		id, level, state := row[1], row[2], row[4]
		require.False(t, seen[id], "%s is there twice", id)
		seen[id] = true
		chapter, _, _ := strings.Cut(id, ".")
		count := counted[chapter]
		count[level[0]-'1']++
		counted[chapter] = count
		require.Empty(t, faultOfState(state, tests), id)
	}
	require.Equal(t, chapters, counted, "requirements that apply, by chapter and level")
	begun := regexp.MustCompile(`(?m)^\| \d+\.\d+`).FindAllString(page, -1)
	require.Len(t, begun, len(seen), "a row that begins with a number has another form")
}

// faultOfState returns what is wrong with the state of a requirement, or "".
func faultOfState(state string, tests map[string]bool) string {
	known := ""
	for _, word := range states {
		if strings.HasPrefix(state, word) && len(word) > len(known) {
			known = word
		}
	}
	named := testName.FindAllStringSubmatch(state, -1)
	files := testFile.FindAllStringSubmatch(state, -1)
	switch {
	case known == "":
		return "has no state"
	case known == "met" && len(named)+len(files) == 0:
		return "is met and names no test"
	case known != "met" && len(strings.TrimLeft(strings.TrimPrefix(state, known), " :")) < 4:
		return "has no reason"
	}
	for _, name := range named {
		if !tests[name[1]+"."+name[2]] {
			return "names " + name[0] + ", which does not exist"
		}
	}
	for _, file := range files {
		if _, err := os.Stat(file[1]); err != nil {
			return "names " + file[0] + ", which does not exist"
		}
	}
	return ""
}

func TestSecurity_FaultsOfARowAreNoticed(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{"models.TestOne": true}
	for state, want := range map[string]string{
		"":                                    "has no state",
		"tested":                              "has no state",
		"met":                                 "is met and names no test",
		"met: `models.TestTwo`":               "names `models.TestTwo`, which does not exist",
		"met: `clients/typescript/test/a.ts`": "names `clients/typescript/test/a.ts`, which does not exist",
		"not met":                             "has no reason",
		"not yet: ":                           "has no reason",
		"met: `models.TestOne`":               "",
		"not met: nobody did it":              "",
	} {
		require.Equal(t, want, faultOfState(state, tests), state)
	}
}

// namesOfTests returns the tests of the tree, as folder.TestName; those of the root folder begin with "root.".
func namesOfTests(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, path := range filesOf(t, ".go") {
		if !strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		folder := filepath.ToSlash(filepath.Dir(path))
		if folder == "." {
			folder = "root"
		}
		for _, declared := range file.Decls {
			if function, ok := declared.(*ast.FuncDecl); ok && function.Recv == nil && strings.HasPrefix(function.Name.Name, "Test") {
				names[folder+"."+function.Name.Name] = true
			}
		}
	}
	require.Greater(t, len(names), 500)
	return names
}
