package config

import (
	"reflect"
	"slices"
)

// Variable is one setting as a person meets it.
type Variable struct {
	Name        string
	Default     string
	Description string
	Secret      bool

	field string // of the struct
}

// Describe lists every setting, in the order of Settings.
func Describe() []Variable {
	return describe(reflect.TypeFor[Settings]())
}

func describe(structure reflect.Type) []Variable {
	var variables []Variable
	for field := range fields(structure) {
		name := field.Tag.Get("env")
		switch {
		case name != "":
			variables = append(variables, Variable{
				Name: name, Default: field.Tag.Get("envDefault"), Description: field.Tag.Get("desc"),
				Secret: isSecret(field.Type), field: field.Name,
			})
		case field.Type.Kind() == reflect.Struct:
			variables = append(variables, describe(field.Type)...)
		}
	}
	return variables
}

func fields(structure reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range structure.NumField() {
			if !yield(structure.Field(i)) {
				return
			}
		}
	}
}

func isSecret(t reflect.Type) bool {
	return slices.Contains([]reflect.Type{reflect.TypeFor[Secret](), reflect.TypeFor[[]Secret]()}, t)
}
