package torture

import (
	"os"
	"testing"

	"latchkey/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Run(m)) }
