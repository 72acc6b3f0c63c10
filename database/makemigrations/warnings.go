package makemigrations

import (
	"fmt"
	"slices"

	"ariga.io/atlas/sql/migrate"
	"ariga.io/atlas/sql/schema"
)

// warnings returns what a developer has to know before applying the changes.
func warnings(driver migrate.Driver, changes []schema.Change) []string {
	var found []string
	for _, change := range changes {
		switch change := change.(type) {
		case *schema.DropTable:
			found = append(found, fmt.Sprintf("%s is dropped, and its rows are lost", change.T.Name))
		case *schema.ModifyTable:
			found = append(found, tableWarnings(driver, change)...)
		}
	}
	return found
}

func tableWarnings(driver migrate.Driver, modified *schema.ModifyTable) []string {
	table, changes := modified.T.Name, modified.Changes
	var found []string
	for _, change := range changes {
		switch change := change.(type) {
		case *schema.DropColumn:
			found = append(found, fmt.Sprintf("%s.%s is dropped, and its values are lost", table, change.C.Name))
			found = append(found, renameWarnings(driver, table, change.C, changes)...)
		case *schema.AddColumn:
			if !change.C.Type.Null && change.C.Default == nil {
				found = append(found, notNullWarning(table, change.C))
			}
		case *schema.ModifyColumn:
			found = append(found, modifyWarnings(driver, table, change)...)
		case *schema.AddIndex:
			if change.I.Unique {
				found = append(found, uniqueWarning(table, change.I))
			}
		case *schema.ModifyIndex:
			if change.To.Unique {
				found = append(found, uniqueWarning(table, change.To))
			}
		}
	}
	return found
}

func renameWarnings(driver migrate.Driver, table string, dropped *schema.Column, changes []schema.Change) []string {
	var found []string
	for _, change := range changes {
		added, ok := change.(*schema.AddColumn)
		if ok && typeName(driver, added.C) == typeName(driver, dropped) {
			found = append(found, fmt.Sprintf("%[1]s.%[2]s is dropped and %[1]s.%[3]s of the same type is added: if that is a "+
				"rename, write ALTER TABLE %[1]s RENAME COLUMN %[2]s TO %[3]s in both files instead, and the reverse in Down",
				table, dropped.Name, added.C.Name))
		}
	}
	return found
}

func notNullWarning(table string, column *schema.Column) string {
	value, known := fillValue(column)
	if !known {
		return fmt.Sprintf("%s.%s is NOT NULL and has no default: write the UPDATE that gives existing rows a value",
			table, column.Name)
	}
	return fmt.Sprintf("%s.%s is NOT NULL and has no default: existing rows get %s; change the UPDATE if another value "+
		"fits them", table, column.Name, value)
}

func uniqueWarning(table string, index *schema.Index) string {
	return fmt.Sprintf("%s on %s is unique: the migration fails while rows hold the same value", index.Name, table)
}

func modifyWarnings(driver migrate.Driver, table string, change *schema.ModifyColumn) []string {
	var found []string
	if change.Change.Is(schema.ChangeNull) && !change.To.Type.Null {
		found = append(found, notNullWarning(table, change.To))
	}
	if change.Change.Is(schema.ChangeType) && !widens(change.From.Type.Type, change.To.Type.Type) {
		found = append(found, fmt.Sprintf("%s.%s changes from %s to %s: values that do not fit stop the migration or are "+
			"changed by it", table, change.To.Name, typeName(driver, change.From), typeName(driver, change.To)))
	}
	return found
}

// widens reports whether every value of type from is also a value of type to.
func widens(from, to schema.Type) bool {
	if before, ok := from.(*schema.StringType); ok {
		after, ok := to.(*schema.StringType)
		return ok && (after.Size == 0 || before.Size != 0 && before.Size <= after.Size)
	}
	if before, ok := from.(*schema.IntegerType); ok {
		after, ok := to.(*schema.IntegerType)
		sizes := []string{"smallint", "integer", "bigint"}
		return ok && slices.Index(sizes, before.T) <= slices.Index(sizes, after.T)
	}
	return false
}

func typeName(driver migrate.Driver, column *schema.Column) string {
	if formatter, ok := driver.(schema.TypeFormatter); ok {
		if name, err := formatter.FormatType(column.Type.Type); err == nil {
			return name
		}
	}
	return column.Type.Raw
}
