package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/caarlos0/env/v11"
)

// Load makes the settings of an environment, a list of NAME=value, over the .env file in dir. Every variable can also be
// given as NAME_FILE, the path of a file that holds it. What is wrong comes back at once, as Faults.
//
// On SQLite in development SECRET_KEY may be left out; EnsureSecretKey then provides it.
func Load(environ []string, dir string) (Settings, error) {
	var faults Faults
	found := gather(environ, dir, &faults)
	settings, err := env.ParseAsWithOptions[Settings](env.Options{
		Environment: found,
		FuncMap:     map[reflect.Type]env.ParserFunc{reflect.TypeFor[time.Duration](): parseDuration},
	})
	faults = append(faults, parseFaults(err)...)
	if len(faults) == 0 {
		settings.complete()
		settings.validate(&faults)
	}
	settings.Warnings = slices.Sorted(slices.Values(misspelt(found)))
	if len(faults) > 0 {
		return settings, faults
	}
	return settings, nil
}

// parseDuration takes Go's spelling, such as 5m, and whole seconds, as Django's settings have them.
func parseDuration(text string) (any, error) {
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second, nil
	}
	duration, err := time.ParseDuration(text)
	if err != nil {
		return nil, errors.New("it is not a duration")
	}
	return duration, nil
}

// parseFaults names the variables in the parser's errors. Their values are not repeated.
func parseFaults(err error) Faults {
	if err == nil {
		return nil
	}
	var all env.AggregateError
	if !errors.As(err, &all) {
		return Faults{{Variable: "environment", Problem: err.Error()}}
	}
	var faults Faults
	for _, one := range all.Errors {
		var parse env.ParseError
		if !errors.As(one, &parse) {
			faults.add("environment", one.Error(), "")
			continue
		}
		faults.add(variableOf(parse.Name), "it is not "+expected(parse.Type), remedyFor(parse.Type))
	}
	return faults
}

func variableOf(field string) string {
	for _, variable := range Describe() {
		if variable.field == field {
			return variable.Name
		}
	}
	return field
}

func expected(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "a duration"
	case t.Kind() == reflect.Bool:
		return "true or false"
	default:
		return "a whole number"
	}
}

func remedyFor(t reflect.Type) string {
	if t == reflect.TypeFor[time.Duration]() {
		return "Write it like 90s, 5m or 24h, or as a number of seconds"
	}
	return ""
}

// complete fills in the defaults that depend on other settings.
func (s *Settings) complete() {
	if s.Server.PublicURL == "" && !s.Production() {
		s.Server.PublicURL = localURL(s.Server.Addr)
	}
	if s.JWT.Issuer == "" {
		s.JWT.Issuer = s.Server.PublicURL
	}
	if s.JWT.Audience == "" {
		s.JWT.Audience = s.Server.PublicURL
	}
	if s.Database.AutoMigrate == nil {
		automatic := s.Database.IsSQLite() && !s.Production()
		s.Database.AutoMigrate = &automatic
	}
	if s.Log.Format == "" {
		s.Log.Format = map[bool]string{true: "json", false: "text"}[s.Production()]
	}
}

func localURL(addr string) string {
	_, port, err := splitAddr(addr)
	if err != nil || port == "0" {
		return "http://localhost"
	}
	return fmt.Sprintf("http://localhost:%s", port)
}
