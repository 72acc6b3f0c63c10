package config

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// parse makes typed settings of values. Fields whose value can't be parsed are faults and stay zero.
func parse(values map[string]string) (Settings, Faults) {
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
	var faults Faults
	for _, err := range all.Errors {
		faults = append(faults, parseFault(err, values))
	}
	return settings, faults
}

// parseFault tells which variable err is about. The library names the field, and which field has which variable is ours
// to know.
func parseFault(err error, values map[string]string) Fault {
	var parse env.ParseError
	if !errors.As(err, &parse) {
		return Fault{"settings", "can't be read: " + err.Error(), ""}
	}
	for name, field := range fieldsByVariable() {
		if field.Name == parse.Name && field.Type == parse.Type {
			problem, remedy := expectation(parse.Type)
			return Fault{name, "is " + shown(values[name]) + ", which is not " + problem, remedy}
		}
	}
	return Fault{parse.Name, "can't be read", ""}
}

func expectation(fieldType reflect.Type) (problem, remedy string) {
	switch fieldType {
	case reflect.TypeFor[time.Duration]():
		return "a duration", "Write a number and a unit, as 90s, 5m or 1h30m, or whole seconds, as 300."
	case reflect.TypeFor[Deadline]():
		return "a date", "Write a day, as 2026-12-31, or a moment, as 2026-12-31T18:00:00Z."
	case reflect.TypeFor[bool]():
		return "a truth value", "Write true or false."
	case reflect.TypeFor[int]():
		return "a whole number", "Write digits alone, as 10."
	case reflect.TypeFor[float64]():
		return "a number", "Write it as 0.05."
	case reflect.TypeFor[Quota]():
		return fmt.Sprintf("a quota of 1 to %d in 1s to %s", maxQuotaCount, maxQuotaPeriod),
			"Write COUNT/PERIOD, as 30/1m; RATE_LIMITS=off turns all limits off."
	case reflect.TypeFor[Switch]():
		return "on or off", "Write on or off."
	case reflect.TypeFor[slog.Level]():
		return "a level", "Write debug, info, warn or error."
	default:
		return "understood", "See .env.example."
	}
}

// parseDuration takes Go's durations and plain whole seconds, which is how Django's settings are often written.
func parseDuration(value string) (time.Duration, error) {
	seconds, err := strconv.ParseInt(value, 10, 32)
	if err == nil {
		return time.Duration(seconds) * time.Second, nil
	}
	return time.ParseDuration(value)
}

// Deadline is a moment, written as the last day that comes before it, in UTC, or in full (RFC 3339).
type Deadline struct{ time.Time }

// UnmarshalText reads a deadline as it is written in the environment.
func (d *Deadline) UnmarshalText(text []byte) (err error) {
	if day, err := time.Parse(time.DateOnly, string(text)); err == nil {
		d.Time = day.AddDate(0, 0, 1)
		return nil
	}
	d.Time, err = time.Parse(time.RFC3339, string(text))
	return err
}

// splitList splits at commas. Spaces around an item and empty items don't count.
func splitList(value string) []string {
	var items []string
	for item := range strings.SplitSeq(value, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

func splitSecrets(value string) []Secret {
	var secrets []Secret
	for _, item := range splitList(value) {
		secrets = append(secrets, NewSecret(item))
	}
	return secrets
}
