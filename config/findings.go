package config

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Level is the severity of a finding.
type Level string

// An error prevents a start or makes a deployment unsafe; a warning is about something that could be safer.
const (
	LevelError   Level = "error"
	LevelWarning Level = "warning"
)

// Finding is one problem with one setting, and what to do about it. Subject is usually a variable; Problem continues the
// sentence that it begins. Remedy may be empty. A finding reveals no secret.
type Finding struct {
	Level   Level
	Subject string
	Problem string
	Remedy  string
}

// LoadError is the error of [Load]: everything that prevents a start, in the order of .env.example.
type LoadError []Finding

// Error lists the findings, each followed by its remedy on a line of its own.
func (e LoadError) Error() string {
	var text strings.Builder
	text.WriteString("the settings have " + plural(len(e), "error") + ":")
	for _, finding := range e {
		text.WriteString("\n\n  " + finding.Subject + " " + finding.Problem)
		if finding.Remedy != "" {
			text.WriteString("\n    " + finding.Remedy)
		}
	}
	return text.String()
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// hasFinding reports whether one of the findings is about variable.
func hasFinding(findings []Finding, variable string) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Subject == variable })
}

// mostSevere returns one finding for each subject: the first error about it or, without one, the first warning.
func mostSevere(findings []Finding) []Finding {
	var kept []Finding
	for _, level := range []Level{LevelError, LevelWarning} {
		for _, finding := range findings {
			if finding.Level == level && !hasFinding(kept, finding.Subject) {
				kept = append(kept, finding)
			}
		}
	}
	return kept
}

// sorted sorts the findings in place by the order of .env.example.
func sorted(findings []Finding) []Finding {
	place := map[string]int{}
	for i, variable := range Describe() {
		place[variable.Name] = i
	}
	slices.SortStableFunc(findings, func(a, b Finding) int { return cmp.Compare(place[a.Subject], place[b.Subject]) })
	return findings
}

// shown quotes a value for a finding. A value that may hold a password, as a URL does before its @, is not repeated.
func shown(value string) string {
	const limit = 60
	if strings.Contains(value, "@") {
		return "the given value"
	}
	if len(value) > limit {
		value = strings.ToValidUTF8(value[:limit], "") + "…"
	}
	return strconv.Quote(value)
}
