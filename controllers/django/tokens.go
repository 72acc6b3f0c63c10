package django

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"latchkey/models"
)

// tokenResponse is the response of djangorestframework-jwt.
type tokenResponse struct {
	Token string `json:"token"`
}

// pairResponse is the response of SimpleJWT.
type pairResponse struct {
	Refresh string `json:"refresh"`
	Access  string `json:"access"`
}

// TokenAuth logs in: POST /api-token-auth/.
func (d *Controller) TokenAuth(c *gin.Context) error {
	opened, err := d.obtain(c)
	if err != nil {
		return err
	}
	return d.respondWithToken(c, opened.User, opened.Session)
}

// TokenPair logs in: POST /api/token/.
func (d *Controller) TokenPair(c *gin.Context) error {
	opened, err := d.obtain(c)
	if err != nil {
		return err
	}
	return d.respondWithPair(c, opened)
}

func (d *Controller) obtain(c *gin.Context) (*models.SessionTokens, error) {
	form, err := read(c)
	if err != nil {
		return nil, err
	}
	given, err := form.credentials()
	if err != nil {
		return nil, err
	}
	return d.login(c, given)
}

// requiredToken reads the token in the only field of a body.
func requiredToken(c *gin.Context, field string) (string, error) {
	form, err := read(c)
	if err != nil {
		return "", err
	}
	token := form.required(field)
	return token, form.err()
}

// TokenRefresh responds with a new access token for one that has not expired yet: POST /api-token-refresh/.
func (d *Controller) TokenRefresh(c *gin.Context) error {
	token, err := requiredToken(c, "token")
	if err != nil {
		return err
	}
	session, err := d.tokens.renew(c, token)
	if err != nil {
		return err
	}
	return d.respondWithToken(c, session.User, session)
}

// TokenVerify responds with the access token itself if it is valid: POST /api-token-verify/.
func (d *Controller) TokenVerify(c *gin.Context) error {
	token, err := requiredToken(c, "token")
	if err != nil {
		return err
	}
	if _, err := d.tokens.sessionOf(c, token); err != nil {
		return err
	}
	c.JSON(http.StatusOK, tokenResponse{token})
	return nil
}

// PairRefresh responds with a new pair for a refresh token that Latchkey or Django issued: POST /api/token/refresh/. A client
// that ignores the new refresh token and presents the old one again also stays logged in.
func (d *Controller) PairRefresh(c *gin.Context) error {
	token, err := requiredToken(c, "refresh")
	if err != nil {
		return err
	}
	refreshed, err := d.tokens.exchange(c, token)
	if err != nil {
		return err
	}
	return d.respondWithPair(c, refreshed)
}

// PairVerify responds with an empty object if a token of either type is valid: POST /api/token/verify/.
func (d *Controller) PairVerify(c *gin.Context) error {
	token, err := requiredToken(c, "token")
	if err != nil {
		return err
	}
	if err := d.tokens.check(c, token); err != nil {
		return err
	}
	c.JSON(http.StatusOK, struct{}{})
	return nil
}

func (d *Controller) respondWithToken(c *gin.Context, user *models.User, session *models.Session) error {
	token, err := d.issueRenewable(user, session)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, tokenResponse{token})
	return nil
}

func (d *Controller) respondWithPair(c *gin.Context, opened *models.SessionTokens) error {
	access, err := d.issue(opened.User, opened.Session)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, pairResponse{Refresh: opened.RefreshToken, Access: access})
	return nil
}
