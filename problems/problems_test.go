package problems

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"latchkey/api"
	"latchkey/database"
	"latchkey/models"
	"latchkey/tokens"
)

// inTable are the errors that a request can end in. Each needs a row in the table.
var inTable = map[string]error{
	"database.ErrUnavailable":          database.ErrUnavailable,
	"problems.ErrBodyTooLarge":         ErrBodyTooLarge,
	"problems.ErrCredentialsMissing":   ErrCredentialsMissing,
	"problems.ErrCrossOrigin":          ErrCrossOrigin,
	"models.ErrCodeInvalid":            models.ErrCodeInvalid,
	"models.ErrEmailUnverified":        models.ErrEmailUnverified,
	"models.ErrLastSuperuser":          models.ErrLastSuperuser,
	"models.ErrOneTimeTokenExpired":    models.ErrOneTimeTokenExpired,
	"models.ErrOneTimeTokenInvalid":    models.ErrOneTimeTokenInvalid,
	"models.ErrOneTimeTokenUsed":       models.ErrOneTimeTokenUsed,
	"problems.ErrMalformedJSON":        ErrMalformedJSON,
	"problems.ErrMalformedQuery":       ErrMalformedQuery,
	"problems.ErrPermissionDenied":     ErrPermissionDenied,
	"problems.ErrStepUpRequired":       ErrStepUpRequired,
	"problems.ErrMethodNotAllowed":     ErrMethodNotAllowed,
	"problems.ErrMisdirected":          ErrMisdirected,
	"problems.ErrNotFound":             ErrNotFound,
	"problems.ErrNotReady":             ErrNotReady,
	"problems.ErrRateLimited":          ErrRateLimited,
	"problems.ErrUnsupportedMediaType": ErrUnsupportedMediaType,
	"models.ErrAccountInactive":        models.ErrAccountInactive,
	"models.ErrInvalidCredentials":     models.ErrInvalidCredentials,
	"models.ErrOverloaded":             models.ErrOverloaded,
	"models.ErrRefreshTokenInvalid":    models.ErrRefreshTokenInvalid,
	"models.ErrRefreshTokenReused":     models.ErrRefreshTokenReused,
	"models.ErrSessionExpired":         models.ErrSessionExpired,
	"models.ErrSessionNotFound":        models.ErrSessionNotFound,
	"models.ErrSessionRevoked":         models.ErrSessionRevoked,
	"models.ErrTooManyGuesses":         models.ErrTooManyGuesses,
	"tokens.ErrTokenExpired":           tokens.ErrTokenExpired,
	"tokens.ErrTokenInvalid":           tokens.ErrTokenInvalid,
}

// notInTable are the errors that no request ends in, with the reason.
var notInTable = map[string]string{
	"jobs.ErrPanicked":              "of jobs and background tasks",
	"jobs.ErrMailNotFound":          "only commands retry a mail",
	"mail.ErrIncomplete":            "mail is sent outside of requests",
	"mail.ErrPermanent":             "mail is sent outside of requests",
	"mail.ErrUnknownKind":           "mail is sent outside of requests",
	"models.ErrDeletionAsked":       "comes with ErrSessionRevoked",
	"models.ErrOwnerUnknown":        "comes with a field error",
	"models.ErrUnquotedEmail":       "comes with ErrInvalidEmail",
	"models.ErrNamedEmail":          "comes with ErrInvalidEmail",
	"models.ErrInvalidEmail":        "becomes a field error, or a login's ErrInvalidCredentials",
	"keys.ErrNotPublished":          "only commands rotate before the time",
	"keys.ErrNoKeys":                "stops the start, and a running server keeps the keys it has",
	"problems.ErrMalformedForm":     "only Django's paths meet it, which have a table of their own",
	"keys.ErrLocked":                "stops the start, and a running server keeps the keys it has",
	"keys.ErrNotFound":              "only commands retire a key",
	"models.ErrUserNotFound":        "only commands and Django's paths meet it, which have a table of their own; a login turns it into ErrInvalidCredentials",
	"passwords.ErrHashTooExpensive": "a login turns it into ErrInvalidCredentials",
	"passwords.ErrInvalidPassword":  "the policy faults it, and a login turns it into ErrInvalidCredentials",
	"passwords.ErrOverloaded":       "is models.ErrOverloaded",
	"passwords.ErrPasswordEmpty":    "the policy faults it",
	"passwords.ErrPasswordTooLong":  "the policy faults it, and a login turns it into ErrInvalidCredentials",
	"passwords.ErrPoolClosed":       "the server has stopped before the pool is closed",
	"passwords.ErrUnsupportedHash":  "a login turns it into ErrInvalidCredentials",
	"passwords.ErrWeakParameters":   "stops the start",
	"tokens.ErrKeyInvalid":          "stops the start",
	"tokens.ErrSealBroken":          "is a failure",
	"tokens.ErrUnknownAlgorithm":    "stops the start",
	"tokens.ErrWeakKey":             "stops the start",
	"database.ErrNoTable":           "of import",
	"database.ErrNotPostgres":       "of import",
	"importer.ErrHashConfig":        "of import",
	"importer.ErrLineTooLong":       "of import",
	"importer.ErrMap":               "of import",
	"importer.ErrNoColumn":          "of import",
	"importer.ErrNoKeys":            "of import",
	"importer.ErrNoUsers":           "of import",
	"importer.ErrNotADump":          "of import",
	"importer.ErrNotJSON":           "of import",
	"importer.ErrOtherFormat":       "of import",
	"config.ErrNoSecretKey":         "stops the start",
	"database.ErrSchemaNewer":       "stops the start, and is the cause of ErrNotReady",
	"database.ErrSchemaStale":       "stops the start, and is the cause of ErrNotReady",
	"database.ErrEncoding":          "stops the start",
	"database.ErrInUse":             "of restore",
	"database.ErrIncomplete":        "of restore",
	"database.ErrNoBackup":          "of restore",
	"database.ErrNoDatabase":        "of backup",
	"database.ErrOwnFile":           "of backup",
	"database.ErrPooled":            "of migrate",
	"database.ErrUnknownScheme":     "stops the start",
	"scratch.ErrNotInstalled":       "of makemigrations",
	"scratch.ErrUnsupported":        "of makemigrations",
	"makemigrations.ErrDrift":       "of makemigrations",
	"makemigrations.ErrReview":      "of makemigrations",
	"makemigrations.ErrName":        "of makemigrations",
	"makemigrations.ErrUnpaired":    "of makemigrations",
}

