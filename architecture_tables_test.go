package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tableFiles maps the type of each table to the prefix of the files of package models that may write it. In the packages below
// models, each of which belongs to one manager, every file may write the tables that are declared there.
var tableFiles = map[string]string{
	"User": "user", "Session": "session", "AuditEvent": "audit", "LoginThrottle": "login", "OneTimeToken": "one_time_token",
	"ImportedAccount": "import",
}

// gormWrites are the methods of GORM that change rows, and rawWrites those that may do so.
var (
	gormWrites = names("Create CreateInBatches Delete FirstOrCreate Save Update UpdateColumn UpdateColumns Updates")
	rawWrites  = names("Exec Raw")
)

func names(list string) map[string]bool {
	set := map[string]bool{}
	for name := range strings.FieldsSeq(list) {
		set[name] = true
	}
	return set
}

func TestArchitecture_EachTableIsWrittenByItsManagersFilesAlone(t *testing.T) {
	folders, err := filepath.Glob("models/*/")
	require.NoError(t, err)
	for _, folder := range append(folders, "models") {
		writes := tableWrites(parsePackage(t, folder))
		require.NotEmpty(t, writes, "no write was found in %s: does the rule still recognize writes?", folder)
		require.Empty(t, misplaced(writes, filepath.Base(folder) == "models"))
	}
}

// misplaced returns a message for each write that is not in a file of its table. Only in the core do tables have files of their own.
func misplaced(writes []tableWrite, inCore bool) []string {
	var found []string
	for _, write := range writes {
		prefix, known := tableFiles[write.table]
		name := strings.TrimSuffix(filepath.Base(write.at.Filename), ".go")
		switch {
		case write.table == "":
			found = append(found, fmt.Sprintf("%s: %s names no table of this package", write.at, write.method))
		case inCore && !known:
			found = append(found, fmt.Sprintf("%s: tableFiles lacks the files that write %s", write.at, write.table))
		case inCore && name != prefix && !strings.HasPrefix(name, prefix+"_"):
			found = append(found, fmt.Sprintf("%s: %s of %s belongs in %s_*.go", write.at, write.method, write.table, prefix))
		}
	}
	return found
}

// tableWrite is a call that changes rows. Table is the name of the table's type, or "" if the call does not show it.
type tableWrite struct {
	at     token.Position
	method string
	table  string
}

// parsedPackage is a package without its tests.
type parsedPackage struct {
	set   *token.FileSet
	files []*ast.File
}

func parsePackage(t *testing.T, folder string) parsedPackage {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	require.NoError(t, err)
	sources := map[string]string{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		sources[name] = string(text)
	}
	return parseSources(t, sources)
}

func parseSources(t *testing.T, sources map[string]string) parsedPackage {
	t.Helper()
	parsed := parsedPackage{set: token.NewFileSet()}
	for name, text := range sources {
		file, err := parser.ParseFile(parsed.set, name, text, parser.SkipObjectResolution)
		require.NoError(t, err)
		parsed.files = append(parsed.files, file)
	}
	return parsed
}

// tableWrites returns the calls that change rows. It resolves the types that the package itself declares, such as those of the
// tables; types of imported packages, such as GORM's, stay unknown.
func tableWrites(parsed parsedPackage) []tableWrite {
	info := &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Selections: map[*ast.SelectorExpr]*types.Selection{},
		Uses: map[*ast.Ident]types.Object{},
	}
	config := types.Config{Importer: emptyImporter{}, Error: func(error) {}}
	pkg, _ := config.Check("latchkey/checked", parsed.set, parsed.files, info) // what is imported can't be resolved
	var writes []tableWrite
	for _, file := range parsed.files {
		ast.Inspect(file, func(node ast.Node) bool {
			call, isCall := node.(*ast.CallExpr)
			if !isCall {
				return true
			}
			method, isMethod := call.Fun.(*ast.SelectorExpr)
			if !isMethod || info.Selections[method] != nil || isPackage(info, method.X) || !changesRows(call, method.Sel.Name) {
				return true
			}
			writes = append(writes, tableWrite{parsed.set.Position(method.Sel.Pos()), method.Sel.Name, tableOf(pkg, info, call)})
			return true
		})
	}
	return writes
}

// emptyImporter treats every imported package as one that declares nothing.
type emptyImporter struct{}

func (emptyImporter) Import(path string) (*types.Package, error) {
	pkg := types.NewPackage(path, path[strings.LastIndexByte(path, '/')+1:])
	pkg.MarkComplete()
	return pkg, nil
}

