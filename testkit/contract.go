package testkit

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
	"github.com/stretchr/testify/require"

	"latchkey/api"
)

// Contract is the OpenAPI document as tests hold the service against it.
type Contract struct {
	validator  validator.Validator
	operations []operation

	mu        sync.Mutex
	exercised map[string]bool // "GET /path/{id} 200", and "GET /path/{id} 404 not_found" of a problem
}

type operation struct {
	method string
	path   string // as the document has it
	match  *regexp.Regexp
	status []string       // that it may answer, each also with what the contract's example of it says
	body   []string       // the members of its request's body
	sample map[string]any // of that body
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
	contract := &Contract{validator: strict, exercised: map[string]bool{}}
	for path, item := range model.Model.Paths.PathItems.FromOldest() {
		pattern := regexp.MustCompile(`^` + regexp.MustCompile(`\\\{\w+\\\}`).ReplaceAllString(regexp.QuoteMeta(path), `[^/]+`) + `$`)
		for method, declared := range item.GetOperations().FromOldest() {
			contract.operations = append(contract.operations, operation{
				upper(method), path, pattern, answers(declared), members(declared), sample(declared),
			})
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

// answers are the statuses that an operation may answer and, of those whose problem has an example, what that says.
func answers(declared *v3.Operation) (all []string) {
	for status, response := range declared.Responses.Codes.FromOldest() {
		all = append(all, status)
		if response.Content == nil {
			continue
		}
		content, found := response.Content.Get("application/problem+json")
		if !found {
			continue
		}
		var example problem
		if err := content.Example.Decode(&example); err != nil {
			panic(err)
		}
		for _, said := range example.says() {
			all = append(all, status+" "+said)
		}
	}
	return all
}

// problem is what an example of one, or an answer that is one, says.
type problem struct {
	Code   string
	Errors []struct{ Field, Code string }
}

// says are the code and, apart, each fault of a field.
func (p problem) says() []string {
	said := []string{p.Code}
	for _, fault := range p.Errors {
		said = append(said, p.Code+" "+fault.Field+" "+fault.Code)
	}
	return said
}

// members are those of the JSON object that an operation takes.
func members(declared *v3.Operation) []string {
	if declared.RequestBody == nil {
		return nil
	}
	content, found := declared.RequestBody.Content.Get("application/json")
	if !found || content.Schema.Schema().Properties == nil {
		return nil
	}
	return slices.Collect(content.Schema.Schema().Properties.KeysFromOldest())
}

// sample is the example of a request's body.
func sample(declared *v3.Operation) map[string]any {
	if declared.RequestBody == nil {
		return nil
	}
	content, found := declared.RequestBody.Content.Get("application/json")
	if !found || content.Example == nil {
		return nil
	}
	var value map[string]any
	if err := content.Example.Decode(&value); err != nil {
		panic(err)
	}
	return value
}

// Sample is the example of the body that an operation, "POST /path", takes.
func (c *Contract) Sample(name string) map[string]any { return c.named(name).sample }

// Members are those of the body that an operation, "POST /path", takes.
func (c *Contract) Members(name string) []string { return c.named(name).body }

func (c *Contract) named(name string) operation {
	for _, operation := range c.operations {
		if operation.method+" "+operation.path == name {
			return operation
		}
	}
	return operation{}
}

// Answering are the operations that may answer with status.
func (c *Contract) Answering(status string) []string {
	var operations []string
	for _, operation := range c.operations {
		if slices.Contains(operation.status, status) {
			operations = append(operations, operation.method+" "+operation.path)
		}
	}
	return operations
}

// Unexercised are the answers, and examples of problems, that no call of this process has had, as "GET /path/{id} 200" and
// "GET /path/{id} 404 not_found".
func (c *Contract) Unexercised() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var missing []string
	for _, operation := range c.operations {
		for _, status := range operation.status {
			if answer := operation.method + " " + operation.path + " " + status; !c.exercised[answer] {
				missing = append(missing, answer)
			}
		}
	}
	return missing
}

// find tells whether a request is of an operation of the contract, and notes its answer.
func (c *Contract) find(method, path string, answer Response) bool {
	for _, operation := range c.operations {
		if operation.method == method && operation.match.MatchString(path) {
			c.note(method+" "+operation.path+" "+strconv.Itoa(answer.Status), answer)
			return true
		}
	}
	return false
}

func (c *Contract) note(name string, answer Response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.exercised[name] = true
	var said problem
	if answer.Status < http.StatusBadRequest || json.Unmarshal([]byte(answer.Body), &said) != nil {
		return
	}
	for _, part := range said.says() {
		c.exercised[name+" "+part] = true
	}
}

// check holds an answer against the document and, if the service was content with it, the request too.
func (c *Contract) check(t testing.TB, call Call, request *http.Request, answer Response) {
	t.Helper()
	target, err := url.Parse(call.Path)
	if err != nil || !c.find(call.Method, target.Path, answer) {
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
