package server

import (
	"latchkey/config"
	"latchkey/controllers"
	"latchkey/jobs"
	"latchkey/models"
	"latchkey/tokens"
)

// Managers are the managers of the account core, and the queue that they put mails into.
type Managers struct {
	Audit    *models.AuditLog
	Users    *models.UserManager
	Sessions *models.SessionManager
	Logins   *models.LoginManager
	Imports  *models.ImportManager
	Queue    *jobs.Queue

	OneTimeTokens *models.OneTimeTokenManager
	Verifications *models.VerificationManager
}

// NewManagers constructs the managers that the settings describe, on the database of the resources.
func NewManagers(settings config.Settings, with Resources) (Managers, error) {
	codecs, err := newCodecs(settings)
	if err != nil {
		return Managers{}, err
	}
	queue, err := NewQueue(with)
	if err != nil {
		return Managers{}, err
	}
	takes, err := takenAddresses(settings, with)
	if err != nil {
		return Managers{}, err
	}
	audit := models.NewAuditLog(with.DB, notices(settings.Account, queue), with.Log, with.Now)
	store, rules := models.NewStore(with.DB, audit, with.Now), passwordRules(settings, with.Hasher)
	sessions := models.NewSessionManager(store, codecs.refresh, models.SessionRules{
		Idle: settings.Session.IdleTimeout, Lifetime: settings.Session.Lifetime, Grace: settings.Session.RefreshGrace,
	})
	oneTimeTokens := models.NewOneTimeTokenManager(store, codecs.oneTime, models.Post{Queue: queue, Takes: takes})
	users := models.NewUserManager(store, rules, sessions, oneTimeTokens)
	return Managers{
		Audit: audit, Users: users, Sessions: sessions, OneTimeTokens: oneTimeTokens, Queue: queue,
		Logins:        models.NewLoginManager(store, users, sessions, codecs.device, newVerification(settings).admission),
		Imports:       models.NewImportManager(store, rules, users, sessions),
		Verifications: models.NewVerificationManager(store, users, sessions, oneTimeTokens, codecs.device),
	}, nil
}

// codecs encode and decode the tokens that are not JSON Web Tokens.
type codecs struct {
	refresh, device, oneTime *tokens.Codec
}

func newCodecs(settings config.Settings) (made codecs, err error) {
	for _, kind := range []struct {
		prefix, purpose string
		into            **tokens.Codec
	}{
		{"lkr_", "refresh-token", &made.refresh},
		{"lkd_", "device-token", &made.device},
		{"lko_", "one-time-token", &made.oneTime},
	} {
		if *kind.into, err = tokens.NewCodec(kind.prefix, derivedKeys(settings, kind.purpose)...); err != nil {
			return codecs{}, err
		}
	}
	return made, nil
}

// NewQueue constructs the queue in the database of the resources, whose hasher may be nil.
func NewQueue(with Resources) (*jobs.Queue, error) {
	pool, err := with.DB.DB()
	if err != nil {
		return nil, err
	}
	return jobs.NewQueue(jobs.Options{DB: pool, Dialect: with.DB.Name(), Log: with.Log, Now: with.Now})
}

// verification is how the service treats addresses that are not verified: how it responds to a sign-up, and whether such a
// user may log in.
type verification struct {
	signup    controllers.SignupMode
	admission models.Admission
}

// newVerification returns the rules that EMAIL_VERIFICATION and SIGNUP_ENUMERATION_SAFE set.
func newVerification(settings config.Settings) verification {
	rules := verification{controllers.SignupOpens, models.AdmitAll}
	if settings.Account.EmailVerification == config.VerificationRequired {
		rules = verification{controllers.SignupConfirms, models.AdmitVerified}
	}
	if settings.Account.SignupEnumerationSafe {
		rules.signup = controllers.SignupHides
	}
	return rules
}
