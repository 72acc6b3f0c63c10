package config_test

import (
	"testing"
)

func TestAccount_check(t *testing.T) {
	t.Parallel()
	requireRefused(t, []refusal{
		{"EMAIL_VERIFICATION", []string{"on", "Required"}, "not a valid value", nil},
		{"EMAIL_VERIFICATION", []string{"required"}, "sends no mail", []string{"SMTP_URL=none"}},
		{"SECURITY_NOTICES", []string{"some"}, "not on or off", nil},
		{"ACCOUNT_DELETION_GRACE", []string{"-1h", "9000h"}, "from 0s to", nil},
	})
}
