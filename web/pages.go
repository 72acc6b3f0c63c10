package web

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
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

// Pages are where the links of mails lead, in the language that the browser asks for. Opening one changes nothing, because
// programs that scan mail open links too; only its form does.
type Pages struct {
	verifications *models.VerificationManager
	shown         PageSettings
	written       func() (written, error) // read for the first page
	policy        string
}

// written is what is written in the files: the pages' template, and their phrases.
type written struct {
	template *template.Template
	phrases  *phrases
}

// PageSettings are what the pages say of the service: its name, and the least characters of a password.
type PageSettings struct {
	Service           string
	MinPasswordLength int
}

// NewPages makes the pages of a service.
func NewPages(verifications *models.VerificationManager, shown PageSettings) *Pages {
	style := sha256.Sum256([]byte(pagesCSS))
	return &Pages{
		verifications: verifications, shown: shown, written: sync.OnceValues(readWritten),
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(style[:]) +
			"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	}
}

func readWritten() (written, error) {
	parsed, err := template.New("pages.html").Parse(pagesHTML)
	if err != nil {
		return written{}, fmt.Errorf("web: %w", err)
	}
	phrases, err := newPhrases()
	return written{template: parsed, phrases: phrases}, err
}

// ShowVerify shows the form that confirms an address.
func (p *Pages) ShowVerify(c *gin.Context) error { return p.show(c, verifyForm()) }

// ShowReset shows the form that changes a forgotten password.
func (p *Pages) ShowReset(c *gin.Context) error { return p.show(c, resetForm()) }

// ShowUndo shows the form that takes a change of address back.
func (p *Pages) ShowUndo(c *gin.Context) error { return p.show(c, undoForm()) }

// Verify confirms an address.
func (p *Pages) Verify(c *gin.Context) error {
	return p.answer(c, verifyForm(), func(proof models.EmailProof) error {
		return p.verifications.VerifyEmail(c.Request.Context(), proof, middleware.RequestInfo(c))
	})
}

// Reset changes a forgotten password.
func (p *Pages) Reset(c *gin.Context) error {
	return p.answer(c, resetForm(), func(proof models.EmailProof) error {
		return p.verifications.ResetPassword(c.Request.Context(), proof, c.PostForm("new_password"), middleware.RequestInfo(c))
	})
}

// Undo takes a change of address back.
func (p *Pages) Undo(c *gin.Context) error {
	return p.answer(c, undoForm(), func(proof models.EmailProof) error {
		return p.verifications.UndoEmailChange(c.Request.Context(), proof.Token, middleware.RequestInfo(c))
	})
}

// show asks for what is missing beside the token of the link.
func (p *Pages) show(c *gin.Context, form form) error {
	form.Token = c.Query("token")
	return p.write(c, http.StatusOK, page{form: form, Asks: true})
}

// answer does what a form asks for, and shows what came of it: the same form again where that can be mended.
func (p *Pages) answer(c *gin.Context, form form, do func(models.EmailProof) error) error {
	form.Token, form.Email = c.PostForm("token"), c.PostForm("email")
	if form.AsksCode() {
		if err := middleware.LimitEmail(c, form.Email); err != nil {
			return err
		}
	}
	err := do(models.EmailProof{Token: form.Token, Email: form.Email, Code: c.PostForm("code")})
	if err == nil {
		return p.write(c, http.StatusOK, page{form: form, Done: "done"})
	}
	problem := problems.Describe(err)
	switch {
	case isMendable(problem):
		return p.write(c, problem.Status, page{form: form, Asks: true, Problem: problem})
	case isOver(problem) && form.TakesCode:
		return p.write(c, problem.Status, page{form: form, OffersMail: true, Problem: problem})
	default:
		return err
	}
}

// VerifyAgain mails another link in place of one that confirmed an address.
func (p *Pages) VerifyAgain(c *gin.Context) error {
	return p.mailAgain(c, verifyForm(), p.verifications.SendVerification)
}

// ResetAgain mails another link in place of one that changed a password.
func (p *Pages) ResetAgain(c *gin.Context) error {
	return p.mailAgain(c, resetForm(), p.verifications.ForgotPassword)
}

// mailAgain sends a mail to the address that the mail of a token, whose time is over, went to.
func (p *Pages) mailAgain(c *gin.Context, form form, send func(ctx context.Context, email string) error) error {
	address, err := p.verifications.AddressOf(c.Request.Context(), c.PostForm("token"))
	if err != nil {
		return err
	}
	if err := middleware.LimitEmail(c, address); err != nil {
		return err
	}
	if err := send(c.Request.Context(), address); err != nil {
		return err
	}
	return p.write(c, http.StatusAccepted, page{form: form, Done: "sent"})
}

// Errors shows the errors of the pages as a page, for people. It leaves the logging to middleware.Errors.
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

func (p *Pages) write(c *gin.Context, status int, shown page) error {
	written, err := p.written()
	if err != nil {
		return err
	}
	shown.PageSettings, shown.speaker = p.shown, written.phrases.speaker(c.GetHeader("Accept-Language"))
	shown.Style = template.CSS(pagesCSS) //nolint:gosec // our own style sheet
	c.Header("Content-Security-Policy", p.policy)
	c.Header("Content-Type", "text/html; charset=utf-8")
	c.Header("Content-Language", shown.Language.String())
	c.Writer.Header().Add("Vary", "Accept-Language")
	c.Status(status)
	return written.template.Execute(c.Writer, shown)
}
