package config

import (
	"fmt"
	"strings"
)

// Fault is one thing wrong with a setting, and what to do about it. It never holds the value of a secret.
type Fault struct {
	Variable string
	Problem  string
	Remedy   string
}

// Faults is everything wrong with the settings, found at once.
type Faults []Fault

// Error lists every fault on lines of their own.
func (f Faults) Error() string {
	var text strings.Builder
	text.WriteString("the settings are not usable:")
	for _, fault := range f {
		fmt.Fprintf(&text, "\n  %s: %s.", fault.Variable, fault.Problem)
		if fault.Remedy != "" {
			fmt.Fprintf(&text, "\n      %s.", fault.Remedy)
		}
	}
	return text.String()
}

func (f *Faults) add(variable, problem, remedy string) {
	*f = append(*f, Fault{Variable: variable, Problem: problem, Remedy: remedy})
}

// require adds a fault unless ok.
func (f *Faults) require(ok bool, fault Fault) {
	if !ok {
		*f = append(*f, fault)
	}
}
