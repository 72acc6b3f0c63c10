package config_test

import (
	"testing"
)

func TestAudit_check(t *testing.T) {
	t.Parallel()
	requireRefused(t, []refusal{
		{"AUDIT_RETENTION", []string{"0", "23h", "87601h"}, "from 24h0m0s to 87600h0m0s", nil},
	})
}
