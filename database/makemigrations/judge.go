package makemigrations

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"latchkey/database"
)

// objection is a reason why a migration should not be applied while older programs serve.
type objection struct {
	statement string // its first words
	reason    string
	breaks    bool // older programs would fail, or read what they don't understand; if false, their requests would wait
}

func (o objection) String() string { return o.statement + ": " + o.reason }

// isLarge reports whether a table grows with the users. What reads or writes all of its rows takes long.
func isLarge(table string) bool {
	switch table {
	case "users", "sessions", "audit_events", "login_throttles", "one_time_tokens", "river_job":
		return true
	}
	return false
}

// judge is the reading of one migration's way up. It knows what that migration created: nobody uses that yet.
type judge struct {
	dialect       string
	inTransaction bool
	created       map[string]bool
	rebuilt       map[string]bool // tables that the migration replaces by a copy, as SQLite alters them
	altered       []string        // existing tables that are locked against everything
	dropped       map[string]bool // indexes that were dropped in case an interrupted try left them
	objections    []objection
}

// judgeStatements returns the objections to the statements of a migration's way up. It refuses whatever it does not know to be
// harmless.
//
// A rebuild of a table on SQLite is taken to be harmless: the migration for PostgreSQL spells the same change out, and the
// comparison with the models holds that both lead to the same tables.
func judgeStatements(dialect, sql string, inTransaction bool) []objection {
	j := &judge{
		dialect: dialect, inTransaction: inTransaction,
		created: map[string]bool{}, rebuilt: map[string]bool{}, dropped: map[string]bool{},
	}
	statements := parse(sql)
	if dialect == database.SQLite {
		j.findRebuilds(statements)
	}
	for _, s := range statements {
		j.read(s)
	}
	if len(j.altered) > 1 {
		j.objectTo("ALTER TABLE", false, "it locks "+strings.Join(j.altered, " and ")+" in one transaction, while a request may hold "+
			"them in another order; give each table a migration of its own")
	}
	return j.objections
}

// sqlStatement is the words and symbols of a statement in lower case, without comments; a string is one empty string.
type sqlStatement []string

// sqlToken matches a comment, a string (1), a quoted (2, 3) or a plain word (4), or a symbol (5).
var sqlToken = regexp.MustCompile("(?s)--[^\n]*|/\\*.*?\\*/" +
	"|(\\$\\$.*?\\$\\$|'(?:[^']|'')*')" + "|\"([^\"]*)\"|`([^`]*)`|([A-Za-z_0-9]+)" + "|(\\S)")

func parse(sql string) (statements []sqlStatement) {
	var current sqlStatement
	for _, found := range sqlToken.FindAllStringSubmatch(sql, -1) {
		literal, word := found[1], strings.ToLower(found[2]+found[3]+found[4]+found[5])
		switch {
		case literal != "":
			current = append(current, "''")
		case word == ";":
			statements, current = append(statements, current), nil
		case word != "":
			current = append(current, word)
		}
	}
	if len(current) > 0 {
		statements = append(statements, current)
	}
	return slices.DeleteFunc(statements, func(s sqlStatement) bool { return len(s) == 0 })
}

// after returns what follows these words, or false if the statement does not begin with them. Words in brackets may be missing.
func (s sqlStatement) after(words string) (rest sqlStatement, ok bool) {
	for word := range strings.FieldsSeq(words) {
		optional := strings.HasPrefix(word, "[")
		isNext := len(s) > 0 && s[0] == strings.Trim(word, "[]")
		switch {
		case isNext:
			s = s[1:]
		case !optional:
			return nil, false
		}
	}
	return s, true
}

func (s sqlStatement) has(words ...string) bool {
	for i := range s {
		if i+len(words) <= len(s) && slices.Equal(s[i:i+len(words)], words) {
			return true
		}
	}
	return false
}

// first returns the first word, or "".
func (s sqlStatement) first() string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}

// actions splits what ALTER TABLE does at the commas that are not in parentheses.
func (s sqlStatement) actions() []sqlStatement {
	found, depth := []sqlStatement{nil}, 0
	for _, word := range s {
		switch word {
		case "(":
			depth++
		case ")":
			depth--
		}
		if word == "," && depth == 0 {
			found = append(found, nil)
			continue
		}
		found[len(found)-1] = append(found[len(found)-1], word)
	}
	return found
}

func (s sqlStatement) String() string {
	const shown = 6
	return strings.ToUpper(strings.Join(s[:min(shown, len(s))], " "))
}

func (j *judge) object(s sqlStatement, breaks bool, reason string, arguments ...any) {
	j.objectTo(s.String(), breaks, fmt.Sprintf(reason, arguments...))
}

func (j *judge) objectTo(statement string, breaks bool, reason string) {
	j.objections = append(j.objections, objection{statement, reason, breaks})
}

