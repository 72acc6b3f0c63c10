package middleware

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"latchkey/models"
	"latchkey/tokens"
)

// Django is what the paths of Django's libraries need beside the handlers: credentials of either issuer, and errors in
// Django REST Framework's shapes.
type Django struct {
	access   *tokens.AccessTokens
	django   *tokens.DjangoTokens // nil if none are accepted
	sessions *models.SessionManager
	scheme   string
}

// NewDjango takes access tokens of ours and, unless django is nil, Django's. scheme is that of the Authorization header.
func NewDjango(
	access *tokens.AccessTokens, django *tokens.DjangoTokens, sessions *models.SessionManager, scheme string,
) *Django {
	return &Django{access: access, django: django, sessions: sessions, scheme: scheme}
}

// Authenticate lets a request pass that holds an access token of ours or of Django's, of a live session, and keeps the
// session for Session and User.
func (d *Django) Authenticate() gin.HandlerFunc {
	return func(c *gin.Context) {
		token, err := bearerToken(c.Request.Header.Values("Authorization"), d.scheme)
		if err != nil {
			fail(c, err)
			return
		}
		session, err := d.SessionOf(c, token)
		if err != nil {
			fail(c, err)
			return
		}
		c.Set(sessionKey, session)
		c.Next()
	}
}

// SessionOf is the live session of an access token, ours or Django's.
func (d *Django) SessionOf(c *gin.Context, token string) (*models.Session, error) {
	claims, err := d.access.Verify(token)
	if err == nil {
		return SessionOf(c, d.sessions, claims)
	}
	if d.isRefreshToken(token) {
		return nil, errWrongType
	}
	if d.django == nil || errors.Is(err, tokens.ErrTokenExpired) {
		return nil, err
	}
	foreign, err := d.django.VerifyAccess(token)
	if err != nil {
		return nil, err
	}
	return d.sessions.Adopt(c.Request.Context(), foreign, d.django.Until(), Client(c))
}

// Exchange redeems a refresh token, ours or SimpleJWT's, for a session and its next refresh token.
func (d *Django) Exchange(c *gin.Context, token string) (*models.Grant, error) {
	grant, err := d.sessions.Refresh(c.Request.Context(), token, Client(c))
	if !errors.Is(err, models.ErrRefreshTokenInvalid) {
		return grant, err
	}
	if d.isAccessToken(token) {
		return nil, errWrongType
	}
	if d.django == nil {
		return nil, err
	}
	foreign, err := d.django.VerifyRefresh(token)
	if err != nil {
		return nil, err
	}
	return d.sessions.Exchange(c.Request.Context(), foreign, Client(c))
}

// Renew is the session that goes on with a new access token for one that has not expired yet and says orig_iat, as
// djangorestframework-jwt has it. A token of Django's gets a session of its own.
func (d *Django) Renew(c *gin.Context, token string) (*models.Session, error) {
	claims, err := d.access.Verify(token)
	switch {
	case err == nil && claims.OriginallyAt != 0:
		session, err := SessionOf(c, d.sessions, claims)
		if err != nil {
			return nil, err
		}
		return session, d.sessions.Touch(c.Request.Context(), session)
	case err == nil:
		return nil, tokens.ErrTokenInvalid
	case d.django == nil || errors.Is(err, tokens.ErrTokenExpired):
		return nil, err
	}
	return d.renewForeign(c, token)
}

func (d *Django) renewForeign(c *gin.Context, token string) (*models.Session, error) {
	foreign, err := d.django.VerifyAccess(token)
	if err != nil {
		return nil, err
	}
	if !foreign.Renewable {
		return nil, tokens.ErrTokenInvalid
	}
	grant, err := d.sessions.Exchange(c.Request.Context(), foreign, Client(c))
	if err != nil {
		return nil, err
	}
	grant.Session.User = grant.User
	return grant.Session, nil
}

// errWrongType is a token that is good for something else.
var errWrongType = errors.New("the token is of another type")

