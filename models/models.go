// Package models owns what is stored and the rules about it: the tables of accounts and their managers. It knows GORM,
// passwords, signed tokens and the job queue; it knows neither HTTP nor the environment.
//
// A table is written by the files that bear its name alone: users by user_*.go, sessions by session_*.go, and so on.
package models

// All returns a zero value of every stored model of the account core, in the order in which their tables can be created.
func All() []any {
	return []any{&User{}, &Session{}, &AuditEvent{}, &LoginThrottle{}, &OneTimeToken{}, &ImportedAccount{}}
}
