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

// mayImport lists which of this module's packages each package may import, apart from tests. A folder that ends in a star stands
// for every folder below it that is not listed itself. A package that is not listed breaks the rules.
var mayImport = map[string][]string{
	".": {"commands"},
	"commands": {"config", "database", "database/makemigrations", "importer", "jobs", "models", "models/*", "passwords",
		"server"},
	"server": {"api", "config", "controllers", "controllers/*", "database", "importer", "jobs", "mail", "middleware",
		"models", "models/*", "passwords", "problems", "ratelimit", "routes", "tokens", "web"},
	"routes":        {"api", "controllers", "controllers/*", "middleware", "web"},
	"controllers/*": {"controllers", "middleware", "models", "models/*", "problems", "tokens"},
	"controllers":   {"middleware", "models", "models/*", "problems", "tokens"},
	"web":           {"mail", "middleware", "models", "models/*", "problems"},
	"middleware":    {"models", "models/*", "problems", "ratelimit", "tokens"},
	"problems":      {"database", "models", "models/*", "tokens"},
	"importer":      {"models", "passwords"},
	"models/*":      {"jobs", "models", "passwords", "tokens"},
	"models":        {"jobs", "mail", "passwords", "tokens"},
	"api":           {},
	"config":        {},
	"database":      {},
	"jobs":          {},
	"ratelimit":     {},
	"mail":          {},
	"passwords":     {},
	"tokens":        {},

	"passwords/wordlist":      {},
	"database/scratch":        {},
	"database/makemigrations": {"database", "database/scratch"},
	"testkit":                 {"*", "*/*"},
}

// knowsHTTP are the packages that handle requests.
var knowsHTTP = []string{"api", "controllers", "controllers/*", "middleware", "problems", "routes", "server", "web"}

// onlyIn lists, for the beginning of an import path, the folders that may import it.
var onlyIn = map[string][]string{
	"github.com/gin-contrib/": {"middleware", "routes", "server"},
	"github.com/gin-gonic/":   knowsHTTP,
	"net/http/":               knowsHTTP,
	"gorm.io/":                {"database", "database/makemigrations", "models", "models/*", "server"},
	"github.com/ncruces/":     {"database", "database/makemigrations"},
}

// usedOnlyIn lists the folders that may use a name, such as the environment and the clock. The health check is the only HTTP client.
var usedOnlyIn = map[string][]string{
	"net/http.Client":        {"server"},
	"net/http.DefaultClient": {},
	"net/http.Get":           {},
	"net/http.Head":          {},
	"net/http.Post":          {},
	"net/http.PostForm":      {},
	"os.Environ":             {"config", "."},
	"os.ExpandEnv":           {"config", "."},
	"os.Getenv":              {"config", "."},
	"os.LookupEnv":           {"config", "."},
	"time.Now":               {"commands", "server"},
	"time.Since":             {"commands", "database", "server"}, // GORM passes its logger the start of a statement by this clock
	"time.Until":             {"commands", "server"},
}

// matches reports whether a folder is one of the list, in which a star at the end stands for one name.
func matches(folder string, list []string) bool {
	return slices.ContainsFunc(list, func(pattern string) bool {
		matched, _ := path.Match(pattern, folder)
		return matched
	})
}

// rulesFor returns what a folder may import, and whether there are rules for it.
func rulesFor(folder string) ([]string, bool) {
	allowed, known := mayImport[folder]
	if !known {
		allowed, known = mayImport[path.Join(path.Dir(folder), "*")]
	}
	return allowed, known
}

// handsThrough are the folders that pass *gorm.DB on and use nothing else of GORM.
var handsThrough = map[string]bool{"server": true}

var refusedNames = []string{"common", "helpers", "interfaces", "types", "util", "utils"}

// source is one file as the rules see it: the folder, whether it is a test, and its syntax.
type source struct {
	folder string
	name   string
	file   *ast.File
}

func (s source) isTest() bool {
	return strings.HasSuffix(s.name, "_test.go") || s.folder == "testkit" || s.folder == "bench" || s.folder == "bench/torture"
}

func TestArchitecture_TheTreeFollowsTheRules(t *testing.T) {
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
		case entry.IsDir() && file != "." && isApart(file):
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

// isApart reports whether a folder holds none of this module's code: hidden ones, test data and modules of their own.
func isApart(folder string) bool {
	name := filepath.Base(folder)
	if strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" {
		return true
	}
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	return err == nil
}

// check returns each rule that a file breaks. Tests may import and do anything.
func check(s source) []string {
	var broken []string
	refuse := func(format string, args ...any) {
		broken = append(broken, path.Join(s.folder, s.name)+": "+fmt.Sprintf(format, args...))
	}
	if slices.Contains(refusedNames, s.file.Name.Name) {
		refuse("no package is called %s", s.file.Name.Name)
	}
	if !s.isTest() {
		checkImports(s, refuse)
		checkUses(s, refuse)
		checkDeclarations(s, refuse)
	}
	return broken
}

