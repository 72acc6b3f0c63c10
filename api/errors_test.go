package api_test

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/api"
	"latchkey/problems"
)

var update = flag.Bool("update", false, "rewrite docs/errors.md")

const errorsPage = "../docs/errors.md"

func TestErrorsPage(t *testing.T) {
	errors, err := api.NewContract().ErrorCodes(problems.Statuses())
	require.NoError(t, err)
	generated := asMarkdown(errors)
	if *update {
		require.NoError(t, os.WriteFile(errorsPage, []byte(generated), 0o600))
	}
	stored, err := os.ReadFile(errorsPage)
	require.NoError(t, err)
	require.Equal(t, generated, string(stored), "docs/errors.md is stale: go test ./api -run TestErrorsPage -update")
}

func TestContract_ErrorCodes_AreExactlyThoseOfTheService(t *testing.T) {
	statuses := problems.Statuses()
	statuses["made_up"] = 400
	_, err := api.NewContract().ErrorCodes(statuses)
	require.EqualError(t, err, "openapi.yaml: add made_up to the enum and to the table of the schema Code")
	delete(statuses, "made_up")
	delete(statuses, "not_found")
	_, err = api.NewContract().ErrorCodes(statuses)
	require.EqualError(t, err, "openapi.yaml: the schema Code has not_found, which the service never returns")
}

func asMarkdown(errors api.ErrorCodes) string {
	var page strings.Builder
	page.WriteString(`# Errors

Every error that the service returns, and what a client does about it. An error is always ` + "`application/problem+json`" + ` (RFC
9457): branch on its ` + "`code`" + `, show its ` + "`detail`" + ` to developers only, and give the operator its ` + "`request_id`" + `. Its ` + "`type`" + ` is the URL
of its row at ` + "`/errors`" + `, which has the same tables as this page.

Generated from [api/openapi.yaml](../api/openapi.yaml) and the table of errors: ` + "`go test ./api -run TestErrorsPage -update`" + `.

| code | status | when | what to do |
|---|---|---|---|
`)
	for _, code := range errors.Codes {
		fmt.Fprintf(&page, "| `%s` | %d %s | %s | %s |\n", code.Code, code.Status, http.StatusText(code.Status), code.When, code.Do)
	}
	page.WriteString(`
## Field errors

If the ` + "`code`" + ` is ` + "`validation_error`" + `, each entry of ` + "`errors`" + ` names a field and one of these codes.

| code | when | what to do |
|---|---|---|
`)
	for _, code := range errors.FieldCodes {
		fmt.Fprintf(&page, "| `%s` | %s | %s |\n", code.Code, code.When, code.Do)
	}
	return page.String()
}
