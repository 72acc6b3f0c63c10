package web

import (
	"html/template"
	"slices"
	"strings"

	"latchkey/mail"
	"latchkey/models"
	"latchkey/problems"
)

// form is a form that a page can show. Its texts are the phrases under its Name.
type form struct {
	Name         string
	Path         string
	AsksPassword bool
	TakesCode    bool // accepts the address and the code of an email in place of a link's token

	purposes []mail.Kind // of the tokens that it takes

	Token       string
	Email       string
	Account     string // the masked address of the account whose address changes, if that is known
	AsksCurrent bool   // for the current password of that account
}

func verifyForm() form {
	return form{Name: "verify", Path: "/verify-email", TakesCode: true, purposes: []mail.Kind{mail.VerifyEmail, mail.ChangeEmail}}
}
func resetForm() form {
	return form{
		Name: "reset", Path: "/reset-password", TakesCode: true, AsksPassword: true, purposes: []mail.Kind{mail.ResetPassword},
	}
}
func undoForm() form {
	return form{Name: "undo", Path: "/undo-email-change", purposes: []mail.Kind{models.PurposeUndoChange}}
}

// formAt returns the form at a path or at one of its parents.
func formAt(path string) form {
	forms := []form{verifyForm(), resetForm(), undoForm()}
	return forms[max(slices.IndexFunc(forms, func(f form) bool { return strings.HasPrefix(path, f.Path) }), 0)]
}

// AsksCode reports whether the form asks for the address and the code of an email, because it has no token.
func (f form) AsksCode() bool { return f.TakesCode && f.Token == "" }

// page is the data of the template: a form with its errors, a confirmation, or a problem.
type page struct {
	form
	localizer
	PageSettings
	Style     template.CSS
	ShowsForm bool
	Done      string           // the phrase of the form that confirms what was done; "" if nothing was
	Problem   problems.Problem // has no Code if there is no problem
	UsedAt    string           // when the link was used, if that is the problem
	// OffersMail makes the page offer another email in place of one that is no longer valid.
	OffersMail bool
}

// needsAnotherMail reports whether only another email can solve the problem of a form. One to confirm an address is of no use for
// a link that has been used.
func (f form) needsAnotherMail(problem problems.Problem) bool {
	switch problem.Code {
	case "one_time_token_expired", "one_time_token_invalid":
		return f.TakesCode
	case "one_time_token_used":
		return f.AsksPassword
	default:
		return false
	}
}

// isCorrectable reports whether the user can correct the form and submit it again.
func isCorrectable(problem problems.Problem) bool {
	return len(problem.Errors) > 0 || problem.Code == "code_invalid"
}

// Text returns the phrase with this id.
func (p page) Text(id string) (string, error) { return p.localize(id, p, nil) }

// FormText returns the phrase of the page's form with this id.
func (p page) FormText(id string) (string, error) { return p.Text(p.Name + "." + id) }

// Intro returns the phrase that says what the page's form does.
func (p page) Intro() (string, error) {
	if p.AsksCurrent {
		return p.FormText("intro_change")
	}
	return p.FormText("intro")
}

// ProblemText returns the phrase that explains the page's problem.
func (p page) ProblemText() (string, error) {
	if p.UsedAt != "" {
		return p.FormText("used")
	}
	return p.localize("problem."+p.Problem.Code, p, func() (string, error) { return p.Text("problem.any") })
}

// FieldErrorText returns the phrase that explains a field error or, for the errors of fields that no page has, the English
// message.
func (p page) FieldErrorText(fieldError problems.FieldError) (string, error) {
	return p.localize("field_error."+fieldError.Code, p, func() (string, error) { return fieldError.Message, nil })
}

// HasError reports whether the problem has an error of this field.
func (p page) HasError(field string) bool {
	return slices.ContainsFunc(p.Problem.Errors, func(e problems.FieldError) bool { return e.Field == field })
}
