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

// devMailPolicy is the Content-Security-Policy of the page: the messages, which are in frames, may have styles of their own,
// and nothing else is allowed.
const devMailPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// DevMail serves the development mailbox as a page for people and as JSON for programs.
type DevMail struct {
	mailbox *mail.Mailbox
	page    *template.Template
}

// NewDevMail returns the page of a mailbox.
func NewDevMail(mailbox *mail.Mailbox) (*DevMail, error) {
	page, err := template.New("dev_mail.html").Parse(devMailPage)
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	return &DevMail{mailbox: mailbox, page: page}, nil
}

// messageResponse is a message of the mailbox as JSON.
type messageResponse struct {
	To      string    `json:"to"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	HTML    string    `json:"html"`
	Links   []string  `json:"links"`
	Code    string    `json:"code"`
	SentAt  time.Time `json:"sent_at"`
}

// List serves the messages, newest first: as JSON to clients that prefer it to HTML, otherwise as a page.
func (d *DevMail) List(c *gin.Context) error {
	stored := d.mailbox.List()
	messages := make([]messageResponse, len(stored))
	for i, message := range stored {
		messages[i] = messageResponse{
			To: message.To, Subject: message.Subject, Text: message.Text, HTML: message.HTML,
			Links: append([]string{}, message.Links...), Code: message.Code, SentAt: message.SentAt,
		}
	}
	c.Header("Vary", "Accept")
	if c.NegotiateFormat(gin.MIMEHTML, gin.MIMEJSON) == gin.MIMEJSON {
		c.JSON(http.StatusOK, messages)
		return nil
	}
	c.Header("Content-Security-Policy", devMailPolicy)
	c.Header("Content-Type", "text/html; charset=utf-8")
	c.Status(http.StatusOK)
	return d.page.Execute(c.Writer, messages)
}

// Empty deletes all messages.
func (d *DevMail) Empty(c *gin.Context) error {
	d.mailbox.Empty()
	c.Status(http.StatusNoContent)
	return nil
}
