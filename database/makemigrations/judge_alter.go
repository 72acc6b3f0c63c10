package makemigrations

import (
	"slices"

	"latchkey/database"
)

func (j *judge) readAlterTable(s, rest sqlStatement) {
	table := rest.first()
	j.readReferences(s)
	if j.isOurs(table) {
		return
	}
	if j.dialect == database.Postgres && !slices.Contains(j.altered, table) {
		j.altered = append(j.altered, table)
	}
	if len(rest) < 2 {
		j.object(s, true, "%s", refusal(s))
		return
	}
	actions := rest[1:].actions()
	added := addedColumns(actions)
	for _, action := range actions {
		if !referencesOnly(action, added) {
			j.readAction(action)
		}
	}
}

func addedColumns(actions []sqlStatement) map[string]bool {
	added := map[string]bool{}
	for _, action := range actions {
		if definition, ok := action.after("add column [if] [not] [exists]"); ok {
			added[definition.first()] = true
		}
	}
	return added
}

// referencesOnly reports whether an action adds a foreign key from columns that the same statement adds. Older programs leave
// those empty.
func referencesOnly(action sqlStatement, added map[string]bool) bool {
	at := slices.Index(action, "foreign")
	if at < 0 {
		return false
	}
	columns, ok := action[at:].after("foreign key (")
	end := slices.Index(columns, ")")
	return ok && end > 0 && !slices.ContainsFunc(columns[:end], func(word string) bool { return word != "," && !added[word] })
}

// readAction reads one action of an ALTER TABLE.
func (j *judge) readAction(action sqlStatement) {
	switch action.first() {
	case "add":
		j.readAdd(action)
	case "alter":
		j.readAlterColumn(action)
	case "rename":
		j.object(action, true, "older programs use the old name")
	default:
		j.object(action, true, "%s", refusal(action))
	}
}

func (j *judge) readAdd(action sqlStatement) {
	definition, _ := action.after("add [column] [if] [not] [exists]")
	words := []string{"constraint", "unique", "check", "primary", "foreign", "exclude"}
	isConstraint := slices.ContainsFunc(words, func(word string) bool {
		return definition.first() == word || word != "foreign" && definition.has(word)
	})
	hasDefault := definition.has("default")
	switch {
	case isConstraint:
		j.object(action, true, "older programs may write what a constraint refuses")
	case definition.has("not", "null") && !hasDefault:
		j.object(action, true, "older programs insert rows without it; give it a default")
	case j.dialect == database.Postgres && rewrites(definition):
		j.object(action, false, "it rewrites the table, which nobody can use meanwhile")
	}
}

// rewrites reports whether PostgreSQL computes the new column for each row.
func rewrites(definition sqlStatement) bool {
	for _, word := range []string{"serial", "bigserial", "smallserial", "generated"} {
		if definition.has(word) {
			return true
		}
	}
	at := slices.Index(definition, "default")
	if at < 0 || at+2 >= len(definition) {
		return false
	}
	isCall := definition[at+2] == "(" || definition[at+1] == "("
	return isCall && definition[at+1] != "now"
}

func (j *judge) readAlterColumn(action sqlStatement) {
	change, _ := action.after("alter [column]")
	change = change[min(1, len(change)):]
	_, setsDefault := change.after("set default")
	_, setsNotNull := change.after("set not null")
	_, dropsNotNull := change.after("drop not null")
	_, changesType := change.after("[set] [data] type")
	switch {
	case setsDefault:
	case setsNotNull:
		j.object(action, true, "older programs may write NULL")
	case dropsNotNull:
		j.object(action, true, "older programs don't expect to read NULL")
	case changesType:
		j.object(action, true, "older programs read and write the former type")
	default:
		j.object(action, true, "%s", refusal(action))
	}
}
