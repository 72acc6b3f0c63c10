package config

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Switch is a setting that is written on or off.
type Switch bool

// UnmarshalText parses on or off, and also true or false.
func (s *Switch) UnmarshalText(text []byte) error {
	switch string(text) {
	case "on", "true":
		*s = true
	case "off", "false":
		*s = false
	default:
		return errors.New("neither on nor off")
	}
	return nil
}

// Quota is how many requests may pass in a period, and also how many at once. It is written COUNT/PERIOD, such as 30/1m.
type Quota struct {
	Count  int
	Period time.Duration
}

const (
	maxQuotaCount  = 1_000_000
	maxQuotaPeriod = 24 * time.Hour
)

// UnmarshalText parses COUNT/PERIOD.
func (q *Quota) UnmarshalText(text []byte) error {
	count, period, found := strings.Cut(string(text), "/")
	if !found {
		return errors.New("no slash")
	}
	var err error
	if q.Count, err = strconv.Atoi(strings.TrimSpace(count)); err != nil {
		return err
	}
	if q.Period, err = parseDuration(strings.TrimSpace(period)); err != nil {
		return err
	}
	if q.Count < 1 || q.Count > maxQuotaCount || q.Period < time.Second || q.Period > maxQuotaPeriod {
		return errors.New("out of bounds")
	}
	return nil
}

// Deadline is the moment at which something ends. It is written as the last day before it, in UTC, or as a time (RFC 3339).
type Deadline struct{ time.Time }

// UnmarshalText parses a day or a time.
func (d *Deadline) UnmarshalText(text []byte) (err error) {
	if day, err := time.Parse(time.DateOnly, string(text)); err == nil {
		d.Time = day.AddDate(0, 0, 1)
		return nil
	}
	d.Time, err = time.Parse(time.RFC3339, string(text))
	return err
}

// parseDuration parses Go's durations and also whole seconds, which is how Django's settings are often written.
func parseDuration(value string) (time.Duration, error) {
	seconds, err := strconv.ParseInt(value, 10, 32)
	if err == nil {
		return time.Duration(seconds) * time.Second, nil
	}
	return time.ParseDuration(value)
}

// splitList splits at commas, and drops spaces around items and empty items.
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

// expectation returns what a value of a type has to be, and how to write it.
func expectation(fieldType reflect.Type) (expected, remedy string) {
	switch fieldType {
	case reflect.TypeFor[time.Duration]():
		return "a duration", "Write a number with a unit, such as 90s, 5m or 1h30m, or whole seconds, such as 300."
	case reflect.TypeFor[Deadline]():
		return "a date", "Write a day, such as 2026-12-31, or a time, such as 2026-12-31T18:00:00Z."
	case reflect.TypeFor[bool]():
		return "true or false", "Write true or false."
	case reflect.TypeFor[int]():
		return "a whole number", "Write only digits, such as 10."
	case reflect.TypeFor[float64]():
		return "a number", "Write a number, such as 0.05."
	case reflect.TypeFor[Quota]():
		return fmt.Sprintf("a quota of 1 to %d in 1s to %s", maxQuotaCount, maxQuotaPeriod),
			"Write COUNT/PERIOD, such as 30/1m; RATE_LIMITS=off turns all limits off."
	case reflect.TypeFor[Switch]():
		return "on or off", "Write on or off."
	case reflect.TypeFor[slog.Level]():
		return "a log level", "Write debug, info, warn or error."
	default:
		return "valid", "See .env.example."
	}
}