func (d *Django) isAccessToken(token string) bool {
	_, err := d.access.Verify(token)
	if err != nil && d.django != nil {
		_, err = d.django.VerifyAccess(token)
	}
	return err == nil
}

func (d *Django) isRefreshToken(token string) bool {
	if d.sessions.Named(token) != "" {
		return true
	}
	if d.django == nil {
		return false
	}
	_, err := d.django.VerifyRefresh(token)
	return err == nil
}

// Check answers nil for a token of either type, of either issuer, that would be accepted, and redeems nothing.
func (d *Django) Check(c *gin.Context, token string) error {
	_, err := d.SessionOf(c, token)
	if !errors.Is(err, errWrongType) {
		return err
	}
	if _, err := d.sessions.Presented(c.Request.Context(), token, Client(c)); !errors.Is(err, models.ErrRefreshTokenInvalid) {
		return err
	}
	return nil // SimpleJWT's, which was verified
}

// djangoAnswer is what an error looks like to a client of Django REST Framework.
type djangoAnswer struct {
	status int
	body   any
}

type djangoDetail struct {
	Detail   string               `json:"detail"`
	Code     string               `json:"code,omitempty"`
	Messages []djangoTokenMessage `json:"messages,omitempty"`
}

type djangoTokenMessage struct {
	TokenClass string `json:"token_class"`
	TokenType  string `json:"token_type"`
	Message    string `json:"message"`
}

type djangoError struct {
	Error string `json:"error"`
}

// DjangoDialect is which library's words a path answers errors in.
type DjangoDialect int

// Views are the project's own, SimpleJWT and DRFJWT the libraries'.
const (
	DjangoViews DjangoDialect = iota
	DjangoSimpleJWT
	DjangoDRFJWT
)

// Errors answers the errors of a group of routes in Django REST Framework's shapes. It is the only writer of these, as
// the function Errors is of all others, and leaves it the logging.
func (d *Django) Errors(dialect DjangoDialect) gin.HandlerFunc {
	table := answers()
	return func(c *gin.Context) {
		c.Next()
		last := c.Errors.Last()
		if last == nil || c.Writer.Written() {
			return
		}
		c.Abort()
		answer := djangoDescribe(dialect, last.Err, table)
		switch answer.status {
		case http.StatusUnauthorized:
			c.Header("WWW-Authenticate", d.scheme+` realm="api"`)
		case http.StatusServiceUnavailable, http.StatusTooManyRequests:
			c.Header("Retry-After", retryAfter(last.Err))
		}
		c.JSON(answer.status, answer.body)
	}
}

func djangoDescribe(dialect DjangoDialect, err error, table []answer) djangoAnswer {
	var invalid *models.ValidationError
	if errors.As(err, &invalid) {
		return djangoAnswer{http.StatusBadRequest, djangoFields(invalid)}
	}
	for _, row := range djangoRows(dialect) {
		if errors.Is(err, row.err) {
			return row.djangoAnswer
		}
	}
	for _, row := range table {
		if errors.Is(err, row.err) {
			return djangoAnswer{row.status, djangoDetail{Detail: row.detail}}
		}
	}
	return djangoAnswer{http.StatusInternalServerError, djangoDetail{Detail: opaque().Detail}}
}

// djangoFields are messages by field. A few have Django's own words.
func djangoFields(invalid *models.ValidationError) map[string][]string {
	fields := map[string][]string{}
	for _, fault := range invalid.Errors {
		message := fault.Message
		switch {
		case fault.Field == "email" && fault.Code == models.CodeTaken:
			message = "user with this email already exists."
		case fault.Code == models.CodeTooLong:
			message = "Ensure this field has no more than 150 characters."
		}
		fields[fault.Field] = append(fields[fault.Field], message)
	}
	return fields
}

type djangoRow struct {
	err error
	djangoAnswer
}

