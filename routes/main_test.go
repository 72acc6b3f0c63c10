package routes_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"latchkey/testkit"
)

// TestMain fails a run of all tests in which a response of the contract did not occur. A new operation, and a new status of one,
// needs a test in which it does.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 && isWhole() {
		if missing := testkit.TheContract().Unexercised(); len(missing) > 0 {
			fmt.Println("api/openapi.yaml declares responses that did not occur in any test. Add a test for each, or remove it there:")
			for _, response := range missing {
				fmt.Println("   ", response)
			}
			code = 1
		}
	}
	os.Exit(code)
}

// isWhole reports whether all tests ran, because no flag selected some of them.
func isWhole() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz"} {
		if given := flag.Lookup(name); given != nil && given.Value.String() != "" {
			return false
		}
	}
	return true
}
