// Package api owns the contract of the service: the OpenAPI document that says what every operation takes and answers, and
// the pages that show it.
package api

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/goccy/go-yaml"
)

//go:embed openapi.yaml
var document string

// Contract serves the document.
type Contract struct {
	asJSON []byte
}

// NewContract reads the document, which is part of the program.
func NewContract() (*Contract, error) {
	asJSON, err := yaml.YAMLToJSON([]byte(document))
	if err != nil || !json.Valid(asJSON) {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	return &Contract{asJSON: asJSON}, nil
}

// Document is the contract as it is written, in YAML.
func Document() []byte { return []byte(document) }

// YAML answers the document as it is written.
func (*Contract) YAML(c *gin.Context) {
	c.Data(http.StatusOK, "application/yaml", []byte(document))
}

// JSON answers the document as JSON.
func (a *Contract) JSON(c *gin.Context) {
	c.Data(http.StatusOK, "application/json", a.asJSON)
}
