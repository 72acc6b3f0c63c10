package config

import "time"

// The values of EMAIL_VERIFICATION: new users are not asked to confirm their email address, are asked to, or have to before
// they can log in.
const (
	VerificationOff      = "off"
	VerificationOptional = "optional"
	VerificationRequired = "required"
)

// Account configures the life of accounts, from sign-up to deletion. EmailVerification is one of the constants above. With
// SignupEnumerationSafe, a sign-up does not reveal whether the email has an account. DeletionGrace is how long a login
// restores a deleted account.
type Account struct {
	EmailVerification     string        `env:"EMAIL_VERIFICATION" envDefault:"optional"`
	SecurityNotices       Switch        `env:"SECURITY_NOTICES" envDefault:"on"`
	DeletionGrace         time.Duration `env:"ACCOUNT_DELETION_GRACE" envDefault:"336h"`
	SignupEnumerationSafe bool          `env:"SIGNUP_ENUMERATION_SAFE" envDefault:"false"`
}

func accountsSection() section {
	return section{
		title: "Accounts",
		variables: []description{
			{"EMAIL_VERIFICATION", "off; optional: new users are asked to confirm their address; required: before they can log in"},
			{"SECURITY_NOTICES", "off: no mail about new devices, changed passwords and ended sessions"},
			{"ACCOUNT_DELETION_GRACE", "how long logging in restores an account that its user deleted; 0: not at all"},
			{"SIGNUP_ENUMERATION_SAFE", "true: a sign-up gets the same response whether or not the email has an account, and no session"},
		},
		check: checkAccounts,
	}
}

func checkAccounts(c *checker) {
	account := c.settings.Account
	known := c.oneOf("EMAIL_VERIFICATION", account.EmailVerification,
		VerificationOff, VerificationOptional, VerificationRequired)
	if known && account.EmailVerification == VerificationRequired && c.settings.Mail.IsOff() {
		c.fail("EMAIL_VERIFICATION", "is required, but SMTP_URL=none sends no mail to confirm an address with",
			"Set SMTP_URL, or EMAIL_VERIFICATION=off.")
	}
	c.within("ACCOUNT_DELETION_GRACE", account.DeletionGrace, 0, year)
}
