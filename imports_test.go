package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "latchkey"

// mayImport is who may import whom of ours, apart from tests. A package that is not here breaks the rules by being there.
var mayImport = map[string][]string{
	".":           {"commands"},
	"commands":    {"api", "config", "controllers", "database", "database/makemigrations", "mail", "middleware", "models", "passwords", "routes", "tokens", "web"},
	"routes":      {"api", "controllers", "middleware", "web"},
	"controllers": {"mail", "middleware", "models", "tokens"},
	"web":         {"mail", "middleware", "models", "tokens"},
	"middleware":  {"models", "tokens"},
	"models":      {"passwords", "tokens"},
	"api":         {},
	"config":      {},
	"database":    {},
	"mail":        {},
	"passwords":   {},
	"tokens":      {},

	"database/scratch":        {},
	"database/makemigrations": {"database", "database/scratch"},
	"passwords/wordlist":      {},
	"testkit":                 nil, // everything
}

// onlyIn is where what is named by a subject may be known.
var onlyIn = []struct {
	imported string
	rooms    []string
}{
	{"github.com/gin-gonic/gin", []string{"api", "commands", "controllers", "middleware", "routes", "web"}},
	{"net/http", []string{"api", "commands", "controllers", "middleware", "routes", "web"}},
	{"gorm.io/gorm", []string{"commands", "database", "database/makemigrations", "models"}},
}

// calledOnlyIn is where the environment and the clock may be read.
var calledOnlyIn = map[string][]string{
	"os.Getenv":    {"config", "."},
	"os.LookupEnv": {"config", "."},
	"os.Environ":   {"config", "."},
	"time.Now":     {"commands"},
	"time.Since":   {"commands", "database"}, // GORM tells its logger when a statement began, by this clock
	"time.Until":   {"commands"},
}

var refusedNames = []string{"common", "helpers", "interfaces", "types", "util", "utils"}

// source is one file as the rules see it: the folder, whether it is a test, and its syntax.
type source struct {
	folder string
	name   string
	file   *ast.File
}

func (s source) isTest() bool {
	return strings.HasSuffix(s.name, "_test.go") || s.folder == "testkit" || s.folder == "bench"
}

func TestTheTreeKeepsItsImportRules(t *testing.T) {
	var broken []string
	for _, file := range sources(t) {
		broken = append(broken, check(file)...)
	}
	require.Empty(t, broken)
}

// sources parses every Go file of this module.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	set := token.NewFileSet()
	require.NoError(t, filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && file != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || isModule(file)):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(file) != ".go":
			return nil
		}
		parsed, err := parser.ParseFile(set, file, nil, parser.ParseComments)
		all = append(all, source{path.Dir(filepath.ToSlash(file)), entry.Name(), parsed})
		return err
	}))
	return all
}

func isModule(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	return err == nil
}

// check gives back each rule that a file breaks.
func check(s source) []string {
	var broken []string
	refuse := func(format string, args ...any) {
		broken = append(broken, path.Join(s.folder, s.name)+": "+fmt.Sprintf(format, args...))
	}
	checkImports(s, refuse)
	if s.isTest() {
		return broken
	}
	checkCalls(s, refuse)
	checkDeclarations(s, refuse)
	return broken
}

func checkImports(s source, refuse func(string, ...any)) {
	if slices.Contains(refusedNames, s.file.Name.Name) {
		refuse("no package is called %s", s.file.Name.Name)
	}
	allowed, known := mayImport[s.folder]
	if !known && !s.isTest() {
		refuse("the folder is not in the rules")
	}
	for _, spec := range s.file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		ours, isOurs := strings.CutPrefix(imported, module+"/")
		switch {
		case s.isTest():
		case isOurs && !slices.Contains(allowed, ours):
			refuse("%s may not import %s", s.folder, ours)
		}
		for _, rule := range onlyIn {
			if !s.isTest() && (imported == rule.imported || strings.HasPrefix(imported, rule.imported+"/")) &&
				!slices.Contains(rule.rooms, s.folder) {
				refuse("%s may not know %s", s.folder, rule.imported)
			}
		}
	}
}