func checkImports(s source, refuse func(string, ...any)) {
	allowed, known := rulesFor(s.folder)
	if !known {
		refuse("the folder is not in mayImport")
	}
	for _, spec := range s.file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		if ours, isOurs := strings.CutPrefix(imported, module+"/"); isOurs && !matches(ours, allowed) {
			refuse("%s may not import %s", s.folder, ours)
		}
		if spec.Name != nil && spec.Name.Name == "." {
			refuse("%s is a dot import", imported)
		}
		for begins, folders := range onlyIn {
			if strings.HasPrefix(imported+"/", begins) && !matches(s.folder, folders) {
				refuse("%s may not import %s", s.folder, imported)
			}
		}
	}
}

// checkUses checks what a file uses of the packages that it imports, by whatever name.
func checkUses(s source, refuse func(string, ...any)) {
	paths := map[string]string{}
	for _, spec := range s.file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		paths[path.Base(imported)] = imported
		if spec.Name != nil {
			paths[spec.Name.Name] = imported
		}
	}
	ast.Inspect(s.file, func(node ast.Node) bool {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		pkg, ok := selector.X.(*ast.Ident)
		if !ok {
			return true
		}
		used := paths[pkg.Name] + "." + selector.Sel.Name
		if folders, restricted := usedOnlyIn[used]; restricted && !matches(s.folder, folders) {
			refuse("%s may not use %s", s.folder, used)
		}
		if handsThrough[s.folder] && strings.HasPrefix(used, "gorm.io/") && used != "gorm.io/gorm.DB" {
			refuse("%s may only pass *gorm.DB on, and not use %s", s.folder, used)
		}
		return true
	})
}

// checkDeclarations refuses init functions and mutable package variables.
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

// fixedVariables are package variables that nothing writes after their initialization, each with what it is.
var fixedVariables = map[string]string{
	"config errTooLarge":   "a sentinel with a number in it",
	"models ErrOverloaded": "another package's sentinel under a name of this package",
	"models domains":       "an immutable IDNA profile",
	"server version":       "set by the linker",
	"server commit":        "set by the linker",
}

// isConstant reports whether a package variable can't change: sentinels, patterns, embedded files, interface assertions and
// fixedVariables.
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

// isEmbedded reports whether a go:embed line fills the variable.
func isEmbedded(declaration *ast.GenDecl) bool {
	return declaration.Doc != nil && slices.ContainsFunc(declaration.Doc.List, func(comment *ast.Comment) bool {
		return strings.HasPrefix(comment.Text, "//go:embed ")
	})
}

// A rule for a folder that no longer exists is misleading.
func TestArchitecture_EveryRuleHasItsFolder(t *testing.T) {
	for folder := range mayImport {
		found, err := filepath.Glob(filepath.Join(folder, "*.go"))
		require.NoError(t, err)
		require.NotEmpty(t, found, folder)
	}
}

