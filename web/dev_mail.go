package web

import (
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/mail"
)

//go:embed dev_mail.html
var devMailPage string

// devMailPolicy lets the letters, which are in frames, have styles of their own, and nothing else.
const devMailPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// DevMail shows the development mailbox, to people as a page and to programs as JSON.
type DevMail struct {
	mailbox *mail.Mailbox
	page    *template.Template
}

// NewDevMail makes the page of a mailbox.
func NewDevMail(mailbox *mail.Mailbox) (*DevMail, error) {
	page, err := template.New("dev_mail.html").Parse(devMailPage)
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	return &DevMail{mailbox: mailbox, page: page}, nil
}

// keptLetter is a letter of the mailbox as JSON.
type keptLetter struct {
	To      string    `json:"to"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	HTML    string    `json:"html"`
	Links   []string  `json:"links"`
	Code    string    `json:"code"`
	SentAt  time.Time `json:"sent_at"`
}

// List answers the letters, newest first: as JSON to who accepts that rather than a page.
func (d *DevMail) List(c *gin.Context) error {
	kept := d.mailbox.List()
	letters := make([]keptLetter, len(kept))
	for i, letter := range kept {
		letters[i] = keptLetter{
			To: letter.To, Subject: letter.Subject, Text: letter.Text, HTML: letter.HTML,
			Links: append([]string{}, letter.Links...), Code: letter.Code, SentAt: letter.SentAt,
		}
	}
	c.Header("Vary", "Accept")
	if c.NegotiateFormat(gin.MIMEHTML, gin.MIMEJSON) == gin.MIMEJSON {
		c.JSON(http.StatusOK, letters)
		return nil
	}
	c.Header("Content-Security-Policy", devMailPolicy)
	c.Header("Content-Type", "text/html; charset=utf-8")
	c.Status(http.StatusOK)
	return d.page.Execute(c.Writer, letters)
}

// Empty throws all letters away.
func (d *DevMail) Empty(c *gin.Context) error {
	d.mailbox.Empty()
	c.Status(http.StatusNoContent)
	return nil
}
