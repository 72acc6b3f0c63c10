package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const year = 365 * 24 * time.Hour

// checker collects findings about settings.
type checker struct {
	settings Settings
	findings []Finding

	reported []Finding // variables with one of these hold no value to check, or were reported already
}

// fail reports an error in variable, unless it has been reported.
func (c *checker) fail(variable, problem, remedy string) {
	if !hasFinding(c.reported, variable) {
		c.findings = append(c.findings, Finding{LevelError, variable, problem, remedy})
	}
}

// warn reports what could be safer about variable, unless it has been reported.
func (c *checker) warn(variable, problem, remedy string) {
	if !hasFinding(c.reported, variable) {
		c.findings = append(c.findings, Finding{LevelWarning, variable, problem, remedy})
	}
}

// oneOf fails variable unless its value is one of at least two allowed ones, and reports whether it is.
func (c *checker) oneOf(variable, value string, allowed ...string) bool {
	if slices.Contains(allowed, value) {
		return true
	}
	last := len(allowed) - 1
	c.fail(variable, "is "+shown(value)+", which is not a valid value",
		"Write "+strings.Join(allowed[:last], ", ")+" or "+allowed[last]+".")
	return false
}

func (c *checker) within(variable string, value, least, most time.Duration) {
	if value < least || value > most {
		c.fail(variable, fmt.Sprintf("is %s, but must be from %s to %s", value, least, most),
			"Write a number with a unit, such as "+most.String()+", or whole seconds.")
	}
}

func (c *checker) between(variable string, value, least, most int) {
	if value < least || value > most {
		c.fail(variable, fmt.Sprintf("is %d, but must be from %d to %d", value, least, most), "")
	}
}
