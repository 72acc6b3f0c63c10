// Package models owns what is stored and the rules about it: the tables and their managers. It knows GORM and
// passwords; it knows neither HTTP nor the environment.
package models

// All lists a zero value of every stored model, in the order in which their tables can be created. The migrations are
// compared with it.
func All() []any {
	return []any{&User{}, &Session{}, &AuditEvent{}, &SigningKey{}, &LoginThrottle{}, &ImportedAccount{}}
}
