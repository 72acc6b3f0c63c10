// Package config loads and checks the settings: from the environment, from .env and from the files that NAME_FILE names.
// It returns plain values and does not act on them; only [EnsureSecretKey] writes a file.
//
// Each subject has a file with its struct, the description of its variables, its checks and its deploy findings. A new
// subject adds such a file, a field to [Settings] and a line to sections.
package config

import (
	"errors"
	"slices"
)

// Settings are all settings of the service, as [Load] found them valid. Printing them reveals no secret.
type Settings struct {
	Deployment
	Secrets

	Server    Server
	Database  Database
	JWT       JWT
	Session   Session
	Password  Password
	Hash      Hash
	Account   Account
	Audit     Audit
	Mail      Mail
	RateLimit RateLimit
	Metrics   Metrics
	Log       Log
	Django    Django
	Superuser Superuser

	// Warnings are likely mistakes that don't prevent a start, such as a misspelt variable.
	Warnings []string
}

// sections returns the subjects in the order of .env.example.
func sections() []section {
	return []section{
		deploymentSection(),
		serverSection(),
		secretsSection(),
		databaseSection(),
		tokensSection(),
		sessionsSection(),
		passwordsSection(),
		accountsSection(),
		auditSection(),
		mailSection(),
		rateLimitsSection(),
		metricsSection(),
		logSection(),
		djangoSection(),
		superuserSection(),
	}
}

// Load reads the settings from environ, in the form of [os.Environ], and from the file .env in dir, if it exists; the
// environment takes precedence. A file that NAME_FILE names may hold the value of any variable. The error is a [LoadError]
// with everything that is wrong; the settings returned with it are incomplete and only good for reporting. Load writes
// nothing: in development on SQLite, SecretKey may be unset until [EnsureSecretKey].
func Load(environ []string, dir string) (Settings, error) {
	dotenv, err := readDotenv(dir)
	if err != nil {
		return Settings{}, err // without .env, all other findings might be false
	}
	environment := split(environ)
	values, findings := gather(dir, environment, dotenv)
	settings, unparsed := parse(values)
	findings = append(findings, unparsed...)
	settings.complete(values)
	findings = append(findings, settings.check(findings)...)
	settings.Warnings = spellingWarnings(environment, dotenv)
	if len(findings) > 0 {
		return settings, LoadError(sorted(findings))
	}
	return settings, nil
}

// LoadFor returns the settings for work that depends on these variables alone, and can be done while others are wrong or missing.
// The error is a [LoadError] about one of these, or about .env.
func LoadFor(environ []string, dir string, variables ...string) (Settings, error) {
	settings, err := Load(environ, dir)
	var findings LoadError
	if !errors.As(err, &findings) {
		return settings, err
	}
	others := func(f Finding) bool { return !slices.Contains(append(variables, dotenvName), f.Subject) }
	if findings = slices.DeleteFunc(findings, others); len(findings) > 0 {
		return settings, findings
	}
	return settings, nil
}

// complete sets the defaults that depend on other settings, and normalizes values.
func (s *Settings) complete(values map[string]string) {
	for _, section := range sections() {
		if section.complete != nil {
			section.complete(s, values)
		}
	}
}

// check returns what is wrong with the settings, apart from the variables that already have a finding.
func (s *Settings) check(found []Finding) []Finding {
	c := &checker{settings: *s, reported: found}
	for _, section := range sections() {
		if section.check != nil {
			section.check(c)
		}
	}
	return c.findings
}

// DeployFindings returns what is unsafe, or could be safer, about serving the internet with settings. Load refuses some of
// it in production, so that it is only found before APP_ENV is changed. Each variable has one finding at most, its most severe
// one, and none if it is among those already found.
func DeployFindings(settings Settings, found ...Finding) []Finding {
	c := &checker{settings: settings, reported: found}
	for _, section := range sections() {
		if section.deploy != nil {
			section.deploy(c)
		}
	}
	return sorted(mostSevere(c.findings))
}
