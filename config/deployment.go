package config

// The values of APP_ENV.
const (
	Development = "development"
	Production  = "production"
)

// Deployment is the kind of deployment. It is embedded in [Settings].
type Deployment struct {
	Environment string `env:"APP_ENV" envDefault:"development"`
}

// InProduction reports whether APP_ENV is production.
func (d Deployment) InProduction() bool { return d.Environment == Production }

func deploymentSection() section {
	return section{
		title: "Environment",
		variables: []description{
			{"APP_ENV", "development, or production, which refuses to start with unsafe settings"},
		},
		check:  checkDeployment,
		deploy: deployDeployment,
	}
}

func checkDeployment(c *checker) {
	c.oneOf("APP_ENV", c.settings.Environment, Development, Production)
}

func deployDeployment(c *checker) {
	if !c.settings.InProduction() {
		c.fail("APP_ENV", "is "+c.settings.Environment+", which accepts settings that are unsafe on the internet",
			"Set APP_ENV=production.")
	}
}
