package controllers

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/middleware"
	"latchkey/models"
)

// Profile serves the user's own profile.
type Profile struct {
	users *models.UserManager
}

// NewProfile returns the controller of the user's own profile.
func NewProfile(users *models.UserManager) *Profile {
	return &Profile{users: users}
}

type userResponse struct {
	ID          string     `json:"id"`
	Email       string     `json:"email"`
	FirstName   string     `json:"first_name"`
	LastName    string     `json:"last_name"`
	FullName    string     `json:"full_name"`
	IsStaff     bool       `json:"is_staff"`
	IsSuperuser bool       `json:"is_superuser"`
	DateJoined  time.Time  `json:"date_joined"`
	LastLogin   *time.Time `json:"last_login"`

	EmailVerified bool   `json:"email_verified"`
	Locale        string `json:"locale"`
	Timezone      string `json:"timezone"`
}

func newUserResponse(user *models.User) userResponse {
	return userResponse{
		ID:          user.ID.String(),
		Email:       user.Email,
		FirstName:   user.FirstName,
		LastName:    user.LastName,
		FullName:    user.FullName(),
		IsStaff:     user.IsStaff,
		IsSuperuser: user.IsSuperuser,
		DateJoined:  user.DateJoined,
		LastLogin:   user.LastLogin,

		EmailVerified: user.EmailVerifiedAt != nil,
		Locale:        user.Locale,
		Timezone:      user.Timezone,
	}
}

type updateRequest struct {
	FirstName *string `json:"first_name"`
	LastName  *string `json:"last_name"`
	preferences
	shownOnly
}

type replaceRequest struct {
	FirstName string `json:"first_name" bind:"required"`
	LastName  string `json:"last_name" bind:"required"`
	preferences
	shownOnly
}

// preferences are the language and the time zone of the emails to a user. They are optional in a replacement too, so that clients
// that don't know them leave them unchanged.
type preferences struct {
	Locale   *string `json:"locale"`
	Timezone *string `json:"timezone"`
}

// shownOnly has the fields of the profile that a client can read and can't set here.
type shownOnly struct {
	ID          readOnly `json:"id"`
	Email       readOnly `json:"email"`
	FullName    readOnly `json:"full_name"`
	IsStaff     readOnly `json:"is_staff"`
	IsSuperuser readOnly `json:"is_superuser"`
	DateJoined  readOnly `json:"date_joined"`
	LastLogin   readOnly `json:"last_login"`

	EmailVerified readOnly `json:"email_verified"`
}

// Show responds with the profile of the authenticated user.
func (p *Profile) Show(c *gin.Context) error {
	c.JSON(http.StatusOK, newUserResponse(middleware.User(c)))
	return nil
}

// Update changes the fields that the request has, and responds with the changed profile.
func (p *Profile) Update(c *gin.Context) error {
	var request updateRequest
	if err := Bind(c, &request); err != nil {
		return err
	}
	return p.change(c, models.ProfileChange{
		FirstName: request.FirstName, LastName: request.LastName, Locale: request.Locale, Timezone: request.Timezone,
	})
}

// Replace changes every field that can be changed. A missing name is a field error.
func (p *Profile) Replace(c *gin.Context) error {
	var request replaceRequest
	if err := Bind(c, &request); err != nil {
		return err
	}
	return p.change(c, models.ProfileChange{
		FirstName: &request.FirstName, LastName: &request.LastName, Locale: request.Locale, Timezone: request.Timezone,
	})
}

func (p *Profile) change(c *gin.Context, change models.ProfileChange) error {
	user, err := p.users.UpdateProfile(c.Request.Context(), middleware.User(c).ID, change)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, newUserResponse(user))
	return nil
}
