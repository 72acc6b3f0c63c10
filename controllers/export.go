package controllers

import (
	"time"

	"github.com/google/uuid"

	"latchkey/models"
)

// exportResponse is everything that is stored about a user.
type exportResponse struct {
	User          exportedUser      `json:"user"`
	Sessions      []exportedSession `json:"sessions"`
	Devices       []exportedDevice  `json:"devices"`
	OneTimeTokens []exportedToken   `json:"one_time_tokens"`
	AuditEvents   []exportedEvent   `json:"audit_events"`
	Imported      []exportedImport  `json:"imported"`
}

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
	Kind      string    `json:"kind"`
	Detail    string    `json:"detail"`
	SessionID uuid.UUID `json:"session_id"`
	IP        string    `json:"ip"`
	RequestID string    `json:"request_id"`
	CreatedAt time.Time `json:"created_at"`
}

func newExportResponse(data *models.PersonalData) exportResponse {
	response := exportResponse{
		User: exportedUser{
			userResponse: newUserResponse(data.User), IsActive: data.User.IsActive, HasPassword: data.User.HasPassword(),
			EmailVerifiedAt: data.User.EmailVerifiedAt, DeletionDueAt: data.User.DeletionDueAt,
			LegacyID: data.User.LegacyID, LegacyUsername: data.User.LegacyUsername,
		},
		Sessions: make([]exportedSession, len(data.Sessions)), Devices: make([]exportedDevice, len(data.Devices)),
		OneTimeTokens: make([]exportedToken, len(data.OneTimeTokens)), AuditEvents: make([]exportedEvent, len(data.AuditEvents)),
		Imported: make([]exportedImport, len(data.Imported)),
	}
	for i, s := range data.Sessions {
		response.Sessions[i] = exportedSession{
			s.ID, s.ClientName, s.UserAgent, s.IP, s.AuthMethod, s.CreatedAt, s.LastUsedAt, s.ExpiresAt, s.EndedAt, s.EndReason,
		}
	}
	for i, d := range data.Devices {
		response.Devices[i] = exportedDevice{d.DeviceID, d.Failures, d.SeenAt}
	}
	for i, t := range data.OneTimeTokens {
		response.OneTimeTokens[i] = exportedToken{string(t.Purpose), t.Address, t.CreatedAt, t.ExpiresAt, t.EndedAt, t.EndReason}
	}
	for i, e := range data.AuditEvents {
		response.AuditEvents[i] = exportedEvent{e.Kind, e.Detail, e.SessionID, e.IP, e.RequestID, e.CreatedAt}
	}
	for i, a := range data.Imported {
		response.Imported[i] = exportedImport{a.Email, a.FirstName, a.LastName, a.IsActive, a.IsStaff, a.IsSuperuser}
	}
	return response
}
