package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

// postgresDialector is GORM's dialector, except that neither its errors nor its log lines contain values, and that it knows which
// errors are ErrUnavailable.
type postgresDialector struct {
	*postgres.Dialector
	url     string
	outages *outageLog
}

// openAgain opens another pool on the same database.
// openAgain opens another pool on the same database, which tries all of its hosts within the time that a probe has.
func (d postgresDialector) openAgain() (*sql.DB, error) {
	return openPostgres(d.url, func(config *pgx.ConnConfig) {
		config.ConnectTimeout = probeTimeout / time.Duration(1+len(config.Fallbacks))
	})
}

// Explain returns the statement without its values. GORM's logger options leave them in after a Scan.
func (postgresDialector) Explain(sql string, _ ...any) string { return sql }

// openPostgres returns a pool of connections whose time zone is UTC, and which are otherwise as the URL and the options say. It
// does not connect yet.
func openPostgres(rawURL string, options ...func(*pgx.ConnConfig)) (*sql.DB, error) {
	config, err := parsePostgresURL(rawURL)
	if err != nil {
		return nil, err
	}
	for _, option := range options {
		option(config)
	}
	stale := newStaleness()
	config.Tracer = stale
	config.DialFunc = dialer().DialContext
	return stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(_ context.Context, conn *pgx.Conn) error {
		stale.note(conn)
		scanTimesAsUTC(conn)
		return nil
	}), stdlib.OptionResetSession(stale.check)), nil
}

// boundStatements has PostgreSQL itself end what this process can't: the statements and locks of a replica that has vanished. A
// bound in the URL stays as it is, and none of them ends the wait of a commit for its standby. It changes nothing if statement
// is 0.
func boundStatements(statement time.Duration) func(*pgx.ConnConfig) {
	const lock, idle = 3 * time.Second, 30 * time.Second
	return func(config *pgx.ConnConfig) {
		if statement == 0 || isForPooler(config) {
			return
		}
		for name, bound := range map[string]time.Duration{
			"statement_timeout": statement, "lock_timeout": lock, "idle_in_transaction_session_timeout": idle,
		} {
			if config.RuntimeParams[name] == "" {
				config.RuntimeParams[name] = strconv.FormatInt(bound.Milliseconds(), 10)
			}
		}
	}
}

// isForPooler reports whether the URL is for a pooler such as PgBouncer, which refuses parameters that it does not know.
func isForPooler(config *pgx.ConnConfig) bool {
	return config.DefaultQueryExecMode != pgx.QueryExecModeCacheStatement
}

func parsePostgresURL(rawURL string) (*pgx.ConnConfig, error) {
	if _, err := url.Parse(rawURL); err != nil {
		// The parser's own error quotes the URL, and the password with it.
		return nil, errors.New("the database URL is not a valid URL: it reads postgres://user:password@host:port/name, " +
			"with special characters in the password percent-encoded")
	}
	config, err := pgx.ParseConfig(rawURL)
	if err != nil {
		return nil, fmt.Errorf("the database URL is not a valid PostgreSQL URL: %s", withoutSecrets(err, rawURL))
	}
	config.RuntimeParams["timezone"] = "UTC"
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	return config, nil
}

// withoutSecrets returns the text of err with the URL's passwords masked. pgx masks the user's password, but not in every
// spelling.
func withoutSecrets(err error, rawURL string) string {
	text := strings.ReplaceAll(err.Error(), rawURL, "***")
	parsed, parseErr := url.Parse(rawURL)
	if parseErr != nil {
		return "unreadable"
	}
	secrets := parsed.Query()["password"]
	secrets = append(secrets, parsed.Query()["sslpassword"]...)
	if password, ok := parsed.User.Password(); ok {
		secrets = append(secrets, password)
	}
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
			text = strings.ReplaceAll(text, url.QueryEscape(secret), "***")
			text = strings.ReplaceAll(text, url.PathEscape(secret), "***")
		}
	}
	return text
}

func scanTimesAsUTC(conn *pgx.Conn) {
	conn.TypeMap().RegisterType(&pgtype.Type{
		Name:  "timestamptz",
		OID:   pgtype.TimestamptzOID,
		Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
}

// Translate returns GORM's error for err where there is one. Otherwise it replaces PostgreSQL's message, which quotes values
// (`invalid input syntax for type uuid: "…"`), by its code; errors.As still finds the *pgconn.PgError.
func (d postgresDialector) Translate(err error) error {
	if translated := d.Dialector.Translate(err); isTranslated(translated) {
		return translated
	}
	var pgErr *pgconn.PgError
	var connecting *pgconn.ConnectError // has the host and the cause, and no values
	if errors.As(err, &pgErr) && !errors.As(err, &connecting) {
		err = &postgresError{pgErr}
	}
	return d.outages.translate(err)
}

func isTranslated(err error) bool {
	return errors.Is(err, gorm.ErrDuplicatedKey) || errors.Is(err, gorm.ErrForeignKeyViolated) ||
		errors.Is(err, gorm.ErrInvalidField) || errors.Is(err, gorm.ErrCheckConstraintViolated)
}

type postgresError struct{ cause *pgconn.PgError }

func (e *postgresError) Error() string {
	text := "PostgreSQL refused the statement (SQLSTATE " + e.cause.Code
	for _, part := range []struct{ label, name string }{
		{"table", e.cause.TableName}, {"column", e.cause.ColumnName}, {"constraint", e.cause.ConstraintName},
	} {
		if part.name != "" {
			text += ", " + part.label + " " + part.name
		}
	}
	return text + ")"
}

func (e *postgresError) Unwrap() error { return e.cause }
