package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// suspect says what is odd about the name of a variable that is not among the known ones, or "". A name counts as meant
// for us when it is close to a known one or begins like a group of them.
func suspect(name string, known []string) string {
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

// hasOwnPrefix leaves out prefixes that other programs use too, such as DB_ and LOG_.
func hasOwnPrefix(name string) bool {
	if strings.HasPrefix(name, "PASSWORD_STORE_") { // the program pass
		return false
	}
	for _, prefix := range []string{"JWT_", "PASSWORD_", "SECRET_KEY", "SUPERUSER_", "CORS_", "TRUSTED_PROX"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
