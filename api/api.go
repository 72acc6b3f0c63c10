// Package api owns the contract of the service: the OpenAPI document that describes the requests and responses of every
// operation, and the pages that show it.
package api

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/gin-gonic/gin"
	"github.com/goccy/go-yaml"
)

//go:embed openapi.yaml
var document string

// Contract serves the embedded document. It is parsed once, on the first use that needs it parsed.
type Contract struct {
	asJSON     func() ([]byte, error)
	yaml, json asset
}

// NewContract returns a contract that is not parsed yet.
func NewContract() *Contract {
	asJSON := sync.OnceValues(documentAsJSON)
	asYAML := func() ([]byte, error) { return Document(), nil }
	return &Contract{asJSON: asJSON, yaml: compressible(asYAML), json: compressible(asJSON)}
}

func documentAsJSON() ([]byte, error) {
	asJSON, err := yaml.YAMLToJSON([]byte(document))
	if err == nil && !json.Valid(asJSON) {
		err = errors.New("it can't be converted to JSON")
	}
	if err != nil {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	return asJSON, nil
}

// Document returns the contract as it is written, in YAML.
func Document() []byte { return []byte(document) }

// YAML serves the document as it is written.
func (a *Contract) YAML(c *gin.Context) {
	c.Header("Content-Type", "application/yaml")
	a.yaml.serve(c, "openapi.yaml")
}

// JSON serves the document as JSON.
func (a *Contract) JSON(c *gin.Context) {
	c.Header("Content-Type", "application/json")
	a.json.serve(c, "openapi.json")
}
