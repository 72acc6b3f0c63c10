package makemigrations

import (
	"fmt"
	"slices"

	"ariga.io/atlas/sql/schema"
)

// tightened is a column that becomes NOT NULL in a table that may have rows.
type tightened struct {
	t *schema.Table
	c *schema.Column
}

// tightenedColumns returns the tightened columns of the schema to. It leaves out a new column with a default, which fills
// the rows.
func tightenedColumns(from, to *schema.Schema) []tightened {
	var found []tightened
	for _, table := range to.Tables {
		old, exists := from.Table(table.Name)
		if !exists {
			continue
		}
		for _, column := range table.Columns {
			before, existed := old.Column(column.Name)
			becomes := existed && before.Type.Null || !existed && column.Default == nil
			if becomes && !column.Type.Null && !isGenerated(column) && !inPrimaryKey(table, column) {
				found = append(found, tightened{table, column})
			}
		}
	}
	return found
}

func isGenerated(column *schema.Column) bool {
	return slices.ContainsFunc(column.Attrs, func(attr schema.Attr) bool {
		_, generated := attr.(*schema.GeneratedExpr)
		return generated
	})
}

func inPrimaryKey(table *schema.Table, column *schema.Column) bool {
	return table.PrimaryKey != nil && slices.ContainsFunc(table.PrimaryKey.Parts, func(part *schema.IndexPart) bool {
		return part.C != nil && part.C.Name == column.Name
	})
}

// fill returns the statement that gives rows without a value the column's default, or else the zero value of its Go type. If
// it knows neither, it returns a comment with the statement to write.
func (t tightened) fill() statement {
	value, known := fillValue(t.c)
	if !known {
		return statement{comment: fmt.Sprintf("existing rows need a value before NULL is forbidden: "+
			"UPDATE %s SET %s = … WHERE %[2]s IS NULL", t.t.Name, t.c.Name)}
	}
	return statement{
		comment: fmt.Sprintf("existing rows get %s as their %q: change it if another value fits them", value, t.c.Name),
		sql:     fmt.Sprintf("UPDATE %q SET %q = %s WHERE %[2]q IS NULL", t.t.Name, t.c.Name, value),
	}
}

// fillValue returns the SQL of the column's default or, without one, of the zero value of its Go type.
func fillValue(column *schema.Column) (value string, known bool) {
	switch x := column.Default.(type) {
	case *schema.Literal:
		return x.V, true
	case *schema.RawExpr:
		return x.X, true
	}
	switch column.Type.Type.(type) {
	case *schema.StringType, *schema.BinaryType:
		return "''", true
	case *schema.BoolType:
		return "false", true
	case *schema.IntegerType, *schema.DecimalType, *schema.FloatType:
		return "0", true
	case *schema.TimeType:
		return "'0001-01-01T00:00:00.000000Z'", true
	case *schema.UUIDType:
		return "'00000000-0000-0000-0000-000000000000'", true
	}
	return "", false
}
