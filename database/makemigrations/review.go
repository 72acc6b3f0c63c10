package makemigrations

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"

	"latchkey/database"
)

// ErrReview is returned by [Review] for migrations that older programs can't be sure to survive.
var ErrReview = errors.New("the migrations do not keep to the rules of docs/upgrading.md")

// firstReviewed is the first migration whose statements are reviewed. Those before it make the schema of the first release.
const firstReviewed = 10

const (
	expand     = "expand"
	contract   = "contract"
	firstLine  = "-- latchkey: "
	sinceBlank = " since vX.Y" // for the developer to fill in
)

var (
	declaration   = regexp.MustCompile(`^-- latchkey: (?:(expand)|(contract) since v\d+\.\d+(?:\.\d+)?)\n`)
	setsOldest    = regexp.MustCompile(`(?m)^UPDATE schema_compatibility SET oldest = (\d+);$`)
	gooseDown     = regexp.MustCompile(`(?m)^-- \+goose Down$`)
	noTransaction = regexp.MustCompile(`(?m)^-- \+goose NO TRANSACTION$`)
)

// Review returns nil if every migration declares on its first line whether it expands the schema or contracts it, and does as it
// declares: an expansion leaves alone what older programs use, a contraction names the oldest programs that can serve its
// schema, and neither lets requests wait for long. Else it returns [ErrReview] with every objection.
func Review(migrations fs.FS) error {
	var found []string
	for _, dialect := range []string{database.Postgres, database.SQLite} {
		files, err := fs.Glob(migrations, dialect+"/*.sql")
		if err != nil {
			return fmt.Errorf("reading the migrations: %w", err)
		}
		for _, file := range files {
			objections, err := reviewFile(migrations, file)
			if err != nil {
				return fmt.Errorf("reading the migration %s: %w", file, err)
			}
			for _, objection := range objections {
				found = append(found, file+": "+objection)
			}
		}
	}
	if len(found) > 0 {
		return fmt.Errorf("%w:\n  %s", ErrReview, strings.Join(found, "\n  "))
	}
	return nil
}

func reviewFile(migrations fs.FS, file string) ([]string, error) {
	text, err := fs.ReadFile(migrations, file)
	if err != nil {
		return nil, err
	}
	number, err := goose.NumericComponent(file)
	if err != nil {
		return nil, err
	}
	kind := declared(text)
	if kind == "" {
		return []string{"its first line must be `-- latchkey: expand`, or `-- latchkey: contract since v` and the first release " +
			"whose programs can serve the schema"}, nil
	}
	if number < firstReviewed {
		return nil, nil
	}
	var found []string
	twin, err := fs.ReadFile(migrations, twinOf(file))
	if err != nil || line(twin) != line(text) {
		found = append(found, "its first line is not that of "+twinOf(file))
	}
	up, down := ways(string(text))
	for _, objection := range judgeFile(path.Dir(file), string(text)) {
		if kind == expand || !objection.breaks {
			found = append(found, objection.String())
		}
	}
	return append(found, reviewOldest(kind, number, up, down)...), nil
}

// judgeFile judges a migration's way up, leaving out what it declares.
func judgeFile(dialect, text string) []objection {
	up, _ := ways(text)
	return judgeStatements(dialect, setsOldest.ReplaceAllString(up, ""), !noTransaction.MatchString(text))
}

// reviewOldest reviews what a migration declares about the oldest programs.
func reviewOldest(kind string, number int64, up, down string) []string {
	set, setBack := setsOldest.FindAllStringSubmatch(up, -1), setsOldest.FindAllStringSubmatch(down, -1)
	if kind == expand {
		if len(set)+len(setBack) > 0 {
			return []string{"an expansion does not write schema_compatibility"}
		}
		return nil
	}
	if len(set) != 1 || len(setBack) != 1 {
		return []string{"a contraction has one line `UPDATE schema_compatibility SET oldest = N;` in Up, where N is the last " +
			"migration of the oldest release that can serve the schema, and one in Down with the former number"}
	}
	if oldest, err := strconv.ParseInt(set[0][1], 10, 64); err != nil || oldest > number {
		return []string{fmt.Sprintf("oldest can't be more than the migration's own number, %d", number)}
	}
	return nil
}

// declared returns what a migration declares itself to be, or "".
func declared(text []byte) string {
	found := declaration.FindSubmatch(text)
	if found == nil {
		return ""
	}
	return string(found[1]) + string(found[2])
}

func line(text []byte) string {
	first, _, _ := strings.Cut(string(text), "\n")
	return first
}

func twinOf(file string) string {
	if dialect, name := path.Split(file); dialect == database.SQLite+"/" {
		return database.Postgres + "/" + name
	}
	return database.SQLite + "/" + path.Base(file)
}

// ways returns a migration's way up and its way down.
func ways(text string) (up, down string) {
	if at := gooseDown.FindStringIndex(text); at != nil {
		return text[:at[0]], text[at[1]:]
	}
	return text, ""
}
