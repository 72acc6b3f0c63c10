package controllers

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"latchkey/models"
)

// everything is a request with a field of each type.
type everything struct {
	Text   string    `json:"text"`
	Wanted string    `json:"wanted" bind:"required"`
	Maybe  *string   `json:"maybe"`
	Flag   bool      `json:"flag"`
	Switch *bool     `json:"switch"`
	Count  int       `json:"count"`
	Limit  *int      `json:"limit"`
	Ratio  float64   `json:"ratio"`
	ID     uuid.UUID `json:"id"`
	At     time.Time `json:"at"`
	Names  []string  `json:"names"`
	Keys   []key     `json:"keys"`
	Shown  readOnly  `json:"shown"`
}

type key struct {
	Name   string `json:"name"`
	Active bool   `json:"active"`
}

// fieldErrors returns the errors of a ValidationError, each as "field code".
func fieldErrors(t testing.TB, err error) []string {
	t.Helper()
	var invalid *models.ValidationError
	require.ErrorAs(t, err, &invalid)
	var found []string
	for _, field := range invalid.Errors {
		require.NotEmpty(t, field.Message)
		found = append(found, field.Field+" "+field.Code)
	}
	return found
}

func TestBind_ReadsEveryKindOfValue(t *testing.T) {
	var got everything
	require.NoError(t, bindText(t, `{"text":"a","wanted":"b","maybe":"c","flag":true,"switch":false,"count":-3,"limit":5,"ratio":0.5,
		"id":"019a0000-0000-7000-8000-000000000001","at":"2026-03-01T12:00:00Z","names":["x",""],"keys":[{"name":"k","active":true}]}`,
		"application/json", &got))
	require.Equal(t, everything{
		Text: "a", Wanted: "b", Maybe: new("c"), Flag: true, Switch: new(false), Count: -3, Limit: new(5), Ratio: 0.5,
		ID: uuid.MustParse("019a0000-0000-7000-8000-000000000001"), At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Names: []string{"x", ""}, Keys: []key{{"k", true}},
	}, got)
}

func TestBind_NullCountsAsMissing(t *testing.T) {
	var got everything
	require.NoError(t, bindText(t, `{"text":null,"wanted":"b","maybe":null,"flag":null,"limit":null,"names":null}`,
		"application/json", &got))
	require.Equal(t, everything{Wanted: "b"}, got)
	require.Equal(t, []string{"wanted required"}, fieldErrors(t, bindText(t, `{"wanted":null}`, "application/json", &got)))
	require.Equal(t, []string{"wanted required", "nothing unknown_field"},
		fieldErrors(t, bindText(t, `{"nothing":null}`, "application/json", &got)))
}

func TestBind_RefusesWrongTypes(t *testing.T) {
	for member, want := range map[string][2]string{
		`"text":1`:                               {"text invalid_type", "This field must be a string."},
		`"text":["a"]`:                           {"text invalid_type", "This field must be a string."},
		`"maybe":true`:                           {"maybe invalid_type", "This field must be a string."},
		`"flag":"true"`:                          {"flag invalid_type", "This field must be true or false."},
		`"flag":1`:                               {"flag invalid_type", "This field must be true or false."},
		`"switch":"no"`:                          {"switch invalid_type", "This field must be true or false."},
		`"count":1.5`:                            {"count invalid_type", "This field must be a whole number."},
		`"count":"1"`:                            {"count invalid_type", "This field must be a whole number."},
		`"count":99999999999999999999`:           {"count invalid_type", "This field must be a whole number."},
		`"limit":{}`:                             {"limit invalid_type", "This field must be a whole number."},
		`"ratio":"0.5"`:                          {"ratio invalid_type", "This field must be a number."},
		`"id":"7"`:                               {"id invalid_type", "This field must be an id."},
		`"at":"yesterday"`:                       {"at invalid_type", "This field must be a date and time, such as 2026-03-01T12:00:00Z."},
		`"names":"x"`:                            {"names invalid_type", "This field must be a list."},
		`"names":["x",2]`:                        {"names.1 invalid_type", "This field must be a string."},
		`"keys":[{"name":"k"},{"active":"yes"}]`: {"keys.1.active invalid_type", "This field must be true or false."},
		`"keys":[{"Name":"k"}]`:                  {"keys.0.Name unknown_field", "This request has no such field."},
		`"keys":[{"my secret":1}]`:               {"keys.0.(unknown) unknown_field", "This request has no such field."},
		`"keys":[7]`:                             {"keys.0 invalid_type", "This field must be an object."},
		`"text":"a\u0000b"`:                      {"text invalid_characters", "This field may not contain NUL characters."},
		`"names":["\u0000"]`:                     {"names invalid_characters", "This field may not contain NUL characters."},
		`"keys":[{"name":"\u0000"}]`:             {"keys invalid_characters", "This field may not contain NUL characters."},
		`"shown":"x"`:                            {"shown read_only", "This field can't be changed."},
		`"shown":null`:                           {"shown read_only", "This field can't be changed."},
	} {
		err := bindText(t, `{"wanted":"b",`+member+`}`, "application/json", new(everything))
		require.Equal(t, []string{want[0]}, fieldErrors(t, err), member)
		invalid := (*models.ValidationError)(nil)
		require.ErrorAs(t, err, &invalid)
		require.Equal(t, want[1], invalid.Errors[0].Message, member)
	}
	require.NoError(t, bindText(t, `{"wanted":"a backslash and u0000: \\u0000"}`, "application/json", new(everything)))
}

func FuzzBind_EveryKind(f *testing.F) {
	f.Add([]byte(`{"wanted":"b","flag":true,"count":1,"names":["x"],"keys":[{"name":"k","active":false}],"at":"2026-03-01T12:00:00Z"}`))
	f.Add([]byte(`{"wanted":null,"keys":[{"x":{}}],"count":1e400,"id":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var request, again everything
		if err := bindText(t, string(body), "application/json", &request); err != nil {
			return
		}
		require.NotEmpty(t, body)
		require.NoError(t, bindText(t, string(body), "application/json", &again))
		require.Equal(t, request, again)
	})
}
