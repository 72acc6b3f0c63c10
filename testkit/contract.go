package testkit

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/stretchr/testify/require"

	"latchkey/api"
)

// Contract is the OpenAPI document as tests hold the service against it.
type Contract struct {
	validator  validator.Validator
	operations []operation
}

type operation struct {
	method string
	path   string // as the document has it
	match  *regexp.Regexp
}

// TheContract reads the document once a test process.
var TheContract = sync.OnceValue(func() *Contract {
	document, err := libopenapi.NewDocument(api.Document())
	if err != nil {
		panic(err)
	}
	model, err := document.BuildV3Model()
	if err != nil {
		panic(err)
	}
	strict, errs := validator.NewValidator(document, config.WithFormatAssertions(), config.WithStrictMode(),
		config.WithStrictIgnoredHeadersExtra(everywhere()...))
	if len(errs) > 0 {
		panic(errs[0])
	}
	contract := &Contract{validator: strict}
	for path, item := range model.Model.Paths.PathItems.FromOldest() {
		pattern := regexp.MustCompile(`^` + regexp.MustCompile(`\\\{\w+\\\}`).ReplaceAllString(regexp.QuoteMeta(path), `[^/]+`) + `$`)
		for method := range item.GetOperations().KeysFromOldest() {
			contract.operations = append(contract.operations, operation{upper(method), path, pattern})
		}
	}
	return contract
})

// everywhere are the headers of every request and answer, which no operation has to declare.
func everywhere() []string {
	return []string{
		"Accept-Encoding", "Authorization", "Content-Length", "Content-Type", "Date", "Origin", "User-Agent",
		"X-Forwarded-For", "X-Request-Id",
		"Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Cache-Control", "Content-Security-Policy",
		"Cross-Origin-Resource-Policy", "Ratelimit", "Ratelimit-Policy", "Referrer-Policy", "Vary", "X-Content-Type-Options", "X-Frame-Options",
	}
}

func upper(method string) string { return string(bytes.ToUpper([]byte(method))) }

// Operations are the document's, as "GET /path/{id}".
func (c *Contract) Operations() []string {
	operations := make([]string, len(c.operations))
	for i, operation := range c.operations {
		operations[i] = operation.method + " " + operation.path
	}
	return operations
}

func (c *Contract) has(method, path string) bool {
	for _, operation := range c.operations {
		if operation.method == method && operation.match.MatchString(path) {
			return true
		}
	}
	return false
}

// check holds an answer against the document and, if the service was content with it, the request too.
func (c *Contract) check(t testing.TB, call Call, request *http.Request, answer Response) {
	t.Helper()
	target, err := url.Parse(call.Path)
	if err != nil || !c.has(call.Method, target.Path) || call.Method == http.MethodHead {
		return
	}
	replayed := request.Clone(t.Context())
	replayed.Body = io.NopCloser(bytes.NewBufferString(call.Body))
	ok, faults := c.validator.ValidateHttpResponse(replayed, &http.Response{
		StatusCode: answer.Status, Header: answer.Header, Body: io.NopCloser(bytes.NewBufferString(answer.Body)), Request: request,
	})
	require.True(t, ok, "the answer to %s %s breaks the contract: %v: %s", call.Method, call.Path, faults, answer.Body)
	if answer.Status >= http.StatusBadRequest || call.OffContract {
		return
	}
	replayed.Body = io.NopCloser(bytes.NewBufferString(call.Body))
	ok, faults = c.validator.ValidateHttpRequestSync(replayed)
	require.True(t, ok, "the contract does not know the request %s %s: %v: %s", call.Method, call.Path, faults, call.Body)
}