// isPackage reports whether an expression is the name of an imported package, as in os.Create.
func isPackage(info *types.Info, expression ast.Expr) bool {
	name, isName := expression.(*ast.Ident)
	if !isName {
		return false
	}
	_, isPackage := info.Uses[name].(*types.PkgName)
	return isPackage
}

// changesRows reports whether a call of this method changes rows, or may: one that takes SQL does unless that is a constant which
// changes none.
func changesRows(call *ast.CallExpr, method string) bool {
	if gormWrites[method] {
		return true
	}
	if !rawWrites[method] || len(call.Args) == 0 {
		return false
	}
	literal, isLiteral := call.Args[0].(*ast.BasicLit)
	if !isLiteral {
		return true
	}
	sql, err := strconv.Unquote(literal.Value)
	first, _, _ := strings.Cut(strings.TrimSpace(sql), " ")
	return err != nil || names("DELETE INSERT REPLACE UPDATE WITH TRUNCATE")[strings.ToUpper(first)]
}

// tableOf returns the name of the declared struct that a call uses: among its arguments, or else among those of the calls before
// it in the chain, the nearest first.
func tableOf(pkg *types.Package, info *types.Info, call *ast.CallExpr) string {
	for {
		for _, argument := range call.Args {
			if name := structName(pkg, info.Types[argument].Type); name != "" {
				return name
			}
		}
		method, isMethod := call.Fun.(*ast.SelectorExpr)
		if !isMethod {
			return ""
		}
		before, isCall := method.X.(*ast.CallExpr)
		if !isCall {
			return ""
		}
		call = before
	}
}

// structName returns the name of a struct type of the package, or of the one that a pointer or a slice leads to.
func structName(pkg *types.Package, of types.Type) string {
	for {
		switch inner := of.(type) {
		case *types.Pointer:
			of = inner.Elem()
		case *types.Slice:
			of = inner.Elem()
		case *types.Named:
			if _, isStruct := inner.Underlying().(*types.Struct); isStruct && inner.Obj().Pkg() == pkg {
				return inner.Obj().Name()
			}
			return ""
		default:
			return ""
		}
	}
}

func TestArchitecture_TheRuleOfTablesFindsWhatBreaksIt(t *testing.T) {
	const types = `package models
import ("os"; "gorm.io/gorm"; "latchkey/elsewhere")
type User struct{ ID int }
type Session struct{ ID int; User *User }
type Tx struct{ *gorm.DB }
type Pets struct{}
func (Pets) Delete(name string) {}
var _ = os.Args
var _ elsewhere.Table
`
	for statement, want := range map[string]string{
		`tx.Create(&User{})`:                                          "Create of User belongs in user_*.go",
		`var u User; tx.Create(&u)`:                                   "Create of User belongs in user_*.go",
		`var u []User; tx.CreateInBatches(u, 10)`:                     "CreateInBatches of User belongs in user_*.go",
		`var u *User; tx.Model(u).Where("a = ?", 1).Update("a", 2)`:   "Update of User belongs in user_*.go",
		`tx.Model(&User{}).Updates(map[string]any{"a": 1})`:           "Updates of User belongs in user_*.go",
		`tx.Where("a = ?", 1).Delete(&User{})`:                        "Delete of User belongs in user_*.go",
		`q := tx.Model(&User{}); q.Update("a", 1)`:                    "Update names no table of this package",
		`tx.Model(&elsewhere.Table{}).Update("a", 1)`:                 "Update names no table of this package",
		`tx.Exec("UPDATE users SET a = 1")`:                           "Exec names no table of this package",
		`sql := "x"; tx.Raw(sql)`:                                     "Raw names no table of this package",
		`tx.Create(&Pets{})`:                                          "tableFiles lacks the files that write Pets",
		`tx.Create(&Session{})`:                                       "",
		`var s Session; tx.Model(&Session{}).Select("a").Updates(&s)`: "",
		`tx.Exec("SET LOCAL enable_seqscan = off")`:                   "",
		`tx.Where("a = ?", 1).Find(&User{})`:                          "",
		`Pets{}.Delete("cat")`:                                        "",
		`os.Create("file")`:                                           "",
	} {
		source := types + "func do(tx Tx) {\n" + statement + "\n}\n"
		found := misplaced(tableWrites(parseSources(t, map[string]string{"session_manager.go": source})), true)
		if want == "" {
			require.Empty(t, found, statement)
			continue
		}
		require.Len(t, found, 1, statement)
		require.Contains(t, found[0], want, statement)
	}
}
