package testkit

import (
	"cmp"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/models"
	"latchkey/passwords"
	"latchkey/tokens"
)

// ManagerOptions are what a test chooses for its managers. The defaults are a clock that stands still, a fast hasher, one key for
// imports, sessions that end after 24 hours idle and 72 hours in all with a grace period of 30 s, and no log.
type ManagerOptions struct {
	Now        func() time.Time
	Hasher     *passwords.Pool
	ImportKeys []string
	Sessions   models.SessionRules
	Log        *slog.Logger
}

// Managers are the managers of package models, on one database and without mail.
type Managers struct {
	Audit    *models.AuditLog
	Users    *models.UserManager
	Sessions *models.SessionManager
	Logins   *models.LoginManager
	Imports  *models.ImportManager
}

// NewManagers constructs the managers on db, without the service around them.
func NewManagers(t testing.TB, db *gorm.DB, options ManagerOptions) Managers {
	t.Helper()
	if options.Now == nil {
		options.Now = NewClock().Now
	}
	if options.Hasher == nil {
		options.Hasher = FastHasher(t)
	}
	if options.Sessions == (models.SessionRules{}) {
		options.Sessions = models.SessionRules{Idle: 24 * time.Hour, Lifetime: 72 * time.Hour, Grace: 30 * time.Second}
	}
	rules := models.PasswordRules{
		Hasher: options.Hasher, Policy: passwords.NewPolicy(8), Decoys: passwords.NewDecoys([]byte("a key for decoys")),
	}
	for _, key := range options.ImportKeys {
		rules.ImportKeys = append(rules.ImportKeys, []byte(key))
	}
	if rules.ImportKeys == nil {
		rules.ImportKeys = [][]byte{[]byte("a key")}
	}
	audit := models.NewAuditLog(db, models.Notices{}, cmp.Or(options.Log, slog.New(slog.DiscardHandler)), options.Now)
	store := models.NewStore(db, audit, options.Now)
	sessions := models.NewSessionManager(store, codec(t, "lkr_"), options.Sessions)
	users := models.NewUserManager(store, rules, sessions, models.NewOneTimeTokenManager(store, codec(t, "lko_"), models.Post{}))
	return Managers{
		Audit: audit, Users: users, Sessions: sessions,
		Logins:  models.NewLoginManager(store, users, sessions, codec(t, "lkd_"), models.AdmitAll),
		Imports: models.NewImportManager(store, rules, users, sessions),
	}
}

// NewStore makes the store of one manager alone, whose events go nowhere but into the database.
func NewStore(db *gorm.DB, now func() time.Time) models.Store {
	return models.NewStore(db, models.NewAuditLog(db, models.Notices{}, slog.New(slog.DiscardHandler), now), now)
}

// codec returns a codec for the tokens of one prefix, with a key of its own.
func codec(t testing.TB, prefix string) *tokens.Codec {
	t.Helper()
	made, err := tokens.NewCodec(prefix, []byte("thirty-two bytes of secret stuff "+prefix))
	require.NoError(t, err)
	return made
}
