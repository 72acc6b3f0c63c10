package django

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"latchkey/models"
)

// tokenResponse is djangorestframework-jwt's.
type tokenResponse struct {
	Token string `json:"token"`
}

// pairResponse is SimpleJWT's.
type pairResponse struct {
	Refresh string `json:"refresh"`
	Access  string `json:"access"`
}

// TokenAuth logs in: POST /api-token-auth/.
func (d *Controller) TokenAuth(c *gin.Context) error {
	grant, err := d.obtain(c)
	if err != nil {
		return err
	}
	return d.answerToken(c, grant.User, grant.Session)
}

// TokenPair logs in: POST /api/token/.
func (d *Controller) TokenPair(c *gin.Context) error {
	grant, err := d.obtain(c)
	if err != nil {
		return err
	}
	return d.answerPair(c, grant)
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

// requiredToken reads the one field of a body.
func requiredToken(c *gin.Context, field string) (string, error) {
	form, err := read(c)
	if err != nil {
		return "", err
	}
	token := form.required(field)
	return token, form.err()
}

// TokenRefresh answers an access token that has not expired yet with a new one: POST /api-token-refresh/.
func (d *Controller) TokenRefresh(c *gin.Context) error {
	token, err := requiredToken(c, "token")
	if err != nil {
		return err
	}
	session, err := d.tokens.renew(c, token)
	if err != nil {
		return err
	}
	return d.answerToken(c, session.User, session)
}

// TokenVerify answers an access token that is good with itself: POST /api-token-verify/.
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

// PairRefresh answers a refresh token, ours or Django's, with a new pair: POST /api/token/refresh/. A client that goes on
// with the old refresh token stays logged in, too.
func (d *Controller) PairRefresh(c *gin.Context) error {
	token, err := requiredToken(c, "refresh")
	if err != nil {
		return err
	}
	grant, err := d.tokens.exchange(c, token)
	if err != nil {
		return err
	}
	return d.answerPair(c, grant)
}

// PairVerify answers a token of either kind that is good with nothing: POST /api/token/verify/.
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

func (d *Controller) answerToken(c *gin.Context, user *models.User, session *models.Session) error {
	token, err := d.issueRenewable(user, session)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, tokenResponse{token})
	return nil
}

func (d *Controller) answerPair(c *gin.Context, grant *models.SessionTokens) error {
	access, err := d.issue(grant.User, grant.Session)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, pairResponse{Refresh: grant.RefreshToken, Access: access})
	return nil
}
