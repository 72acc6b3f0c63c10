package problems

import (
	"fmt"
	"net/http"
	"slices"

	"latchkey/database"
	"latchkey/models"
	"latchkey/tokens"
)

// The codes of problems that are not in the table.
const (
	CodeValidation = "validation_error"
	codeInternal   = "internal_error"
	codeClientGone = "client_gone" // only in the log and the metrics: no client is left to read it
)

// statusClientGone is the status that nginx logs for a client that closed the connection before the response.
const statusClientGone = 499

// row is the problem that one error becomes.
type row struct {
	err    error
	status int
	code   string
	detail string
}

// table returns the one table from errors to problems, by subject. The first matching row applies.
func table() []row { return slices.Concat(transport(), sessions(), accounts(), oneTimeTokens()) }

// Statuses returns the codes of all problems, each with its status.
func Statuses() map[string]int {
	statuses := map[string]int{CodeValidation: http.StatusBadRequest, codeInternal: http.StatusInternalServerError}
	for _, row := range table() {
		statuses[row.code] = row.status
	}
	return statuses
}

// transport returns the errors of a request that are found before any rule of the domain is applied.
func transport() []row {
	return []row{
		{ErrCredentialsMissing, http.StatusUnauthorized, "credentials_missing",
			"Authentication credentials were not provided. Send the access token in the Authorization header."},
		{ErrPermissionDenied, http.StatusForbidden, "permission_denied",
			"Your account does not have the role that this request requires."},
		{ErrStepUpRequired, http.StatusUnauthorized, "step_up_required",
			"This request requires that you have authenticated recently. Log in again, and repeat it."},
		{ErrCrossOrigin, http.StatusForbidden, "cross_origin",
			"The form was submitted from a page of another site."},
		{ErrMalformedJSON, http.StatusBadRequest, "malformed_json",
			"The body must be exactly one valid JSON object in UTF-8."},
		{ErrMalformedQuery, http.StatusBadRequest, "malformed_query",
			"The query of the URL can't be parsed. Percent-encode its names and values."},
		{ErrUnsupportedMediaType, http.StatusUnsupportedMediaType, "unsupported_media_type",
			"Send the body as JSON, with the header Content-Type: application/json."},
		{ErrBodyTooLarge, http.StatusRequestEntityTooLarge, "body_too_large",
			fmt.Sprintf("The body may be at most %d KiB.", MaxBodyBytes/1024)},
		{ErrNotFound, http.StatusNotFound, "not_found", "There is no resource at this path."},
		{ErrMethodNotAllowed, http.StatusMethodNotAllowed, "method_not_allowed",
			"This path does not support this method; the Allow header lists those that it supports."},
		{ErrMisdirected, http.StatusMisdirectedRequest, "misdirected_request",
			"The request is for a host that this service does not serve."},
		{ErrNotReady, http.StatusServiceUnavailable, "not_ready",
			"The service is not ready. Try again in a moment."},
		{database.ErrUnavailable, http.StatusServiceUnavailable, "unavailable",
			"The service can't reach its storage at the moment. Try again after the number of seconds in the Retry-After header."},
		{models.ErrOverloaded, http.StatusServiceUnavailable, "overloaded",
			"The service is busy. Try again in a moment."},
		{ErrRateLimited, http.StatusTooManyRequests, "rate_limited",
			"Too many requests. Try again after the number of seconds in the Retry-After header."},
	}
}

// sessions returns the errors of tokens and sessions.
func sessions() []row {
	return []row{
		{tokens.ErrTokenExpired, http.StatusUnauthorized, "token_expired",
			"The access token has expired. Use the refresh token to get a new one."},
		{tokens.ErrTokenInvalid, http.StatusUnauthorized, "token_invalid",
			"The access token is malformed, was not issued by this service, or is not meant for it."},
		{models.ErrRefreshTokenInvalid, http.StatusUnauthorized, "refresh_token_invalid",
			"The refresh token is malformed or was not issued by this service. Log in again."},
		{models.ErrRefreshTokenReused, http.StatusUnauthorized, "refresh_token_reused",
			"The refresh token was used twice, or after it was replaced, so the session was ended. Log in again."},
		{models.ErrSessionExpired, http.StatusUnauthorized, "session_expired",
			"The session was not used for too long, or has reached its maximum age. Log in again."},
		{models.ErrSessionRevoked, http.StatusUnauthorized, "session_revoked",
			"The session has been ended. Log in again."},
		{models.ErrSessionNotFound, http.StatusNotFound, "session_not_found",
			"You have no live session with this id."},
	}
}

// accounts returns the errors of accounts and logins.
func accounts() []row {
	return []row{
		{models.ErrAccountInactive, http.StatusUnauthorized, "account_inactive",
			"The account is inactive or has been deleted."},
		{models.ErrInvalidCredentials, http.StatusUnauthorized, "invalid_credentials",
			"No active account was found with this email and password."},
		{models.ErrTooManyGuesses, http.StatusTooManyRequests, "too_many_guesses",
			"Too many wrong passwords were tried, so this one was not checked. Try again after the seconds in the Retry-After header."},
		{models.ErrLastSuperuser, http.StatusConflict, "last_superuser",
			"The account of the last active superuser can't be deleted. Make another user a superuser first."},
	}
}

// oneTimeTokens returns the errors of emailed tokens and codes, and of unconfirmed addresses.
func oneTimeTokens() []row {
	return []row{
		{models.ErrEmailUnverified, http.StatusForbidden, "email_unverified",
			"The email address of this account has to be confirmed first. Use the newest email, or request another."},
		{models.ErrOneTimeTokenUsed, http.StatusBadRequest, "one_time_token_used",
			"The token was used, and what it was for has been done. Request another email to do it again."},
		{models.ErrOneTimeTokenExpired, http.StatusBadRequest, "one_time_token_expired",
			"The token has expired. Request another email."},
		{models.ErrOneTimeTokenInvalid, http.StatusBadRequest, "one_time_token_invalid",
			"The token is incomplete, is for something else, or was replaced by that of a newer email."},
		{models.ErrCodeInvalid, http.StatusBadRequest, "code_invalid",
			"The code is wrong or too old, or too many wrong ones were tried lately. The link in the email works in any case."},
	}
}
