package controllers

import (
	"bufio"
	"context"
	"fmt"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"latchkey/middleware"
	"latchkey/models"
)

type exportedUser struct {
	userResponse
	IsActive        bool       `json:"is_active"`
	HasPassword     bool       `json:"has_password"`
	EmailVerifiedAt *time.Time `json:"email_verified_at"`
	DeletionDueAt   *time.Time `json:"deletion_due_at"`
	LegacyID        *int64     `json:"legacy_id"`
	LegacyUsername  *string    `json:"legacy_username"`
}

// exportedImport is the account as it was in the system that it was imported from.
type exportedImport struct {
	Email       string `json:"email"`
	FirstName   string `json:"first_name"`
	LastName    string `json:"last_name"`
	IsActive    bool   `json:"is_active"`
	IsStaff     bool   `json:"is_staff"`
	IsSuperuser bool   `json:"is_superuser"`
}

type exportedSession struct {
	ID         uuid.UUID  `json:"id"`
	ClientName string     `json:"client_name"`
	UserAgent  string     `json:"user_agent"`
	IP         string     `json:"ip"`
	AuthMethod string     `json:"auth_method"`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt time.Time  `json:"last_used_at"`
	ExpiresAt  time.Time  `json:"expires_at"`
	EndedAt    *time.Time `json:"ended_at"`
	EndReason  string     `json:"end_reason"`
}

type exportedDevice struct {
	ID       uuid.UUID `json:"id"`
	Failures int       `json:"failures"`
	SeenAt   time.Time `json:"seen_at"`
}

type exportedToken struct {
	Purpose   string     `json:"purpose"`
	Address   string     `json:"address"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt time.Time  `json:"expires_at"`
	EndedAt   *time.Time `json:"ended_at"`
	EndReason string     `json:"end_reason"`
}

type exportedEvent struct {
	Kind      string     `json:"kind"`
	Detail    string     `json:"detail"`
	SessionID uuid.UUID  `json:"session_id"`
	IP        string     `json:"ip"`
	RequestID string     `json:"request_id"`
	CreatedAt time.Time  `json:"created_at"`
	Count     int64      `json:"count"`
	LastAt    *time.Time `json:"last_at"`
}

// export writes everything that is stored about a user as one JSON object, and holds one page of one of its lists at a time.
type export struct {
	c    *gin.Context
	data *models.PersonalData
	json *jsontext.Encoder
}

// exportBuffer is how much is written to the client at once. An error before that is a response of its own.
const exportBuffer = 32 << 10

// writeExport writes the export as the response. After an error, part of the response may have been written.
func writeExport(c *gin.Context, data *models.PersonalData) error {
	client := bufio.NewWriterSize(clientWriter{c}, exportBuffer)
	e := &export{c: c, data: data, json: jsontext.NewEncoder(client, jsontext.AllowInvalidUTF8(true))}
	if err := e.write(); err != nil {
		return err
	}
	return client.Flush()
}

func (e *export) write() error {
	if err := e.json.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, member := range []struct {
		name  string
		write func() error
	}{
		{"user", e.writeUser},
		{"sessions", func() error { return writeRows(e, e.data.Sessions, newExportedSession) }},
		{"devices", e.writeDevices},
		{"one_time_tokens", func() error { return writeRows(e, e.data.OneTimeTokens, newExportedToken) }},
		{"audit_events", func() error { return writeRows(e, e.data.AuditEvents, newExportedEvent) }},
		{"imported", e.writeImported},
	} {
		if err := e.json.WriteToken(jsontext.String(member.name)); err != nil {
			return err
		}
		if err := member.write(); err != nil {
			return err
		}
	}
	return e.json.WriteToken(jsontext.EndObject)
}

func (e *export) writeUser() error {
	user := e.data.User
	return json.MarshalEncode(e.json, exportedUser{
		userResponse: newUserResponse(user), IsActive: user.IsActive, HasPassword: user.HasPassword(),
		EmailVerifiedAt: user.EmailVerifiedAt, DeletionDueAt: user.DeletionDueAt,
		LegacyID: user.LegacyID, LegacyUsername: user.LegacyUsername,
	})
}

func (e *export) writeDevices() error {
	devices := make([]exportedDevice, len(e.data.Devices))
	for i, d := range e.data.Devices {
		devices[i] = exportedDevice{d.DeviceID, d.Failures, d.SeenAt}
	}
	return json.MarshalEncode(e.json, devices)
}

func (e *export) writeImported() error {
	imported := make([]exportedImport, len(e.data.Imported))
	for i, a := range e.data.Imported {
		imported[i] = exportedImport{a.Email, a.FirstName, a.LastName, a.IsActive, a.IsStaff, a.IsSuperuser}
	}
	return json.MarshalEncode(e.json, imported)
}

// writeRows writes a list, one page of the database after the other. Each page may take as long as a request.
func writeRows[Row, Exported any](e *export, pages *models.Pages[Row], convert func(Row) Exported) error {
	if err := e.json.WriteToken(jsontext.BeginArray); err != nil {
		return err
	}
	for {
		ctx, cancel := middleware.NextPart(e.c)
		rows, err := pages.Next(ctx)
		cancel()
		if err != nil {
			return err
		}
		if len(rows) == 0 { // behind the last page
			return e.json.WriteToken(jsontext.EndArray)
		}
		for _, row := range rows {
			if err := json.MarshalEncode(e.json, convert(row)); err != nil {
				return err
			}
		}
	}
}

// clientWriter writes the response. Where that fails, the client has gone, or reads too slowly.
type clientWriter struct{ c *gin.Context }

func (w clientWriter) Write(part []byte) (int, error) {
	if !w.c.Writer.Written() {
		w.c.Header("Content-Type", "application/json; charset=utf-8")
		w.c.Header("Content-Disposition", `attachment; filename="account.json"`)
	}
	written, err := w.c.Writer.Write(part)
	if err != nil {
		return written, fmt.Errorf("%w: %v", context.Canceled, err)
	}
	return written, nil
}

func newExportedSession(s models.Session) exportedSession {
	return exportedSession{
		s.ID, s.ClientName, s.UserAgent, s.IP, s.AuthMethod, s.CreatedAt, s.LastUsedAt, s.ExpiresAt, s.EndedAt, s.EndReason,
	}
}

func newExportedToken(t models.OneTimeToken) exportedToken {
	return exportedToken{string(t.Purpose), t.Address, t.CreatedAt, t.ExpiresAt, t.EndedAt, t.EndReason}
}

func newExportedEvent(e models.AuditEvent) exportedEvent {
	return exportedEvent{e.Kind, e.Detail, e.SessionID, e.IP, e.RequestID, e.CreatedAt, e.Count, e.LastAt}
}
