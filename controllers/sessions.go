package controllers

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"latchkey/middleware"
	"latchkey/models"
	"latchkey/tokens"
)

// Sessions serves the list of the user's sessions, and ends them.
type Sessions struct {
	sessions *models.SessionManager
	access   *tokens.AccessTokens
	scheme   string
	cursors  *Cursors
}

// NewSessions returns the controller of sessions. scheme is that of the Authorization header.
func NewSessions(sessions *models.SessionManager, access *tokens.AccessTokens, scheme string, cursors *Cursors) *Sessions {
	return &Sessions{sessions: sessions, access: access, scheme: scheme, cursors: cursors}
}

type sessionResponse struct {
	ID         string    `json:"id"`
	Current    bool      `json:"current"`
	ClientName string    `json:"client_name"`
	UserAgent  string    `json:"user_agent"`
	IP         string    `json:"ip"`
	AuthMethod string    `json:"auth_method"`
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at"`
	ExpiresAt  time.Time `json:"expires_at"`
}

type sessionsResponse struct {
	Sessions   []sessionResponse `json:"sessions"`
	NextCursor *string           `json:"next_cursor"` // null on the last page
}

// sessionPosition is the last session of a page.
type sessionPosition struct {
	LastUsedAt time.Time `json:"last_used_at"`
	ID         uuid.UUID `json:"id"`
}

// List responds with a page of the user's live sessions, most recently used first. Without a limit it is as long as the number of
// sessions that a user may have, so that clients which know of no pages get them all.
func (s *Sessions) List(c *gin.Context) error {
	current := middleware.Session(c)
	page, err := s.page(c, current.UserID)
	if err != nil {
		return err
	}
	live, more, err := s.sessions.List(c.Request.Context(), current.UserID, page)
	if err != nil {
		return err
	}
	response := sessionsResponse{Sessions: make([]sessionResponse, len(live))}
	for i, session := range live {
		response.Sessions[i] = sessionResponse{
			ID: session.ID.String(), Current: session.ID == current.ID,
			ClientName: session.ClientName, UserAgent: session.UserAgent, IP: session.IP, AuthMethod: session.AuthMethod,
			CreatedAt: session.CreatedAt, LastUsedAt: session.LastUsedAt, ExpiresAt: session.ExpiresAt,
		}
	}
	if more {
		last := live[len(live)-1]
		next, err := s.cursors.Next(sessionsScope(current.UserID), sessionPosition{last.LastUsedAt, last.ID})
		if err != nil {
			return err
		}
		response.NextCursor = &next
	}
	c.JSON(http.StatusOK, response)
	return nil
}

// page returns the page that a request asks for.
func (s *Sessions) page(c *gin.Context, user uuid.UUID) (page models.SessionPage, err error) {
	var request pageRequest
	if err := BindQuery(c, &request); err != nil {
		return page, err
	}
	if page.Limit, err = request.size(models.MaxSessions); err != nil || request.Cursor == "" {
		return page, err
	}
	var position sessionPosition
	err = s.cursors.Read(sessionsScope(user), request.Cursor, &position)
	page.After, page.AfterID = position.LastUsedAt, position.ID
	return page, err
}

func sessionsScope(user uuid.UUID) string { return "sessions of " + user.String() }

// Delete ends one of the user's sessions.
func (s *Sessions) Delete(c *gin.Context) error {
	id, err := uuid.Parse(c.Param("id"))
	if err != nil {
		return models.ErrSessionNotFound
	}
	if err := s.sessions.End(c.Request.Context(), middleware.User(c).ID, id,
		models.Ending{Reason: models.EndedByUser, From: middleware.RequestInfo(c)}); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

type logoutRequest struct {
	Scope        string `json:"scope"`
	RefreshToken string `json:"refresh_token"`
}

// clearedAtLogout is what browsers delete of the service's origin at a logout. The cookie of the device is to survive it, and
// nothing else is kept in cookies.
const clearedAtLogout = `"cache", "storage"`

// The scopes of a logout.
const (
	scopeLocal  = "local"
	scopeOthers = "others"
	scopeGlobal = "global"
)

// Logout ends the session that identify returns, all other sessions of its user, or all of them, depending on the scope. A
// session that is over ends no others.
func (s *Sessions) Logout(c *gin.Context) error {
	request := logoutRequest{Scope: scopeLocal}
	if err := BindOptional(c, &request); err != nil {
		return err
	}
	session, err := s.identify(c, request.RefreshToken)
	if request.Scope == scopeLocal && errors.Is(err, models.ErrSessionRevoked) {
		c.Status(http.StatusNoContent) // it was logged out before
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.end(c, session, request.Scope); err != nil {
		return err
	}
	if request.Scope != scopeOthers {
		c.Header("Clear-Site-Data", clearedAtLogout)
	}
	c.Status(http.StatusNoContent)
	return nil
}

// identify returns the live session of the request's refresh token or, if it has none, of its access token. With a refresh token
// an app can log out after its access token has expired.
func (s *Sessions) identify(c *gin.Context, refreshToken string) (*models.Session, error) {
	if refreshToken != "" {
		return s.sessions.Inspect(c.Request.Context(), refreshToken, middleware.RequestInfo(c))
	}
	claims, err := middleware.Bearer(c, s.access, s.scheme)
	if err != nil {
		return nil, err
	}
	return middleware.SessionOf(c, s.sessions, claims)
}

func (s *Sessions) end(c *gin.Context, session *models.Session, scope string) error {
	ctx, ending := c.Request.Context(), models.Ending{Reason: models.EndedByLogout, From: middleware.RequestInfo(c)}
	switch scope {
	case scopeLocal:
		return s.sessions.End(ctx, session.UserID, session.ID, ending)
	case scopeOthers:
		return s.sessions.EndOthers(ctx, session.UserID, session.ID, ending)
	case scopeGlobal:
		return s.sessions.EndAll(ctx, session.UserID, ending)
	default:
		return &models.ValidationError{Errors: []models.FieldError{{
			Field: "scope", Code: models.CodeInvalid, Message: "Must be one of local, others, global.",
		}}}
	}
}
