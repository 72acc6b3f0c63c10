package routes_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"latchkey/testkit"
)

// TestMain fails a run of all tests that left an answer of the contract unexercised: who adds an operation, or a status to
// one, shows that it can happen.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 && isWhole() {
		if missing := testkit.TheContract().Unexercised(); len(missing) > 0 {
			fmt.Println("api/openapi.yaml declares answers that no test has had. Add a test of each, or remove it there:")
			for _, answer := range missing {
				fmt.Println("   ", answer)
			}
			code = 1
		}
	}
	os.Exit(code)
}

// isWhole tells whether no flag left tests out.
func isWhole() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz"} {
		if given := flag.Lookup(name); given != nil && given.Value.String() != "" {
			return false
		}
	}
	return true
}
