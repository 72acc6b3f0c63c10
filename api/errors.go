package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"slices"

	"github.com/gin-gonic/gin"
)

// ErrorCode explains the code of a problem or of a field error. When and Do are Markdown.
type ErrorCode struct {
	Code   string
	Status int    // the HTTP status; 0 for the code of a field error
	When   string // when the service returns the code
	Do     string // what a client does about it
}

// ErrorCodes are the codes of problems and those of field errors.
type ErrorCodes struct {
	Codes      []ErrorCode
	FieldCodes []ErrorCode
}

// ErrorCodes returns the codes of errors with their explanations, from the tables of the schemas Code and FieldCode. statuses
// has the HTTP status of every code that the service returns; ErrorCodes fails unless the contract explains exactly these.
func (a *Contract) ErrorCodes(statuses map[string]int) (ErrorCodes, error) {
	asJSON, err := a.asJSON()
	if err != nil {
		return ErrorCodes{}, err
	}
	var read struct {
		Components struct {
			Schemas struct {
				Code      codeSchema
				FieldCode codeSchema
			}
		}
	}
	if err := json.Unmarshal(asJSON, &read); err != nil {
		return ErrorCodes{}, fmt.Errorf("read openapi.yaml: %w", err)
	}
	codes, err := read.Components.Schemas.Code.explained("Code")
	if err != nil {
		return ErrorCodes{}, err
	}
	for i, code := range codes {
		if codes[i].Status = statuses[code.Code]; codes[i].Status == 0 {
			return ErrorCodes{}, fmt.Errorf("openapi.yaml: the schema Code has %s, which the service never returns", code.Code)
		}
	}
	for code := range statuses {
		if !slices.Contains(read.Components.Schemas.Code.Enum, code) {
			return ErrorCodes{}, fmt.Errorf("openapi.yaml: add %s to the enum and to the table of the schema Code", code)
		}
	}
	fieldCodes, err := read.Components.Schemas.FieldCode.explained("FieldCode")
	return ErrorCodes{Codes: codes, FieldCodes: fieldCodes}, err
}

// codeSchema is a schema of codes in openapi.yaml: an enum, and a description with a table that explains its values.
type codeSchema struct {
	Description string
	Enum        []string
}

var (
	explanation = regexp.MustCompile("(?m)^\\| (`[^|]+`) \\| ([^|]+) \\| ([^|]+) \\|$")
	quoted      = regexp.MustCompile("`([^`]+)`")
)

// explained returns the codes of the enum with their explanations from the table, where one row can explain several codes.
// It fails unless enum and table have the same codes.
func (s codeSchema) explained(schema string) ([]ErrorCode, error) {
	var codes []ErrorCode
	for _, row := range explanation.FindAllStringSubmatch(s.Description, -1) {
		for _, code := range quoted.FindAllStringSubmatch(row[1], -1) {
			codes = append(codes, ErrorCode{Code: code[1], When: row[2], Do: row[3]})
		}
	}
	for _, code := range s.Enum {
		if !slices.ContainsFunc(codes, func(e ErrorCode) bool { return e.Code == code }) {
			return nil, fmt.Errorf("openapi.yaml: add a row to the table of the schema %s: | `%s` | when | what to do |", schema, code)
		}
	}
	if len(codes) != len(s.Enum) {
		return nil, fmt.Errorf("openapi.yaml: the table of the schema %s has a code that is not in its enum, or has one twice", schema)
	}
	return codes, nil
}

//go:embed errors.html
var errorsPage string

//go:embed errors.css
var errorsStyle string

// Errors serves the page that the types of problems link to. It is rendered once, on the first request.
type Errors struct {
	page   asset
	policy string
}

// NewErrors returns the page of all codes that the contract explains. statuses has the HTTP status of each.
func NewErrors(contract *Contract, statuses map[string]int) *Errors {
	sum := sha256.Sum256([]byte(errorsStyle))
	return &Errors{
		page: compressible(func() ([]byte, error) {
			codes, err := contract.ErrorCodes(statuses)
			if err != nil {
				return nil, err
			}
			return codes.render()
		}),
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; " +
			"form-action 'none'; frame-ancestors 'none'",
	}
}

func (e ErrorCodes) render() ([]byte, error) {
	functions := template.FuncMap{"markdown": markdown, "statusText": http.StatusText}
	page, err := template.New("errors").Funcs(functions).Parse(errorsPage)
	if err != nil {
		return nil, fmt.Errorf("parse errors.html: %w", err)
	}
	var rendered bytes.Buffer
	if err := page.Execute(&rendered, struct {
		ErrorCodes
		Style template.CSS
	}{e, template.CSS(errorsStyle)}); err != nil { //nolint:gosec // our own style sheet
		return nil, fmt.Errorf("render errors.html: %w", err)
	}
	return rendered.Bytes(), nil
}

// markdown renders the only Markdown that the tables use: code in backquotes.
func markdown(text string) template.HTML {
	escaped := template.HTMLEscapeString(text)
	return template.HTML(quoted.ReplaceAllString(escaped, "<code>$1</code>")) //nolint:gosec // escaped above
}

// Page serves the explanations of all codes, each at the anchor of its name.
func (e *Errors) Page(c *gin.Context) {
	c.Header("Content-Security-Policy", e.policy)
	e.page.serve(c, "errors.html")
}
