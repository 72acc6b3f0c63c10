package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

// postgresDialector is GORM's dialector, except that neither its errors nor its log lines contain values.
type postgresDialector struct{ *postgres.Dialector }

// Explain returns the statement without its values. GORM's logger options leave them in after a Scan.
func (postgresDialector) Explain(sql string, _ ...any) string { return sql }

// openPostgres returns a pool of connections whose time zone is UTC. It does not connect yet.
func openPostgres(rawURL string) (*sql.DB, error) {
	config, err := parsePostgresURL(rawURL)
	if err != nil {
		return nil, err
	}
	return stdlib.OpenDB(*config, stdlib.OptionAfterConnect(scanTimesAsUTC)), nil
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

func scanTimesAsUTC(_ context.Context, conn *pgx.Conn) error {
	conn.TypeMap().RegisterType(&pgtype.Type{
		Name:  "timestamptz",
		OID:   pgtype.TimestamptzOID,
		Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
	return nil
}

// Translate returns GORM's error for err where there is one. Otherwise it replaces PostgreSQL's message, which quotes values
// (`invalid input syntax for type uuid: "…"`), by its code; errors.As still finds the *pgconn.PgError.
func (d postgresDialector) Translate(err error) error {
	if translated := d.Dialector.Translate(err); isTranslated(translated) {
		return translated
	}
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return &postgresError{pgErr}
	}
	return err
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
