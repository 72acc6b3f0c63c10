package web

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"

	"latchkey/middleware"
	"latchkey/models"
	"latchkey/problems"
)

//go:embed pages.html
var pagesHTML string

//go:embed pages.css
var pagesCSS string

// Pages serves the pages that the links in emails lead to, in the language that the browser asks for. Opening a page changes
// nothing, because mail scanners open links too; only submitting its form does.
type Pages struct {
	verifications *models.VerificationManager
	settings      PageSettings
	resources     func() (resources, error) // parsed for the first page
	policy        string
}

// resources are the parsed embedded files: the template of the pages, and their phrases.
type resources struct {
	template *template.Template
	phrases  *phrases
}

// PageSettings are what the pages show, the service's name and the minimum number of characters in a password, and where browsers
// keep their device token.
type PageSettings struct {
	Service           string
	MinPasswordLength int
	Devices           DeviceCookie
}

// DeviceCookie reads and sets the cookie with the device token of a browser, which logins use too.
type DeviceCookie struct {
	Token func(*gin.Context) string // empty if there is none
	Set   func(c *gin.Context, token string)
}

// NewPages returns the pages of a service.
func NewPages(verifications *models.VerificationManager, settings PageSettings) *Pages {
	style := sha256.Sum256([]byte(pagesCSS))
	return &Pages{
		verifications: verifications, settings: settings, resources: sync.OnceValues(parseResources),
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(style[:]) +
			"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	}
}

func parseResources() (resources, error) {
	parsed, err := template.New("pages.html").Parse(pagesHTML)
	if err != nil {
		return resources{}, fmt.Errorf("web: %w", err)
	}
	phrases, err := newPhrases()
	return resources{template: parsed, phrases: phrases}, err
}

// ShowVerify shows the form that confirms an address.
func (p *Pages) ShowVerify(c *gin.Context) error {
	form, err := p.formFor(c, c.Query("token"))
	if err != nil {
		return err
	}
	return p.show(c, form)
}

// formFor returns the form that confirms an address. If that is to become the address of an account, it asks for the password.
func (p *Pages) formFor(c *gin.Context, token string) (form, error) {
	form := verifyForm()
	if token == "" {
		return form, nil
	}
	account, err := p.verifications.AccountToChange(c.Request.Context(), token)
	form.Account, form.AsksCurrent = account, account != ""
	return form, err
}

// ShowReset shows the form that resets a forgotten password.
func (p *Pages) ShowReset(c *gin.Context) error { return p.show(c, resetForm()) }

// ShowUndo shows the form that undoes a change of address.
func (p *Pages) ShowUndo(c *gin.Context) error { return p.show(c, undoForm()) }

// Verify handles the form that confirms an address.
func (p *Pages) Verify(c *gin.Context) error {
	form, err := p.formFor(c, c.PostForm("token"))
	if err != nil {
		return err
	}
	return p.submit(c, form, func(proof models.EmailProof) error {
		owner := models.Owner{Password: c.PostForm("current_password")}
		return p.verifications.VerifyEmail(c.Request.Context(), proof, owner, middleware.RequestInfo(c))
	})
}

// Reset handles the form that resets a forgotten password.
func (p *Pages) Reset(c *gin.Context) error {
	return p.submit(c, resetForm(), func(proof models.EmailProof) error {
		device, err := p.verifications.ResetPassword(c.Request.Context(), proof, c.PostForm("new_password"), middleware.RequestInfo(c))
		if err == nil {
			p.settings.Devices.Set(c, device)
		}
		return err
	})
}

// Undo handles the form that undoes a change of address.
func (p *Pages) Undo(c *gin.Context) error {
	return p.submit(c, undoForm(), func(proof models.EmailProof) error {
		return p.verifications.UndoEmailChange(c.Request.Context(), proof.Token, middleware.RequestInfo(c))
	})
}

// show writes the page with a form, which carries the token of the link; or what has become of that, if the form could do nothing
// with it.
func (p *Pages) show(c *gin.Context, form form) error {
	form.Token = strings.TrimSpace(c.Query("token"))
	if form.Token == "" {
		return p.write(c, http.StatusOK, page{form: form, ShowsForm: true})
	}
	isDone, err := p.verifications.Peek(c.Request.Context(), form.Token, form.purposes...)
	switch {
	case isDone:
		return p.write(c, http.StatusOK, page{form: form, Done: "done"})
	case err != nil:
		return p.explain(c, form, err)
	default:
		return p.write(c, http.StatusOK, page{form: form, ShowsForm: true})
	}
}

// submit calls do with the input of a form and writes the page with the result: the same form again if the user can correct
// it.
func (p *Pages) submit(c *gin.Context, form form, do func(models.EmailProof) error) error {
	form.Token, form.Email = strings.TrimSpace(c.PostForm("token")), c.PostForm("email")
	proof, err := p.read(c, form)
	if err == nil {
		err = do(proof)
	}
	if err != nil {
		return p.explain(c, form, err)
	}
	return p.write(c, http.StatusOK, page{form: form, Done: "done"})
}

// read returns the proof in a form. It counts each use of a code, which could be a guess, against the account of the address.
func (p *Pages) read(c *gin.Context, form form) (models.EmailProof, error) {
	device := p.settings.Devices.Token(c)
	if !form.AsksCode() {
		return models.EmailProof{Token: form.Token, DeviceToken: device}, nil
	}
	proof, err := models.ReadEmailProof("", form.Email, c.PostForm("code"))
	proof.DeviceToken = device
	if err != nil {
		return proof, err
	}
	return proof, middleware.LimitAccount(c, p.verifications.Source(proof))
}

// explain writes the page with an error of a form and what helps with it, or returns the error if nothing does.
func (p *Pages) explain(c *gin.Context, form form, err error) error {
	data := page{form: form, Problem: problems.Describe(err)}
	data.ShowsForm, data.OffersMail = isCorrectable(data.Problem), form.needsAnotherMail(data.Problem)
	data.AsksCurrent = form.AsksCurrent || data.HasError("current_password")
	var used *models.UsedTokenError
	if errors.As(err, &used) {
		data.UsedAt = used.At.UTC().Format("2006-01-02 15:04 UTC")
	}
	if !data.ShowsForm && !data.OffersMail && data.UsedAt == "" {
		return err
	}
	return p.write(c, data.Problem.Status, data)
}

// VerifyAgain emails another link in place of one that was to confirm an address.
func (p *Pages) VerifyAgain(c *gin.Context) error {
	return p.resend(c, verifyForm(), middleware.MailToVerify, p.verifications.SendVerification)
}

// ResetAgain emails another link in place of one that was to reset a password.
func (p *Pages) ResetAgain(c *gin.Context) error {
	return p.resend(c, resetForm(), middleware.MailToReset, p.verifications.ForgotPassword)
}

// resend counts a mail of this kind, and calls send with the address that the email with an expired token was sent to.
func (p *Pages) resend(
	c *gin.Context, form form, kind string, send func(ctx context.Context, email string) error,
) error {
	address, err := p.verifications.AddressOf(c.Request.Context(), c.PostForm("token"))
	if err != nil {
		return err
	}
	if err := middleware.LimitMail(c, kind, address); err != nil {
		return err
	}
	if err := send(c.Request.Context(), address); err != nil {
		return err
	}
	return p.write(c, http.StatusAccepted, page{form: form, Done: "sent"})
}

// Errors is middleware that writes the errors of the pages as a page for people. middleware.Errors logs them.
func (p *Pages) Errors(c *gin.Context) {
	c.Next()
	last := c.Errors.Last()
	if last == nil || c.Writer.Written() {
		return
	}
	c.Abort()
	problem := problems.Describe(last.Err)
	if problem.Status == http.StatusInternalServerError {
		problem.RequestID = middleware.RequestID(c)
	}
	problems.SetRetryAfter(c, last.Err)
	if err := p.write(c, problem.Status, page{form: formAt(c.FullPath()), Problem: problem}); err != nil {
		_ = c.Error(err)
	}
}

func (p *Pages) write(c *gin.Context, status int, data page) error {
	resources, err := p.resources()
	if err != nil {
		return err
	}
	data.PageSettings, data.localizer = p.settings, resources.phrases.localizer(c.GetHeader("Accept-Language"))
	data.Style = template.CSS(pagesCSS) //nolint:gosec // our own style sheet
	c.Header("Content-Security-Policy", p.policy)
	c.Header("Content-Type", "text/html; charset=utf-8")
	c.Header("Content-Language", data.Language.String())
	c.Writer.Header().Add("Vary", "Accept-Language")
	c.Status(status)
	return resources.template.Execute(c.Writer, data)
}
