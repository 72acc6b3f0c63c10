package config

import (
	"errors"
	"reflect"
	"time"

	"github.com/caarlos0/env/v11"
)

// parse converts values to typed settings. Fields whose value can't be parsed stay zero and get a finding.
func parse(values map[string]string) (Settings, []Finding) {
	settings, err := env.ParseAsWithOptions[Settings](env.Options{
		Environment: values,
		FuncMap: map[reflect.Type]env.ParserFunc{
			reflect.TypeFor[time.Duration](): func(value string) (any, error) { return parseDuration(value) },
			reflect.TypeFor[[]string]():      func(value string) (any, error) { return splitList(value), nil },
			reflect.TypeFor[[]Secret]():      func(value string) (any, error) { return splitSecrets(value), nil },
		},
	})
	var all env.AggregateError
	if !errors.As(err, &all) {
		return settings, nil
	}
	var findings []Finding
	for _, err := range all.Errors {
		findings = append(findings, parseFinding(err, values))
	}
	return settings, findings
}

// parseFinding finds the variable that err is about: the library reports only the field's name and type.
func parseFinding(err error, values map[string]string) Finding {
	var parse env.ParseError
	if !errors.As(err, &parse) {
		return Finding{LevelError, "settings", "can't be read: " + err.Error(), ""}
	}
	for name, field := range fieldsByVariable() {
		if field.Name == parse.Name && field.Type == parse.Type {
			expected, remedy := expectation(parse.Type)
			return Finding{LevelError, name, "is " + shown(values[name]) + ", which is not " + expected, remedy}
		}
	}
	return Finding{LevelError, parse.Name, "can't be read", ""}
}
