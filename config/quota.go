package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Quota is how many may pass in a period, and as many at once. It is written COUNT/PERIOD, as 30/1m.
type Quota struct {
	Count  int
	Period time.Duration
}

const (
	maxQuotaCount  = 1_000_000
	maxQuotaPeriod = 24 * time.Hour
)

// UnmarshalText reads COUNT/PERIOD.
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
		return fmt.Errorf("out of bounds")
	}
	return nil
}

// Switch is a setting that is written on or off.
type Switch bool

// UnmarshalText reads on or off.
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
