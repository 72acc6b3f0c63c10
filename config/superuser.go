package config

// Superuser configures createsuperuser --no-input.
type Superuser struct {
	Email    string `env:"SUPERUSER_EMAIL"`
	Password Secret `env:"SUPERUSER_PASSWORD"`
}

func superuserSection() section {
	return section{
		title: "createsuperuser --no-input",
		variables: []description{
			{"SUPERUSER_EMAIL", "email address of the superuser"},
			{"SUPERUSER_PASSWORD", "password of the superuser"},
		},
		prefixes: []string{"SUPERUSER_"},
		deploy:   deploySuperuser,
	}
}

func deploySuperuser(c *checker) {
	if c.settings.Superuser.Password.IsSet() {
		c.warn("SUPERUSER_PASSWORD", "is still set, and every process that this one starts can read it",
			"Remove it once createsuperuser has run.")
	}
}
