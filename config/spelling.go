package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// spellingWarnings warns of variables in sources that look like settings and are not.
func spellingWarnings(sources ...map[string]string) []string {
	known := knownNames()
	warned := map[string]string{}
	for _, source := range sources {
		for name := range source {
			if warning := spellingWarning(name, known); warning != "" {
				warned[name] = warning
			}
		}
	}
	var warnings []string
	for _, name := range slices.Sorted(maps.Keys(warned)) {
		warnings = append(warnings, warned[name])
	}
	return warnings
}

// knownNames returns all variables, each also with _FILE.
func knownNames() []string {
	var names []string
	for _, variable := range Describe() {
		names = append(names, variable.Name, variable.Name+fileSuffix)
	}
	return names
}

// spellingWarning returns a warning about a name that is not a known one but probably meant to be, because it is close to a
// known name or has a prefix of a section, or "".
func spellingWarning(name string, known []string) string {
	const maxNameLength = 64
	if len(name) > maxNameLength || slices.Contains(known, name) {
		return ""
	}
	nearest, distance := nearestName(strings.ToUpper(name), known)
	switch {
	case distance <= max(1, len(nearest)/5):
		return fmt.Sprintf("%q is not a setting; did you mean %s?", name, nearest)
	case !hasOwnPrefix(name):
		return ""
	case distance <= len(nearest)/2:
		return fmt.Sprintf("%q is not a setting; the nearest is %s", name, nearest)
	default:
		return fmt.Sprintf("%q is not a setting", name)
	}
}

func nearestName(name string, known []string) (nearest string, distance int) {
	distance = len(name) + 1
	for _, candidate := range known {
		if d := levenshtein.Distance(name, candidate, nil); d < distance {
			nearest, distance = candidate, d
		}
	}
	return nearest, distance
}

// hasOwnPrefix reports whether name begins like the settings of a section.
func hasOwnPrefix(name string) bool {
	if strings.HasPrefix(name, "PASSWORD_STORE_") { // the program pass
		return false
	}
	for _, section := range sections() {
		for _, prefix := range section.prefixes {
			if strings.HasPrefix(name, prefix) {
				return true
			}
		}
	}
	return false
}
