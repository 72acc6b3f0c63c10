package api_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"latchkey/api"
)

// schemas walks every schema that a request of the contract is checked against.
type schemas struct {
	document map[string]any
	visit    func(place string, schema map[string]any)
}

func (s schemas) walk(place string, value any) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			s.walk(place, item)
		}
	case map[string]any:
		if ref, isRef := value["$ref"].(string); isRef {
			s.walk(ref, s.resolve(ref))
			return
		}
		if _, typed := value["type"]; typed {
			s.visit(place, value)
		}
		for _, key := range slices.Sorted(maps.Keys(value)) {
			if !slices.Contains([]string{"example", "examples", "enum"}, key) {
				s.walk(place+"/"+key, value[key])
			}
		}
	}
}

func (s schemas) resolve(ref string) any {
	var value any = s.document
	for step := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		value = value.(map[string]any)[step]
	}
	return value
}

// unbounded returns what a schema of a request leaves open: the length of a text, or the number of entries.
func unbounded(schema map[string]any) string {
	types, listed := schema["type"].([]any)
	if !listed {
		types = []any{schema["type"]}
	}
	_, isEnum := schema["enum"]
	switch format := schema["format"]; {
	case slices.Contains(types, any("string")) && !isEnum && format != "uuid" && format != "date-time" && schema["maxLength"] == nil:
		return "a string without maxLength"
	case slices.Contains(types, any("array")) && schema["maxItems"] == nil:
		return "an array without maxItems"
	default:
		return ""
	}
}

func TestContract_EveryInputHasATypeAndABound(t *testing.T) {
	var document map[string]any
	require.NoError(t, yaml.Unmarshal(api.Document(), &document))
	checked := 0
	inputs := schemas{document, func(place string, schema map[string]any) {
		checked++
		require.Empty(t, unbounded(schema), place)
	}}
	for path, item := range document["paths"].(map[string]any) {
		for method, operation := range item.(map[string]any) {
			operation, isOperation := operation.(map[string]any)
			if !isOperation {
				continue
			}
			place := method + " " + path
			inputs.walk(place, operation["requestBody"])
			inputs.walk(place, operation["parameters"])
			inputs.requireTypes(t, place, operation["requestBody"])
		}
	}
	require.Greater(t, checked, 40)
}

// requireTypes fails the test if a property of a body, or one of several forms, has neither a type nor a reference.
func (s schemas) requireTypes(t *testing.T, place string, value any) {
	t.Helper()
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			s.requireTypes(t, place, item)
		}
	case map[string]any:
		properties, _ := value["properties"].(map[string]any)
		for name, property := range properties {
			property := property.(map[string]any)
			require.True(t, property["type"] != nil || property["oneOf"] != nil || property["$ref"] != nil, "%s: %s has no type", place, name)
		}
		for key, part := range value {
			if key != "example" {
				s.requireTypes(t, place, part)
			}
		}
	}
}

func TestContract_AsksNoSecretQuestions(t *testing.T) {
	contract := strings.ToLower(string(api.Document()))
	for _, word := range []string{"hint:", "question:", "secret_question", "security_answer", "password_hint"} {
		require.NotContains(t, contract, word)
	}
}

func TestContract_UnboundedInputsAreNoticed(t *testing.T) {
	for want, schema := range map[string]map[string]any{
		"a string without maxLength": {"type": []any{"string", "null"}, "pattern": "^a"},
		"an array without maxItems":  {"type": "array"},
		"":                           {"type": "string", "format": "uuid"},
	} {
		require.Equal(t, want, unbounded(schema))
	}
	require.Equal(t, "a string without maxLength", unbounded(map[string]any{"type": "string"}))
	require.Empty(t, unbounded(map[string]any{"type": "string", "maxLength": 5}))
	require.Empty(t, unbounded(map[string]any{"type": []any{"string", "null"}, "enum": []any{"a", nil}}))
}
