package main

import (
	"go/build"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mayBeLinked are the external modules whose packages may be part of a released program. A new one has to be added on purpose:
// docs/adr/0007-dependencies.md says why each is here, and 0022 what they weigh. A module that go.mod replaces is named by its
// folder.
var mayBeLinked = []string{
	"./stubs/bson",
	"./stubs/go-toml",
	"./stubs/quic-go",
	"./stubs/validator",
	"github.com/agext/levenshtein",
	"github.com/beorn7/perks",
	"github.com/caarlos0/env/v11",
	"github.com/ccojocar/zxcvbn-go",
	"github.com/cespare/xxhash/v2",
	"github.com/gin-contrib/cors",
	"github.com/gin-contrib/sse",
	"github.com/gin-gonic/gin",
	"github.com/go-json-experiment/json",
	"github.com/go-playground/locales",
	"github.com/goccy/go-yaml",
	"github.com/golang-jwt/jwt/v5",
	"github.com/gomodule/redigo",
	"github.com/google/uuid",
	"github.com/jackc/pgpassfile",
	"github.com/jackc/pgservicefile",
	"github.com/jackc/pgx/v5",
	"github.com/jackc/puddle/v2",
	"github.com/jinzhu/inflection",
	"github.com/jinzhu/now",
	"github.com/joho/godotenv",
	"github.com/lib/pq",
	"github.com/mattn/go-isatty",
	"github.com/mfridman/interpolate",
	"github.com/mileusna/useragent",
	"github.com/munnerz/goautoneg",
	"github.com/ncruces/go-sqlite3",
	"github.com/ncruces/go-sqlite3-wasm/v6",
	"github.com/ncruces/go-sqlite3/gormlite",
	"github.com/ncruces/julianday",
	"github.com/nicksnyder/go-i18n/v2",
	"github.com/pressly/goose/v3",
	"github.com/prometheus/client_golang",
	"github.com/prometheus/client_model",
	"github.com/prometheus/common",
	"github.com/prometheus/procfs",
	"github.com/riverqueue/river",
	"github.com/riverqueue/river/riverdriver",
	"github.com/riverqueue/river/riverdriver/riverdatabasesql",
	"github.com/riverqueue/river/riverdriver/riverpgxv5",
	"github.com/riverqueue/river/riverdriver/riversqlite",
	"github.com/riverqueue/river/rivershared",
	"github.com/riverqueue/river/rivertype",
	"github.com/sethvargo/go-retry",
	"github.com/spf13/cobra",
	"github.com/spf13/pflag",
	"github.com/throttled/throttled/v2",
	"github.com/tidwall/gjson",
	"github.com/tidwall/match",
	"github.com/tidwall/pretty",
	"github.com/tidwall/sjson",
	"github.com/wneessen/go-mail",
	"go.uber.org/multierr",
	"golang.org/x/crypto",
	"golang.org/x/net",
	"golang.org/x/sync",
	"golang.org/x/sys",
	"golang.org/x/term",
	"golang.org/x/text",
	"golang.org/x/time",
	"google.golang.org/protobuf",
	"gorm.io/driver/postgres",
	"gorm.io/gorm",
}

// neverLinked are packages of the standard library that belong in tests.
var neverLinked = []string{"testing", "net/http/httptest", "testing/fstest", "testing/iotest", "testing/quick"}

// releaseTags are the build tags of Makefile, Dockerfile and .ci/run.
var releaseTags = []string{"nomsgpack", "release"}

func TestLinkedModules_OfAReleaseAreAllowed(t *testing.T) {
	t.Parallel()
	linked := linkedModules(t, releaseTags)
	require.Equal(t, mayBeLinked, slices.Sorted(maps.Keys(linked)), "the packages, one a module: %v", linked)
}

// The walk can find what a released program leaves out.
func TestLinkedModules_WithoutTheTagsAreMore(t *testing.T) {
	t.Parallel()
	linked := linkedModules(t, nil)
	for _, module := range []string{"ariga.io/atlas", "github.com/hashicorp/hcl/v2", "github.com/ugorji/go/codec"} {
		require.Contains(t, linked, module)
	}
}

func TestLinkedModules_EveryBuildHasTheReleaseTags(t *testing.T) {
	for _, file := range []string{"Makefile", "Dockerfile", "deploy/release", "bench/weight_test.go"} {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Contains(t, string(content), strings.Join(releaseTags, ","), file)
	}
}

// linkedModules walks the imports from main on, as go build does with these tags, and returns each external module with one of
// its packages. It reads the sources itself: with the go command, a cached test result could pass for today's.
func linkedModules(t *testing.T, tags []string) map[string]string {
	t.Helper()
	w := walk{context: build.Default, folders: moduleFolders(t), seen: map[string]bool{}, linked: map[string]string{}}
	w.context.BuildTags, w.context.CgoEnabled = tags, false
	w.context.GOOS, w.context.GOARCH = "linux", "amd64"
	w.visit(t, module)
	return w.linked
}

// walk is the state of following imports: linked maps each module to one of its packages.
type walk struct {
	context build.Context
	folders map[string]string // of modules
	seen    map[string]bool
	linked  map[string]string
}

func (w *walk) visit(t *testing.T, imported string) {
	t.Helper()
	if w.seen[imported] {
		return
	}
	w.seen[imported] = true
	require.NotContains(t, neverLinked, imported)
	if first, _, _ := strings.Cut(imported, "/"); first != module && !strings.Contains(first, ".") {
		return // the standard library
	}
	owner := ""
	for name := range w.folders {
		if (imported == name || strings.HasPrefix(imported, name+"/")) && len(name) > len(owner) {
			owner = name
		}
	}
	require.NotEmpty(t, owner, "no module of go.mod has %s", imported)
	if owner != module {
		w.linked[w.nameOf(owner)] = imported
	}
	found, err := w.context.ImportDir(filepath.Join(w.folders[owner], strings.TrimPrefix(imported, owner)), 0)
	require.NoError(t, err, imported)
	for _, next := range found.Imports {
		w.visit(t, next)
	}
}

// nameOf returns the name of a module in mayBeLinked.
func (w *walk) nameOf(module string) string {
	if folder := w.folders[module]; strings.HasPrefix(folder, "./") {
		return folder
	}
	return module
}

var (
	required = regexp.MustCompile(`(?m)^\s*(?:require )?(\S+) (v\S+)(?: // indirect)?$`)
	replaced = regexp.MustCompile(`(?m)^replace (\S+) => (\./\S+)$`)
	upper    = regexp.MustCompile(`[A-Z]`)
)

// moduleFolders returns the folder with the sources of each module in go.mod.
func moduleFolders(t *testing.T) map[string]string {
	t.Helper()
	content, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	cache := os.Getenv("GOMODCACHE")
	if cache == "" {
		cache = filepath.Join(filepath.SplitList(build.Default.GOPATH)[0], "pkg", "mod")
	}
	escape := func(s string) string {
		return upper.ReplaceAllStringFunc(s, func(letter string) string { return "!" + strings.ToLower(letter) })
	}
	folders := map[string]string{module: "."}
	for _, found := range required.FindAllStringSubmatch(string(content), -1) {
		folders[found[1]] = filepath.Join(cache, filepath.FromSlash(escape(found[1])+"@"+escape(found[2])))
	}
	for _, found := range replaced.FindAllStringSubmatch(string(content), -1) {
		folders[found[1]] = found[2]
	}
	return folders
}
