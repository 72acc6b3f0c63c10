package server

import (
	"github.com/gin-gonic/gin"

	"latchkey/api"
	"latchkey/config"
	"latchkey/controllers"
	"latchkey/middleware"
	"latchkey/problems"
	"latchkey/routes"
	"latchkey/web"
)

// newControllers constructs the controllers of every route.
func newControllers(p parts) (routes.Controllers, error) {
	documents, err := newDocuments(p.settings)
	if err != nil {
		return routes.Controllers{}, err
	}
	pages := web.NewPages(p.Verifications, web.PageSettings{
		Service: p.settings.ServiceName(), MinPasswordLength: p.settings.Password.MinLength,
		Devices: web.DeviceCookie{
			Token: func(c *gin.Context) string { return controllers.DeviceToken(c, "") }, Set: controllers.SetDeviceCookie,
		},
	})
	cursors := controllers.NewCursors(derivedKeys(p.settings, "cursors")...)
	families, err := newFamilies(p)
	if err != nil {
		return routes.Controllers{}, err
	}
	sessions := controllers.NewSessions(p.Sessions, p.access, p.settings.JWT.AuthHeaderPrefix, cursors)
	return routes.Controllers{
		Documents: documents,
		Health:    controllers.NewHealth(p.ready),
		WellKnown: controllers.NewWellKnown(p.keys, p.settings.JWT.Issuer, p.settings.Server.PublicURL),
		Auth:      controllers.NewAuth(p.Users, p.Logins, p.access, newVerification(p.settings).signup),
		Profile:   controllers.NewProfile(p.Users),
		Password:  controllers.NewPassword(p.Users, p.Verifications),
		Sessions:  sessions,
		Tokens:    controllers.NewTokens(p.Sessions, p.access),
		Email:     controllers.NewEmail(p.Verifications, sessions),
		Account:   controllers.NewAccount(p.Users, p.Sessions, p.settings.Account.DeletionGrace),
		Pages:     pages,
		DevMail:   p.mailer.page,
		Families:  families,
	}, nil
}

// newDocuments constructs the contract, the page of documentation and the page of errors.
func newDocuments(settings config.Settings) (routes.Documents, error) {
	contract := api.NewContract()
	documents := routes.Documents{Contract: contract, Errors: api.NewErrors(contract, problems.Statuses())}
	if !settings.Server.Docs {
		return documents, nil
	}
	var err error
	documents.Docs, err = api.NewDocs(middleware.NotFound)
	return documents, err
}

// newFamilies constructs the families of routes that stand apart. A family is its folder below controllers, its file here and
// its line in this list; without them it is gone.
func newFamilies(p parts) (families []routes.Family, err error) {
	for _, construct := range []func(parts) (routes.Family, error){
		newDjango,
	} {
		family, err := construct(p)
		if err != nil {
			return nil, err
		}
		if family != nil {
			families = append(families, family)
		}
	}
	return families, nil
}
