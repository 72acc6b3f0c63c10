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

// Contract is the OpenAPI document, against which tests check requests and responses.
type Contract struct {
	validator  validator.Validator
	operations []operation

	mu        sync.Mutex
	exercised map[string]bool // "GET /path/{id} 200", and "GET /path/{id} 404 not_found" for a problem
}

type operation struct {
	method string
	path   string // as it is in the document
	match  *regexp.Regexp
	status []string       // of its responses, each also with the codes in the contract's example of it
	body   []string       // the members of its request's body
	needed []string       // the required ones of them
	sample map[string]any // the example of that body
}

// TheContract returns the contract, which it reads once per test process.
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
				upper(method), path, pattern, statuses(declared), members(declared), required(declared), sample(declared),
			})
		}
	}
	return contract
})

// everywhere returns the headers that any request or response may have and no operation has to declare.
func everywhere() []string {
	return []string{
		"Accept-Encoding", "Authorization", "Content-Length", "Content-Type", "Date", "Origin", "User-Agent",
		"Forwarded", "X-Forwarded-For", "X-Request-Id",
		"Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Cache-Control", "Content-Security-Policy",
		"Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Strict-Transport-Security", "Connection",
		"Ratelimit", "Ratelimit-Policy", "Referrer-Policy", "Vary", "X-Content-Type-Options", "X-Frame-Options",
	}
}

func upper(method string) string { return string(bytes.ToUpper([]byte(method))) }

// Operations returns the operations of the document, as "GET /path/{id}".
func (c *Contract) Operations() []string {
	operations := make([]string, len(c.operations))
	for i, operation := range c.operations {
		operations[i] = operation.method + " " + operation.path
	}
	return operations
}

// statuses returns the statuses of an operation's responses and, for each problem with an example, the status with each code in
// that.
func statuses(declared *v3.Operation) (all []string) {
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
		for _, code := range example.codes() {
			all = append(all, status+" "+code)
		}
	}
	return all
}

// problem is what a test reads of a problem: of an example, or of a response.
type problem struct {
	Code   string
	Errors []struct{ Field, Code string }
}

// codes returns the code of the problem and, separately, that of each field.
func (p problem) codes() []string {
	all := []string{p.Code}
	for _, fault := range p.Errors {
		all = append(all, p.Code+" "+fault.Field+" "+fault.Code)
	}
	return all
}

// members returns the names of the members of the JSON object that an operation takes.
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

// required returns the members without which an operation's body is refused in any case.
func required(declared *v3.Operation) []string {
	if members(declared) == nil {
		return nil
	}
	content, _ := declared.RequestBody.Content.Get("application/json")
	return content.Schema.Schema().Required
}

// sample returns the example of the body that an operation takes.
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

// Sample returns the example of the body that an operation, such as "POST /path", takes.
func (c *Contract) Sample(name string) map[string]any { return c.named(name).sample }

// Members returns the names of the members of the body that an operation, such as "POST /path", takes.
func (c *Contract) Members(name string) []string { return c.named(name).body }

// OptionalMembers returns those of its Members that an operation, "POST /path", does not require.
func (c *Contract) OptionalMembers(name string) []string {
	called := c.named(name)
	return slices.DeleteFunc(slices.Clone(called.body), func(member string) bool { return slices.Contains(called.needed, member) })
}

func (c *Contract) named(name string) operation {
	for _, operation := range c.operations {
		if operation.method+" "+operation.path == name {
			return operation
		}
	}
	return operation{}
}

// Answering returns the operations that have a response with this status.
func (c *Contract) Answering(status string) []string {
	var operations []string
	for _, operation := range c.operations {
		if slices.Contains(operation.status, status) {
			operations = append(operations, operation.method+" "+operation.path)
		}
	}
	return operations
}

// Unexercised returns the responses, and examples of problems, that no call of this process has received, as
// "GET /path/{id} 200" and "GET /path/{id} 404 not_found".
func (c *Contract) Unexercised() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var missing []string
	for _, operation := range c.operations {
		for _, status := range operation.status {
			if name := operation.method + " " + operation.path + " " + status; !c.exercised[name] {
				missing = append(missing, name)
			}
		}
	}
	return missing
}

// find reports whether a request is of an operation of the contract, and notes its response.
func (c *Contract) find(method, path string, response Response) bool {
	for _, operation := range c.operations {
		if operation.method == method && operation.match.MatchString(path) {
			c.note(method+" "+operation.path+" "+strconv.Itoa(response.Status), response)
			return true
		}
	}
	return false
}

// note records that a response was received.
func (c *Contract) note(name string, response Response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.exercised[name] = true
	var received problem
	if response.Status < http.StatusBadRequest || json.Unmarshal([]byte(response.Body), &received) != nil {
		return
	}
	for _, code := range received.codes() {
		c.exercised[name+" "+code] = true
	}
}

// check fails the test if a response breaks the contract or if the service accepted a request that breaks it.
func (c *Contract) check(t testing.TB, call Call, request *http.Request, response Response) {
	t.Helper()
	target, err := url.Parse(call.Path)
	if err != nil || !c.find(call.Method, target.Path, response) {
		return
	}
	replayed := request.Clone(t.Context())
	replayed.Body = io.NopCloser(bytes.NewBufferString(call.Body))
	ok, faults := c.validator.ValidateHttpResponse(replayed, &http.Response{
		StatusCode: response.Status, Header: response.Header, Body: io.NopCloser(bytes.NewBufferString(response.Body)), Request: request,
	})
	require.True(t, ok, "the response to %s %s breaks the contract: %v: %s", call.Method, call.Path, faults, response.Body)
	if response.Status >= http.StatusBadRequest || call.OffContract {
		return
	}
	replayed.Body = io.NopCloser(bytes.NewBufferString(call.Body))
	ok, faults = c.validator.ValidateHttpRequestSync(replayed)
	require.True(t, ok, "the request %s %s is not in the contract: %v: %s", call.Method, call.Path, faults, call.Body)
}