func TestTable_CoversEveryExportedErrorThatARequestCanEndIn(t *testing.T) {
	var missing []string
	for _, name := range exportedErrors(t) {
		if inTable[name] == nil && notInTable[name] == "" {
			missing = append(missing, name)
		}
	}
	require.Empty(t, missing, "add each to the table, or to notInTable with the reason")
}

func TestTable_HasOneRowPerError(t *testing.T) {
	codes := map[string]string{}
	for name, err := range inTable {
		problem := Describe(fmt.Errorf("wrapped: %w", err))
		require.NotEqual(t, codeInternal, problem.Code, name)
		require.NotEmpty(t, problem.Detail, name)
		require.Empty(t, codes[problem.Code], "%s and %s share a code", name, codes[problem.Code])
		codes[problem.Code] = name
	}
	require.Len(t, table(), len(inTable))
}

func TestStatuses_HasTheCodesOfTheContract(t *testing.T) {
	_, err := api.NewContract().ErrorCodes(Statuses())
	require.NoError(t, err)
}

// The examples of problems in the contract are those that the service returns.
func TestTable_MatchesTheExamplesOfTheContract(t *testing.T) {
	var document struct {
		Components struct {
			Responses map[string]struct {
				Content map[string]struct {
					Example *Problem `yaml:"example"`
				} `yaml:"content"`
			} `yaml:"responses"`
		} `yaml:"components"`
	}
	require.NoError(t, yaml.Unmarshal(api.Document(), &document))
	known := map[string]Problem{codeInternal: Internal(), CodeValidation: validation(&models.ValidationError{})}
	for _, row := range table() {
		known[row.code] = Problem{Status: row.status, Detail: row.detail}
	}
	examples := 0
	for name, response := range document.Components.Responses {
		content, isProblem := response.Content["application/problem+json"]
		if !isProblem {
			continue
		}
		require.NotNil(t, content.Example, name)
		examples++
		example, want := *content.Example, known[content.Example.Code]
		require.Equal(t, want.Status, example.Status, name)
		require.Equal(t, want.Detail, example.Detail, name)
		require.Equal(t, http.StatusText(want.Status), example.Title, name)
		require.True(t, strings.HasSuffix(example.Type, "/errors#"+example.Code), name)
	}
	require.Greater(t, examples, 5)
}

func TestDescribe_RevealsNothingOfAnUnknownError(t *testing.T) {
	problem := Describe(fmt.Errorf("the password is hunter2"))
	require.Equal(t, 500, problem.Status)
	require.NotContains(t, problem.Detail, "hunter2")
}

// exportedErrors finds every exported Err… variable in the module's sources, as package.Name.
func exportedErrors(t *testing.T) []string {
	t.Helper()
	var names []string
	require.NoError(t, filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, declaration := range file.Decls {
			for _, name := range errorNames(declaration) {
				names = append(names, file.Name.Name+"."+name)
			}
		}
		return nil
	}))
	slices.Sort(names)
	return names
}

func errorNames(declaration ast.Decl) []string {
	general, ok := declaration.(*ast.GenDecl)
	if !ok || general.Tok != token.VAR {
		return nil
	}
	var names []string
	for _, spec := range general.Specs {
		for _, name := range spec.(*ast.ValueSpec).Names {
			if strings.HasPrefix(name.Name, "Err") {
				names = append(names, name.Name)
			}
		}
	}
	return names
}
