// Package models owns what is stored and the rules about it: the tables and their managers. It knows GORM and
// passwords; it knows neither HTTP nor the environment.
package models

import (
	"database/sql"
	"errors"

	"gorm.io/gorm"
)

// All lists a zero value of every stored model, in the order in which their tables can be created. The migrations are
// compared with it.
func All() []any {
	return []any{&User{}, &Session{}, &AuditEvent{}, &SigningKey{}, &LoginThrottle{}, &OneTimeToken{}}
}

// sqlTx is the transaction that tx works in, for what works in it without GORM.
func sqlTx(tx *gorm.DB) (*sql.Tx, error) {
	switch conn := tx.Statement.ConnPool.(type) {
	case *sql.Tx:
		return conn, nil
	case interface{ Tx() *sql.Tx }:
		return conn.Tx(), nil
	default:
		return nil, errors.New("not in a transaction")
	}
}