func checkCalls(s source, refuse func(string, ...any)) {
	ast.Inspect(s.file, func(node ast.Node) bool {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if pkg, ok := selector.X.(*ast.Ident); ok {
			name := pkg.Name + "." + selector.Sel.Name
			if rooms, restricted := calledOnlyIn[name]; restricted && !slices.Contains(rooms, s.folder) {
				refuse("%s is not for %s", name, s.folder)
			}
		}
		return true
	})
}

// checkDeclarations refuses init functions and package variables that can change.
func checkDeclarations(s source, refuse func(string, ...any)) {
	for _, declaration := range s.file.Decls {
		switch declared := declaration.(type) {
		case *ast.FuncDecl:
			if declared.Name.Name == "init" && declared.Recv == nil {
				refuse("no init functions")
			}
		case *ast.GenDecl:
			for _, spec := range declared.Specs {
				if values, ok := spec.(*ast.ValueSpec); ok && declared.Tok == token.VAR && !isConstant(s, declared, values) {
					refuse("package variable %s", values.Names[0].Name)
				}
			}
		}
	}
}

// fixedVariables are package variables that nothing writes after they are made, each with what it is.
var fixedVariables = map[string]string{
	"config errTooLarge":   "a sentinel with a number in it",
	"models ErrOverloaded": "another room's sentinel under this room's name",
	"models domains":       "an immutable IDNA profile",
}

// isConstant knows sentinels, patterns, embedded files, interface assertions and what is listed as fixed.
func isConstant(s source, declaration *ast.GenDecl, values *ast.ValueSpec) bool {
	if values.Names[0].Name == "_" || fixedVariables[s.folder+" "+values.Names[0].Name] != "" {
		return true
	}
	if selector, ok := values.Type.(*ast.SelectorExpr); ok && selector.Sel.Name == "FS" {
		return true
	}
	if len(values.Values) == 0 {
		return isEmbedded(declaration)
	}
	for _, value := range values.Values {
		call, ok := value.(*ast.CallExpr)
		if !ok {
			return false
		}
		selector, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		pkg, ok := selector.X.(*ast.Ident)
		if !ok || !slices.Contains([]string{"errors.New", "regexp.MustCompile"}, pkg.Name+"."+selector.Sel.Name) {
			return false
		}
	}
	return true
}

// isEmbedded says whether a go:embed line fills the variable.
func isEmbedded(declaration *ast.GenDecl) bool {
	return declaration.Doc != nil && slices.ContainsFunc(declaration.Doc.List, func(comment *ast.Comment) bool {
		return strings.HasPrefix(comment.Text, "//go:embed ")
	})
}

// The rules are broken one at a time, to see that each is noticed.
func TestEachImportRuleIsNoticed(t *testing.T) {
	for text, folder := range map[string]string{
		`package tokens; import _ "latchkey/models"`:                      "tokens",
		`package models; import _ "latchkey/middleware"`:                  "models",
		`package controllers; import _ "latchkey/passwords"`:              "controllers",
		`package models; import _ "latchkey/testkit"`:                     "models",
		`package main; import _ "latchkey/models"`:                        ".",
		`package models; import _ "github.com/gin-gonic/gin"`:             "models",
		`package tokens; import _ "net/http"`:                             "tokens",
		`package tokens; import _ "net/http/httptest"`:                    "tokens",
		`package controllers; import _ "gorm.io/gorm/clause"`:             "controllers",
		`package models; import "os"; func f() { os.Getenv("X") }`:        "models",
		`package models; import "time"; func f() { time.Now() }`:          "models",
		`package models; import "time"; var f = time.Now`:                 "models",
		`package models; func init() {}`:                                  "models",
		`package models; var cache = map[string]int{}`:                    "models",
		`package models; var count int`:                                   "models",
		`package utils`:                                                   "models",
		`package anything`:                                                "somewhere",
		`package models; import "errors"; var a, b = errors.New(""), f()`: "models",
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "x.go", text, 0)
		require.NoError(t, err, text)
		require.NotEmpty(t, check(source{folder, "x.go", file}), text)
	}
}
