package web

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"net/http"

	"github.com/gin-gonic/gin"

	"latchkey/middleware"
	"latchkey/models"
)

//go:embed pages.html
var pagesHTML string

//go:embed pages.css
var pagesCSS string

// Pages are where the links of mails lead. Opening one changes nothing, because programs that scan mail open links too;
// only its form does.
type Pages struct {
	confirmations *models.ConfirmationManager
	service       string
	template      *template.Template
	policy        string
}

// NewPages makes the pages of a service of this name.
func NewPages(confirmations *models.ConfirmationManager, service string) (*Pages, error) {
	parsed, err := template.New("pages.html").Parse(pagesHTML)
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	style := sha256.Sum256([]byte(pagesCSS))
	return &Pages{
		confirmations: confirmations, service: service, template: parsed,
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(style[:]) +
			"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	}, nil
}

// page is what the template shows: a form with its faults, or, when done, a message.
type page struct {
	Service string
	Style   template.CSS
	Title   string
	Intro   string
	Done    string
	Problem string
	Action  string
	Button  string
	Token   string
	Email   string
	// AsksCode has the form ask for the address and the code of a mail, where its link was not used.
	AsksCode     bool
	AsksPassword bool
	Faults       []models.FieldError
}

func verifyPage() page {
	return page{
		Title: "Confirm your email address", Action: "/verify-email", Button: "Confirm",
		Intro: "Confirm that this address is yours, and that it was you who asked. If it was not you, close this page.",
	}
}

func resetPage() page {
	return page{
		Title: "Choose a new password", Action: "/reset-password", Button: "Change password", AsksPassword: true,
		Intro: "You will be signed out everywhere, and can then sign in with the new password.",
	}
}

func undoPage() page {
	return page{
		Title: "Undo the change of your email address", Action: "/undo-email-change", Button: "Undo the change",
		Intro: "Your account gets this address back, and everybody is signed out of it. " +
			"A mail then lets you choose a new password.",
	}
}

// ShowVerify shows the form that confirms an address.
func (p *Pages) ShowVerify(c *gin.Context) error { return p.ask(c, verifyPage()) }

// ShowReset shows the form that changes a forgotten password.
func (p *Pages) ShowReset(c *gin.Context) error { return p.ask(c, resetPage()) }

// ShowUndo shows the form that takes a change of address back.
func (p *Pages) ShowUndo(c *gin.Context) error {
	form := undoPage()
	form.Token = c.Query("token")
	return p.write(c, http.StatusOK, form)
}

// Verify confirms an address.
func (p *Pages) Verify(c *gin.Context) error {
	return p.answer(c, verifyPage(), "Your email address is confirmed. You can close this page.", func(proof models.Proof) error {
		return p.confirmations.ConfirmEmail(c.Request.Context(), proof, middleware.Client(c))
	})
}

// Reset changes a forgotten password.
func (p *Pages) Reset(c *gin.Context) error {
	const done = "Your password is changed. You can close this page and sign in with it."
	return p.answer(c, resetPage(), done, func(proof models.Proof) error {
		return p.confirmations.ResetPassword(c.Request.Context(), proof, c.PostForm("new_password"), middleware.Client(c))
	})
}

// Undo takes a change of address back.
func (p *Pages) Undo(c *gin.Context) error {
	const done = "Your account has this address again. We have sent you a mail to choose a new password with."
	return p.answer(c, undoPage(), done, func(proof models.Proof) error {
		return p.confirmations.UndoEmailChange(c.Request.Context(), proof.Token, middleware.Client(c))
	})
}

// ask shows a form for the token in the link, or for address and code where there is none.
func (p *Pages) ask(c *gin.Context, form page) error {
	form.Token = c.Query("token")
	form.AsksCode = form.Token == ""
	return p.write(c, http.StatusOK, form)
}

// answer does what a form asks for, and shows what came of it: the same form again if that can be mended.
func (p *Pages) answer(c *gin.Context, form page, done string, do func(models.Proof) error) error {
	form.Token, form.Email = c.PostForm("token"), c.PostForm("email")
	form.AsksCode = form.Token == "" && form.Action != undoPage().Action
	if form.AsksCode {
		if err := middleware.LimitEmail(c, form.Email); err != nil {
			return err
		}
	}
	err := do(models.Proof{Token: form.Token, Email: form.Email, Code: c.PostForm("code")})
	if err == nil {
		return p.write(c, http.StatusOK, page{Title: form.Title, Done: done})
	}
	shown, known := form.after(err)
	if !known {
		return err
	}
	return p.write(c, http.StatusBadRequest, shown)
}

// after is the page once err came of its form: the form again where that can be mended.
func (form page) after(err error) (shown page, known bool) {
	var invalid *models.ValidationError
	switch {
	case errors.As(err, &invalid):
		form.Faults = invalid.Errors
		return form, true
	case errors.Is(err, models.ErrCodeInvalid):
		form.Problem = "This code does not go with this address, or is not good any more. Use the newest mail."
		return form, true
	case errors.Is(err, models.ErrOneTimeTokenUsed):
		return page{Title: form.Title, Problem: "This link has been used already."}, true
	case errors.Is(err, models.ErrOneTimeTokenExpired):
		return page{Title: form.Title, Problem: "This link is too old. Ask for another mail in the app."}, true
	case errors.Is(err, models.ErrOneTimeTokenInvalid):
		return page{Title: form.Title, Problem: "This link is not complete, or a newer mail has taken its place. " +
			"Use the newest mail, or ask for another in the app."}, true
	default:
		return page{}, false
	}
}

func (p *Pages) write(c *gin.Context, status int, shown page) error {
	shown.Service, shown.Style = p.service, template.CSS(pagesCSS) //nolint:gosec // our own style sheet
	c.Header("Content-Security-Policy", p.policy)
	c.Header("Content-Type", "text/html; charset=utf-8")
	c.Status(status)
	return p.template.Execute(c.Writer, shown)
}
