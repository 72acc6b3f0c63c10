package main

import (
	"go/ast"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/config"
	"latchkey/models"
	"latchkey/testkit"
)

// shipped returns the parsed files of the program itself, without tests and what only they import.
func shipped(t *testing.T) (files []source) {
	t.Helper()
	for _, file := range sources(t) {
		helps := file.folder == "testkit" || strings.HasPrefix(file.folder, "bench") || strings.HasPrefix(file.folder, "stubs")
		if !helps && !strings.HasSuffix(file.name, "_test.go") {
			files = append(files, file)
		}
	}
	return files
}

// matchesIn returns the first group of every match in the program's files of a folder, or of all folders.
func matchesIn(t *testing.T, folder, pattern string) (found []string) {
	t.Helper()
	expression := regexp.MustCompile(pattern)
	for _, file := range shipped(t) {
		if folder != "" && file.folder != folder {
			continue
		}
		content := read(t, filepath.Join(file.folder, file.name))
		for _, match := range expression.FindAllStringSubmatch(content, -1) {
			found = append(found, match[1])
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// firstFields returns the words in backticks in one field of each row.
func firstFields(rows [][]string, field int) (words []string) {
	for _, row := range rows {
		words = append(words, code(row[field])...)
	}
	slices.Sort(words)
	return words
}

var (
	group = regexp.MustCompile(`(\w+) := engine\.Group\("([^"]*)"`)
	route = regexp.MustCompile(`(\w+)\.(POST|PUT|PATCH)\("([^"]*)", .*Count(?:Login|Signup|Refresh)`)
	view  = regexp.MustCompile(`(?s)^([^"]+)".*?(?:post: (?:login|refresh)\(|Count(?:Login|Signup|Refresh))`)
)

// countedRoutes returns the routes whose outcome is counted as a login, a sign-up or a refresh, which are those that issue tokens.
func countedRoutes(t *testing.T) (routes []string) {
	t.Helper()
	prefixes := map[string]string{}
	for line := range strings.Lines(read(t, "routes/routes.go")) {
		if made := group.FindStringSubmatch(line); made != nil {
			prefixes[made[1]] = made[2]
		}
		if match := route.FindStringSubmatch(line); match != nil {
			require.Contains(t, prefixes, match[1], line)
			routes = append(routes, match[2]+" "+prefixes[match[1]]+match[3])
		}
	}
	views, _, found := strings.Cut(read(t, "controllers/django/routes.go"), "\n// allow")
	require.True(t, found)
	for _, described := range strings.Split(views, `{path: "`)[1:] {
		if match := view.FindStringSubmatch(described); match != nil {
			routes = append(routes, "POST "+match[1])
		}
	}
	slices.Sort(routes)
	return routes
}

func TestSecurity_EveryWayInIsListed(t *testing.T) {
	t.Parallel()
	listed := firstFields(tableBelow(t, read(t, securityPage), "## Ways in"), 0)
	routes := countedRoutes(t)
	require.Greater(t, len(routes), 8)
	for _, route := range routes {
		require.Contains(t, listed, route)
	}
	// Whatever the contract says returns a session's tokens is counted, and so listed.
	contract := read(t, "api/openapi.yaml")
	operation := regexp.MustCompile(`(?ms)^  (/api/\S+):\n    post:\n(.*?)(?:^  /|^components:)`)
	for offset := 0; ; {
		at := operation.FindStringSubmatchIndex(contract[offset:])
		if at == nil {
			break
		}
		path, body := contract[offset+at[2]:offset+at[3]], contract[offset+at[4]:offset+at[5]]
		if strings.Contains(body, "schemas/SessionTokens") {
			require.Contains(t, routes, "POST "+path)
		}
		offset += at[5]
	}
}

func TestSecurity_CryptographyIsListed(t *testing.T) {
	t.Parallel()
	imports := map[string][]string{}
	for _, file := range shipped(t) {
		for _, imported := range file.file.Imports {
			name, err := strconv.Unquote(imported.Path.Value)
			require.NoError(t, err)
			if regexp.MustCompile(`^(crypto(/.*)?|math/rand(/v2)?|golang\.org/x/crypto/.*|.*jwt.*|.*jose.*)$`).MatchString(name) {
				imports[file.folder] = append(imports[file.folder], name)
			}
		}
	}
	listed := map[string][]string{}
	for _, row := range tableBelow(t, read(t, securityPage), "### Imports") {
		listed[code(row[0])[0]] = code(row[1])
	}
	for folder := range imports {
		slices.Sort(imports[folder])
		imports[folder] = slices.Compact(imports[folder])
		slices.Sort(listed[folder])
	}
	require.Equal(t, imports, listed)
}

func TestSecurity_NoBrokenEncryption(t *testing.T) {
	t.Parallel()
	require.Empty(t, matchesIn(t, "", `(rsa\.(?:Encrypt|Decrypt)\w+|des\.New\w+|rc4\.New\w+|cipher\.NewCBC\w+|cipher\.NewOFB)`))
	require.Equal(t, []string{"passwords"}, foldersOf(t, `cipher\.NewCTR`), "only Firebase's hash, which is compared and never decrypted")
	require.Equal(t, []string{"tokens"}, foldersOf(t, `cipher\.NewGCM\w*`))
}

// foldersOf returns the folders of the program in which something occurs.
func foldersOf(t *testing.T, pattern string) (folders []string) {
	t.Helper()
	for _, file := range shipped(t) {
		if regexp.MustCompile(pattern).MatchString(read(t, filepath.Join(file.folder, file.name))) {
			folders = append(folders, file.folder)
		}
	}
	slices.Sort(folders)
	return slices.Compact(folders)
}

func TestSecurity_EveryDerivedKeyIsListed(t *testing.T) {
	t.Parallel()
	purposes := slices.Concat(
		matchesIn(t, "", `[dD]erive(?:Key|dKeys)\([^,()]+(?:\(\))?, "([^"]+)"\)`),
		matchesIn(t, "server", `\{"lk[a-z]_", "([^"]+)"`))
	slices.Sort(purposes)
	require.Greater(t, len(purposes), 5)
	require.Equal(t, purposes, firstFields(tableBelow(t, read(t, securityPage), "### Derived keys"), 0))
}

func TestSecurity_EveryAlgorithmIsListed(t *testing.T) {
	t.Parallel()
	listed := firstFields(tableBelow(t, read(t, securityPage), "### Algorithms"), 0)
	for _, algorithm := range matchesIn(t, "tokens", `Algorithm = "(\w+)"`) {
		require.Contains(t, listed, algorithm)
	}
	for _, variable := range config.Describe() {
		if variable.Name != "PASSWORD_HASH" {
			continue
		}
		for _, name := range regexp.MustCompile(`argon2id|bcrypt|scrypt|pbkdf2_sha256`).FindAllString(variable.Description, -1) {
			require.Contains(t, listed, name)
		}
	}
}

func TestSecurity_EverySecretIsListed(t *testing.T) {
	t.Parallel()
	var secrets []string
	for _, variable := range config.Describe() {
		if variable.Secret {
			secrets = append(secrets, variable.Name)
		}
	}
	slices.Sort(secrets)
	require.Equal(t, secrets, firstFields(tableBelow(t, read(t, securityPage), "## Secrets"), 0))
}

func TestSecurity_EveryColumnIsClassified(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t)
	tables, err := db.Migrator().GetTables()
	require.NoError(t, err)
	var columns []string
	for _, table := range tables {
		if strings.HasPrefix(table, "sqlite_") {
			continue
		}
		types, err := db.Migrator().ColumnTypes(table)
		require.NoError(t, err)
		for _, column := range types {
			columns = append(columns, table+"."+column.Name())
		}
	}
	slices.Sort(columns)
	var listed []string
	for _, row := range tableBelow(t, read(t, securityPage), "### Columns") {
		require.Contains(t, []string{"secret", "personal", "trace", "operational"}, row[2], row)
		for _, column := range code(row[1]) {
			listed = append(listed, code(row[0])[0]+"."+column)
		}
	}
	slices.Sort(listed)
	require.Equal(t, columns, listed)
}

func TestSecurity_EveryClaimIsClassified(t *testing.T) {
	t.Parallel()
	content := read(t, "tokens/claims.go")
	_, claims, found := strings.Cut(content, "type Claims struct {")
	require.True(t, found)
	claims, _, _ = strings.Cut(claims, "\n}\n")
	var names []string
	for _, tag := range regexp.MustCompile("`json:\"([a-z_]+)").FindAllStringSubmatch(claims, -1) {
		names = append(names, tag[1])
	}
	slices.Sort(names)
	require.Equal(t, names, firstFields(tableBelow(t, read(t, securityPage), "### Claims"), 0))
}

func TestSecurity_EveryEventIsListed(t *testing.T) {
	t.Parallel()
	_, recorded, found := strings.Cut(read(t, "docs/abuse.md"), "\n## What is recorded\n")
	require.True(t, found)
	for _, kind := range models.EventKinds() {
		require.Contains(t, recorded, "`"+kind+"`")
	}
}

// Every text that is logged outside of debugging, by its first words up to a value.
func TestSecurity_EveryMessageOfTheLogIsListed(t *testing.T) {
	t.Parallel()
	var messages []string
	for _, file := range shipped(t) {
		ast.Inspect(file.file, func(node ast.Node) bool {
			if message := logged(node); message != "" {
				messages = append(messages, message)
			}
			return true
		})
	}
	slices.Sort(messages)
	require.Greater(t, len(messages), 20)
	require.Equal(t, slices.Compact(messages), firstFields(tableBelow(t, read(t, securityPage), "## Logs"), 0))
}

// logged returns the literal text that the message of a logger's call begins with, or "".
func logged(node ast.Node) string {
	call, ok := node.(*ast.CallExpr)
	if !ok {
		return ""
	}
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	at := map[string]int{"Info": 0, "Warn": 0, "Error": 0, "InfoContext": 1, "WarnContext": 1, "ErrorContext": 1, "LogAttrs": 2}
	place, logs := at[selector.Sel.Name]
	if !logs || place >= len(call.Args) {
		return ""
	}
	text, _ := literal(call.Args[place])
	return strings.TrimSpace(text)
}

// literal returns a text literal, or the one that a sum begins with.
func literal(expression ast.Expr) (string, bool) {
	for {
		sum, ok := expression.(*ast.BinaryExpr)
		if !ok {
			break
		}
		expression = sum.X
	}
	basic, ok := expression.(*ast.BasicLit)
	if !ok || basic.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(basic.Value)
	return text, err == nil
}

func TestSecurity_LimitsAreThoseOfTheSettings(t *testing.T) {
	t.Parallel()
	defaults := map[string]string{}
	for _, variable := range config.Describe() {
		defaults[variable.Name] = variable.Default
	}
	rows := regexp.MustCompile("(?m)^\\| `(RATE_LIMIT_[A-Z]+)` \\| (\\S+) \\| (\\S+) \\|").FindAllStringSubmatch(read(t, "docs/abuse.md"), -1)
	require.GreaterOrEqual(t, len(rows), 5)
	for _, row := range rows {
		require.Equal(t, defaults[row[1]], row[2], row[1])
		require.Equal(t, defaults[row[1]+"_ACCOUNT"], row[3], row[1])
	}
}

func TestSecurity_RulesBetweenFieldsNameFields(t *testing.T) {
	t.Parallel()
	contract := read(t, "api/openapi.yaml")
	names := firstFields(tableBelow(t, read(t, securityPage), "## Rules between fields"), 0)
	require.GreaterOrEqual(t, len(names), 6)
	for _, name := range names {
		require.Contains(t, contract, " "+name+":", name)
	}
}

// What the page says of the folders is about folders that are there.
func TestSecurity_LinksOfThePageAreThere(t *testing.T) {
	t.Parallel()
	headings := map[string]bool{}
	page := read(t, securityPage)
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		headings[strings.ReplaceAll(strings.ToLower(heading[1]), " ", "-")] = true
	}
	for _, link := range regexp.MustCompile(`\]\(([^)#]*)(#[^)]*)?\)`).FindAllStringSubmatch(page, -1) {
		if strings.HasPrefix(link[1], "https://") {
			continue
		}
		if link[1] == "" {
			require.True(t, headings[strings.TrimPrefix(link[2], "#")], link[0])
			continue
		}
		_, err := fs.Stat(os.DirFS("."), filepath.ToSlash(filepath.Clean(filepath.Join("docs", link[1]))))
		require.NoError(t, err, link[0])
	}
}