// djangoRows are the answers of a dialect where they are not what the error is everywhere else.
func djangoRows(dialect DjangoDialect) []djangoRow {
	detail := func(err error, status int, text string) djangoRow {
		return djangoRow{err, djangoAnswer{status, djangoDetail{Detail: text}}}
	}
	rows := []djangoRow{
		detail(ErrCredentialsMissing, http.StatusUnauthorized, "Authentication credentials were not provided."),
		detail(ErrMalformedJSON, http.StatusBadRequest, "JSON parse error - this is not one JSON value in UTF-8"),
		detail(ErrUnsupportedMediaType, http.StatusUnsupportedMediaType, "Unsupported media type in request."),
		detail(ErrRateLimited, http.StatusTooManyRequests, "Request was throttled."),
	}
	switch dialect {
	case DjangoDRFJWT:
		return append(rows, djangoDRFJWTRows()...)
	case DjangoSimpleJWT:
		return append(rows, djangoSimpleJWTRows()...)
	default:
		return append(rows, djangoViewRows()...)
	}
}

func djangoDRFJWTRows() (rows []djangoRow) {
	for _, row := range []struct {
		err     error
		message string
	}{
		{models.ErrInvalidCredentials, "Unable to log in with provided credentials."},
		{tokens.ErrTokenExpired, "Signature has expired."},
		{tokens.ErrTokenInvalid, "Error decoding signature."},
		{errWrongType, "Error decoding signature."},
		{models.ErrSessionRevoked, "Error decoding signature."},
		{models.ErrRefreshTokenReused, "Error decoding signature."},
		{models.ErrSessionExpired, "Refresh has expired."},
		{models.ErrAccountInactive, "User account is disabled."},
		{models.ErrUserNotFound, "User doesn't exist."},
	} {
		body := map[string][]string{"non_field_errors": {row.message}}
		rows = append(rows, djangoRow{row.err, djangoAnswer{http.StatusBadRequest, body}})
	}
	return rows
}

func djangoSimpleJWTRows() []djangoRow {
	rows := []djangoRow{
		{models.ErrInvalidCredentials, djangoAnswer{http.StatusUnauthorized,
			djangoDetail{Detail: "No active account found with the given credentials"}}},
		{errWrongType, djangoAnswer{http.StatusUnauthorized,
			djangoDetail{Detail: "Token has wrong type", Code: "token_not_valid"}}},
	}
	for _, err := range djangoTokenErrors() {
		rows = append(rows, djangoRow{err, djangoAnswer{http.StatusUnauthorized,
			djangoDetail{Detail: "Token is invalid or expired", Code: "token_not_valid"}}})
	}
	return rows
}

// djangoViewRows are the errors of a project's own views behind SimpleJWT's authentication.
func djangoViewRows() []djangoRow {
	rows := []djangoRow{
		{models.ErrInvalidCredentials, djangoAnswer{http.StatusForbidden,
			djangoError{"can not authenticate with the given credentials or the account has been deactivated"}}},
		{models.ErrAccountInactive, djangoAnswer{http.StatusUnauthorized,
			djangoDetail{Detail: "User is inactive", Code: "user_inactive"}}},
		{models.ErrUserNotFound, djangoAnswer{http.StatusUnauthorized,
			djangoDetail{Detail: "User not found", Code: "user_not_found"}}},
	}
	refused := func(err error, message string) djangoRow {
		return djangoRow{err, djangoAnswer{http.StatusUnauthorized, djangoDetail{
			Detail: "Given token not valid for any token type", Code: "token_not_valid",
			Messages: []djangoTokenMessage{{"AccessToken", "access", message}},
		}}}
	}
	rows = append(rows, refused(errWrongType, "Token has wrong type"))
	for _, err := range djangoTokenErrors() {
		rows = append(rows, refused(err, "Token is invalid or expired"))
	}
	return rows
}

// djangoTokenErrors are what SimpleJWT does not tell apart.
func djangoTokenErrors() []error {
	return []error{
		tokens.ErrTokenInvalid, tokens.ErrTokenExpired, models.ErrSessionExpired, models.ErrSessionRevoked,
		models.ErrRefreshTokenInvalid, models.ErrRefreshTokenReused, models.ErrUserNotFound, models.ErrAccountInactive,
	}
}
