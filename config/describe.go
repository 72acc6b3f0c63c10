package config

import "reflect"

// section is one subject of the settings.
type section struct {
	title     string
	variables []description // in the order of .env.example

	// prefixes are beginnings of names that no other program uses: an unknown variable with one is a mistake.
	prefixes []string

	complete func(*Settings, map[string]string) // sets dependent defaults; the map has the given values by variable
	check    func(*checker)                     // reports what prevents a start
	deploy   func(*checker)                     // reports what is unsafe on the internet
}

// description explains a variable in at most 100 characters.
type description struct{ variable, text string }

// Variable describes one environment variable. Default is its value in development when it is not set. Secret ones are
// best kept in a file that NAME_FILE names.
type Variable struct {
	Section     string
	Name        string
	Default     string
	Description string
	Secret      bool
}

// Describe returns all variables in the order of .env.example.
func Describe() []Variable {
	fields := fieldsByVariable()
	var variables []Variable
	for _, section := range sections() {
		for _, description := range section.variables {
			field := fields[description.variable]
			variable := Variable{
				Section: section.title, Name: description.variable, Description: description.text,
				Default: field.Tag.Get("envDefault"),
				Secret:  field.Type == reflect.TypeFor[Secret]() || field.Type == reflect.TypeFor[[]Secret](),
			}
			if derived, ok := field.Tag.Lookup("derived"); ok {
				variable.Default = derived
			}
			variables = append(variables, variable)
		}
	}
	return variables
}

// fieldsByVariable returns the field of Settings that holds each variable. The tag env names the variable, envDefault is
// its default, and derived is the default in development of one that depends on other settings.
func fieldsByVariable() map[string]reflect.StructField {
	fields := map[string]reflect.StructField{}
	for _, subject := range reflect.VisibleFields(reflect.TypeFor[Settings]()) {
		if subject.Type.Kind() != reflect.Struct {
			continue
		}
		for _, field := range reflect.VisibleFields(subject.Type) {
			if name, tagged := field.Tag.Lookup("env"); tagged {
				fields[name] = field
			}
		}
	}
	return fields
}
