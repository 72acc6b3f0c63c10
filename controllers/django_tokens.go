package controllers

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"latchkey/models"
)

// djangoTokenResponse is djangorestframework-jwt's.
type djangoTokenResponse struct {
	Token string `json:"token"`
}

// djangoPairResponse is SimpleJWT's.
type djangoPairResponse struct {
	Refresh string `json:"refresh"`
	Access  string `json:"access"`
}

// TokenAuth logs in: POST /api-token-auth/.
func (d *Django) TokenAuth(c *gin.Context) error {
	grant, err := d.obtain(c)
	if err != nil {
		return err
	}
	return d.answerToken(c, grant.User, grant.Session)
}

// TokenPair logs in: POST /api/token/.
func (d *Django) TokenPair(c *gin.Context) error {
	grant, err := d.obtain(c)
	if err != nil {
		return err
	}
	return d.answerPair(c, grant)
}

func (d *Django) obtain(c *gin.Context) (*models.Grant, error) {
	form, err := readDjango(c)
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
	form, err := readDjango(c)
	if err != nil {
		return "", err
	}
	token := form.required(field)
	return token, form.err()
}

// TokenRefresh answers an access token that has not expired yet with a new one: POST /api-token-refresh/.
func (d *Django) TokenRefresh(c *gin.Context) error {
	token, err := requiredToken(c, "token")
	if err != nil {
		return err
	}
	session, err := d.policy.Renew(c, token)
	if err != nil {
		return err
	}
	return d.answerToken(c, session.User, session)
}

// TokenVerify answers an access token that is good with itself: POST /api-token-verify/.
func (d *Django) TokenVerify(c *gin.Context) error {
	token, err := requiredToken(c, "token")
	if err != nil {
		return err
	}
	if _, err := d.policy.SessionOf(c, token); err != nil {
		return err
	}
	c.JSON(http.StatusOK, djangoTokenResponse{token})
	return nil
}

// PairRefresh answers a refresh token, ours or Django's, with a new pair: POST /api/token/refresh/. A client that goes on
// with the old refresh token stays logged in, too.
func (d *Django) PairRefresh(c *gin.Context) error {
	token, err := requiredToken(c, "refresh")
	if err != nil {
		return err
	}
	grant, err := d.policy.Exchange(c, token)
	if err != nil {
		return err
	}
	return d.answerPair(c, grant)
}

// PairVerify answers a token of either kind that is good with nothing: POST /api/token/verify/.
func (d *Django) PairVerify(c *gin.Context) error {
	token, err := requiredToken(c, "token")
	if err != nil {
		return err
	}
	if err := d.policy.Check(c, token); err != nil {
		return err
	}
	c.JSON(http.StatusOK, struct{}{})
	return nil
}

func (d *Django) answerToken(c *gin.Context, user *models.User, session *models.Session) error {
	token, err := d.issueRenewable(user, session)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, djangoTokenResponse{token})
	return nil
}

func (d *Django) answerPair(c *gin.Context, grant *models.Grant) error {
	access, err := d.issue(grant.User, grant.Session)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, djangoPairResponse{Refresh: grant.RefreshToken, Access: access})
	return nil
}