// Each text breaks one rule.
func TestArchitecture_EachRuleIsNoticed(t *testing.T) {
	for text, folder := range map[string]string{
		`package main; import _ "latchkey/models"`:                                      ".",
		`package commands; import _ "latchkey/testkit"`:                                 "commands",
		`package commands; import _ "latchkey/middleware"`:                              "commands",
		`package server; import _ "latchkey/commands"`:                                  "server",
		`package server; import "gorm.io/gorm"; var _ = gorm.ErrDuplicatedKey`:          "server",
		`package routes; import _ "latchkey/models"`:                                    "routes",
		`package controllers; import _ "latchkey/passwords"`:                            "controllers",
		`package controllers; import _ "latchkey/database"`:                             "controllers",
		`package web; import _ "latchkey/controllers"`:                                  "web",
		`package middleware; import _ "latchkey/controllers"`:                           "middleware",
		`package routes; import _ "latchkey/problems"`:                                  "routes",
		`package controllers; import _ "latchkey/controllers/django"`:                   "controllers",
		`package django; import _ "latchkey/controllers/admin"`:                         "controllers/django",
		`package problems; import _ "latchkey/middleware"`:                              "problems",
		`package models; import _ "latchkey/models/keys"`:                               "models",
		`package mfa; import _ "latchkey/models/keys"`:                                  "models/mfa",
		`package importer; import _ "latchkey/database"`:                                "importer",
		`package keys; import _ "net/http"`:                                             "models/keys",
		`package django; import _ "gorm.io/gorm"`:                                       "controllers/django",
		`package server; import "net/http"; var c http.Client`:                          "server",
		`package server; import "net/http"; func f() { http.Get("https://a.example") }`: "server",
		`package middleware; import "time"; func f() { time.Now() }`:                    "middleware",
		`package server; import "os"; func f() { os.Getenv("X") }`:                      "server",
		`package models; import _ "latchkey/middleware"`:                                "models",
		`package models; import _ "latchkey/testkit"`:                                   "models",
		`package tokens; import _ "latchkey/models"`:                                    "tokens",
		`package config; import _ "latchkey/database"`:                                  "config",
		`package database; import _ "latchkey/models"`:                                  "database",
		`package scratch; import _ "latchkey/database"`:                                 "database/scratch",
		`package makemigrations; import _ "latchkey/models"`:                            "database/makemigrations",
		`package models; import _ "github.com/gin-gonic/gin"`:                           "models",
		`package models; import _ "github.com/gin-gonic/gin/binding"`:                   "models",
		`package tokens; import _ "net/http"`:                                           "tokens",
		`package tokens; import _ "net/http/httptest"`:                                  "tokens",
		`package controllers; import _ "gorm.io/gorm"`:                                  "controllers",
		`package controllers; import _ "gorm.io/gorm/clause"`:                           "controllers",
		`package models; import _ "github.com/ncruces/go-sqlite3"`:                      "models",
		`package commands; import "gorm.io/gorm"; func f(*gorm.DB) {}`:                  "commands",
		`package models; import "os"; func f() { os.Getenv("X") }`:                      "models",
		`package database; import "os"; func f() { os.Environ() }`:                      "database",
		`package models; import "time"; func f() { time.Now() }`:                        "models",
		`package models; import clock "time"; func f() { clock.Now() }`:                 "models",
		`package models; import . "time"; func f() { Now() }`:                           "models",
		`package models; import "time"; func f(t time.Time) { time.Since(t) }`:          "models",
		`package models; import "time"; func f() func() time.Time { return time.Now }`:  "models",
		`package models; func init() {}`:                                                "models",
		`package models; var cache = map[string]int{}`:                                  "models",
		`package models; var count int`:                                                 "models",
		`package models; var ( count, total int )`:                                      "models",
		`package models; import "errors"; var a, b = errors.New(""), f()`:               "models",
		`package utils`:    "models",
		`package anything`: "somewhere",
	} {
		require.NotEmpty(t, check(parsed(t, folder, "x.go", text)), text)
	}
}

func TestArchitecture_WhatTheRulesAllowIsNotRefused(t *testing.T) {
	for text, folder := range map[string]string{
		`package main; import ("os"; "latchkey/commands"); var _ = os.Environ`:                      ".",
		`package commands; import "time"; func f() time.Time { return time.Now() }`:                 "commands",
		`package server; import "gorm.io/gorm"; func f(*gorm.DB) {}`:                                "server",
		`package commands; import _ "latchkey/models/keys"`:                                         "commands",
		`package server; import "time"; var _ = time.Now`:                                           "server",
		`package django; import (_ "latchkey/controllers"; _ "latchkey/models/keys"; _ "net/http")`: "controllers/django",
		`package mfa; import (_ "latchkey/models"; _ "gorm.io/gorm")`:                               "models/mfa",
		`package controllers; import (_ "latchkey/models"; _ "net/http")`:                           "controllers",
		`package models; import (_ "latchkey/passwords"; _ "gorm.io/gorm")`:                         "models",
		`package models; import "time"; func f(now func() time.Time) { now() }`:                     "models",
		`package models; import "errors"; var ( ErrOne = errors.New(""); errTwo = errors.New("") )`: "models",
		`package models; import "regexp"; var pattern = regexp.MustCompile("a")`:                    "models",
		`package models; import "fmt"; var _ fmt.Stringer = (*T)(nil)`:                              "models",
		`package models; type T struct{}; func (T) init() {}`:                                       "models",
		`package makemigrations; import (_ "latchkey/database"; _ "latchkey/database/scratch")`:     "database/makemigrations",
		"package database; import \"embed\"\n//go:embed migrations\nvar files embed.FS":             "database",
		"package passwords; import _ \"embed\"\n//go:embed words\nvar words []byte":                 "passwords",
	} {
		require.Empty(t, check(parsed(t, folder, "x.go", text)), text)
	}
	everything := `package tokens_test; import (_ "latchkey/testkit"; _ "net/http"; "time"); var start = time.Now()`
	require.Empty(t, check(parsed(t, "tokens", "x_test.go", everything)))
	require.Empty(t, check(parsed(t, "testkit", "x.go", everything)))
	require.Empty(t, check(parsed(t, "bench", "x.go", everything)))
}

func parsed(t *testing.T, folder, name, text string) source {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments)
	require.NoError(t, err, text)
	return source{folder, name, file}
}
