package config

import "slices"

// The values of APP_ENV.
const (
	Development = "development"
	Production  = "production"
)

// What ALLOW_UNENCRYPTED may name.
const (
	unencryptedDatabase = "database"
	unencryptedRedis    = "redis"
)

// Deployment is the kind of deployment. It is embedded in [Settings]. AllowUnencrypted names the servers on other hosts that
// production may reach without TLS.
type Deployment struct {
	Environment      string   `env:"APP_ENV" envDefault:"development"`
	AllowUnencrypted []string `env:"ALLOW_UNENCRYPTED"`
}

// InProduction reports whether APP_ENV is production.
func (d Deployment) InProduction() bool { return d.Environment == Production }

func deploymentSection() section {
	return section{
		title: "Environment",
		variables: []description{
			{"APP_ENV", "development, or production, which refuses to start with unsafe settings"},
			{"ALLOW_UNENCRYPTED", "database, redis: may be without TLS on another host, for a network that nobody else is in"},
		},
		check:  checkDeployment,
		deploy: deployDeployment,
	}
}

func checkDeployment(c *checker) {
	c.oneOf("APP_ENV", c.settings.Environment, Development, Production)
	for _, name := range c.settings.AllowUnencrypted {
		if !c.oneOf("ALLOW_UNENCRYPTED", name, unencryptedDatabase, unencryptedRedis) {
			return
		}
	}
}

// refuseUnencrypted fails variable in production if a server on another host is reached without TLS, unless ALLOW_UNENCRYPTED
// names the kind of server. Problem is why it might be, or "".
func (c *checker) refuseUnencrypted(kind, variable, problem, remedy string) {
	if problem != "" && c.settings.InProduction() && !slices.Contains(c.settings.AllowUnencrypted, kind) {
		c.fail(variable, problem, remedy+" If nobody else is in the network between the two, set ALLOW_UNENCRYPTED="+kind+".")
	}
}

// warnUnencrypted warns of what ALLOW_UNENCRYPTED allows, and fails what production would refuse without it.
func (c *checker) warnUnencrypted(kind, variable, problem, remedy string) {
	switch {
	case problem == "":
	case slices.Contains(c.settings.AllowUnencrypted, kind):
		c.warn(variable, problem+", as ALLOW_UNENCRYPTED says", remedy)
	default:
		c.fail(variable, problem, remedy)
	}
}

func deployDeployment(c *checker) {
	if !c.settings.InProduction() {
		c.fail("APP_ENV", "is "+c.settings.Environment+", which accepts settings that are unsafe on the internet",
			"Set APP_ENV=production.")
	}
}
