package config

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Fault is one thing that is wrong with one variable, and what to do about it. It holds no secret.
type Fault struct {
	Variable string
	Problem  string
	Remedy   string
}

// Faults are everything that is wrong with the settings. It is the error of [Load].
type Faults []Fault

// Error lists the faults, each with its remedy on a line of its own.
func (f Faults) Error() string {
	var text strings.Builder
	text.WriteString("the settings have " + plural(len(f), "fault") + ":")
	for _, fault := range f {
		text.WriteString("\n\n  " + fault.Variable + " " + fault.Problem)
		if fault.Remedy != "" {
			text.WriteString("\n    " + fault.Remedy)
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

// names tells whether variable has a fault.
func (f Faults) names(variable string) bool {
	return slices.ContainsFunc(f, func(fault Fault) bool { return fault.Variable == variable })
}

// sorted puts the faults in the order in which the settings are described.
func (f Faults) sorted() Faults {
	place := map[string]int{}
	for i, variable := range Describe() {
		place[variable.Name] = i
	}
	slices.SortStableFunc(f, func(a, b Fault) int { return cmp.Compare(place[a.Variable], place[b.Variable]) })
	return f
}

// shown quotes a value for a fault. What may hold a password, as a URL before its @, is not repeated.
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
