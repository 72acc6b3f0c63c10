package testkit

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Program returns the path of the first of these programs that is installed. If none is, the test is skipped, or fails under
// TEST_REQUIRE_SERVICES=1.
func Program(t testing.TB, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing := "not installed: " + strings.Join(names, " or ")
	if os.Getenv("TEST_REQUIRE_SERVICES") == "1" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}
