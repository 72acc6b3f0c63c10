package web

import (
	"html/template"
	"slices"
	"strings"

	"latchkey/problems"
)

// form is what a page can ask for. Its name is that of its phrases.
type form struct {
	Name         string
	Path         string
	AsksPassword bool
	TakesCode    bool // where the link of the mail was not used

	Token string
	Email string
}

func verifyForm() form { return form{Name: "verify", Path: "/verify-email", TakesCode: true} }
func resetForm() form {
	return form{Name: "reset", Path: "/reset-password", TakesCode: true, AsksPassword: true}
}
func undoForm() form { return form{Name: "undo", Path: "/undo-email-change"} }

// formAt is the form of a path, or of one below it.
func formAt(path string) form {
	forms := []form{verifyForm(), resetForm(), undoForm()}
	return forms[max(slices.IndexFunc(forms, func(f form) bool { return strings.HasPrefix(path, f.Path) }), 0)]
}

// AsksCode tells whether the form asks for the address and the code of a mail.
func (f form) AsksCode() bool { return f.TakesCode && f.Token == "" }

// page is what the template shows: a form with its faults, that it is done, or why it is not.
type page struct {
	form
	speaker
	PageSettings
	Style   template.CSS
	Asks    bool
	Done    string           // the phrase of the form that says what was done
	Problem problems.Problem // without a code where there is none
	// OffersMail has the page offer another mail in place of one whose time is over.
	OffersMail bool
}

// isOver tells whether only another mail helps.
func isOver(problem problems.Problem) bool {
	return problem.Code == "one_time_token_expired" || problem.Code == "one_time_token_invalid"
}

// isMendable tells whether the same form can be sent once more.
func isMendable(problem problems.Problem) bool {
	return len(problem.Errors) > 0 || problem.Code == "code_invalid"
}

// T is the phrase of this id.
func (p page) T(id string) (string, error) { return p.say(id, p, nil) }

// Of is the phrase of this id about the page's form.
func (p page) Of(id string) (string, error) { return p.T(p.Name + "." + id) }

// Why says what the problem is.
func (p page) Why() (string, error) {
	return p.say("problem."+p.Problem.Code, p, func() (string, error) { return p.T("problem.any") })
}

// Fault says what is wrong with a field: in English if it is what only the service's own API is told.
func (p page) Fault(fault problems.Field) (string, error) {
	return p.say("fault."+fault.Code, p, func() (string, error) { return fault.Message, nil })
}

// HasFault tells whether something is wrong with this field.
func (p page) HasFault(field string) bool {
	return slices.ContainsFunc(p.Problem.Errors, func(fault problems.Field) bool { return fault.Field == field })
}