// findRebuilds finds the tables x for which the migration creates new_x, drops x and renames new_x to x.
func (j *judge) findRebuilds(statements []sqlStatement) {
	created, dropped := map[string]bool{}, map[string]bool{}
	for _, s := range statements {
		if rest, ok := s.after("create table [if] [not] [exists]"); ok {
			created[rest.first()] = true
		}
		if rest, ok := s.after("drop table"); ok {
			dropped[rest.first()] = true
		}
		if rest, ok := s.after("alter table"); ok && len(rest) == 4 && rest[1] == "rename" && rest[2] == "to" {
			from, to := rest[0], rest[3]
			j.rebuilt[to] = created[from] && dropped[to]
			j.created[from] = j.rebuilt[to]
		}
	}
}

// isOurs reports whether a table is new, or rebuilt, so that this migration may do with it what it likes.
func (j *judge) isOurs(table string) bool { return j.created[table] || j.rebuilt[table] }

func (j *judge) read(s sqlStatement) {
	concurrent := s.has("index", "concurrently")
	_, isSet := s.after("set lock_timeout")
	switch {
	case concurrent && j.inTransaction:
		j.object(s, false, "CONCURRENTLY needs the line `-- +goose NO TRANSACTION`")
	case !concurrent && !isSet && !j.inTransaction:
		j.object(s, false, "without a transaction it can be left half done; it needs a migration of its own")
	}
	for _, known := range []struct {
		words string // that the statement begins with
		read  func(s, rest sqlStatement)
	}{
		{"create [unlogged] table [if] [not] [exists]", j.readCreateTable},
		{"create [unique] index", j.readCreateIndex},
		{"alter table [if] [exists] [only]", j.readAlterTable},
		{"drop index concurrently if exists", j.readDropLeftover},
		{"drop table", j.readDropTable},
		{"insert into", j.readInsert},
		{"update [only]", j.readUpdate},
		{"create type", j.allow},
		{"create function", j.allow},
		{"create sequence", j.allow},
		{"create view", j.allow},
		{"comment on", j.allow},
		{"set lock_timeout", j.allow},
	} {
		if rest, ok := s.after(known.words); ok {
			known.read(s, rest)
			return
		}
	}
	j.object(s, true, "%s", refusal(s))
}

// refusal explains a statement that no reader knows.
func refusal(s sqlStatement) string {
	switch s.first() {
	case "drop":
		return "older programs may use what it drops"
	case "delete", "truncate":
		return "older programs may need the rows that it deletes"
	default:
		return "it is not known to leave older programs alone"
	}
}

func (j *judge) allow(sqlStatement, sqlStatement) {}

func (j *judge) readCreateTable(s, rest sqlStatement) {
	isRebuild := j.created[rest.first()] // by findRebuilds
	j.created[rest.first()] = true
	if !isRebuild {
		j.readReferences(s)
	}
}

// readReferences reads the foreign keys of a statement to tables that were there before. Older programs, which know nothing of
// the rows that refer to those, don't delete them first.
func (j *judge) readReferences(s sqlStatement) {
	for i, word := range s {
		if word != "references" {
			continue
		}
		clause := s[i+1:].actions()[0]
		if !j.created[clause.first()] && !clause.has("on", "delete", "cascade") && !clause.has("on", "delete", "set", "null") {
			j.object(s, true, "older programs could not delete from %s what is referred to; add ON DELETE CASCADE or SET NULL",
				clause.first())
		}
	}
}

func (j *judge) readCreateIndex(s, rest sqlStatement) {
	rest, isConcurrent := rest, false
	if after, ok := rest.after("concurrently"); ok {
		rest, isConcurrent = after, true
	}
	rest, _ = rest.after("[if] [not] [exists]")
	name := rest.first()
	at := slices.Index(rest, "on")
	if at < 0 {
		j.object(s, true, "%s", refusal(s))
		return
	}
	on, _ := rest[at+1:].after("[only]")
	table := on.first()
	if j.isOurs(table) {
		return
	}
	if s[1] == "unique" {
		j.object(s, true, "older programs may write what a unique index refuses")
	}
	if j.dialect != database.Postgres {
		return
	}
	if isLarge(table) && !isConcurrent {
		j.object(s, false, "writes to %s would wait; use CREATE INDEX CONCURRENTLY", table)
	}
	if isConcurrent && !j.dropped[name] {
		j.object(s, false, "an interrupted try leaves an invalid index; put DROP INDEX CONCURRENTLY IF EXISTS %s before it", name)
	}
}

func (j *judge) readDropLeftover(_, rest sqlStatement) { j.dropped[rest.first()] = true }

func (j *judge) readDropTable(s, rest sqlStatement) {
	if !j.isOurs(rest.first()) {
		j.object(s, true, "%s", refusal(s))
	}
}

func (j *judge) readInsert(s, rest sqlStatement) {
	if !j.isOurs(rest.first()) && s.has("select") {
		j.object(s, false, "a backfill is done in batches, by a command that can be repeated")
	}
}

func (j *judge) readUpdate(s, rest sqlStatement) {
	table := rest.first()
	switch {
	case j.isOurs(table):
	case isLarge(table):
		j.object(s, false, "it locks all rows of %s; a backfill is done in batches, by a command that can be repeated", table)
	default:
		j.object(s, true, "older programs may rely on the values that it changes")
	}
}
