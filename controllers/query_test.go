package controllers

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"latchkey/problems"
)

func bindQuery(t testing.TB, query string, into any) error {
	t.Helper()
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	c.Request.URL.RawQuery = query
	return BindQuery(c, into)
}

func TestBindQuery_ReadsEveryKindOfValue(t *testing.T) {
	var got everything
	require.NoError(t, bindQuery(t, "wanted=b%20c&text=true&maybe=7&flag=true&switch=false&count=-3&limit=5&ratio=0.5&names=x&names="+
		"&id=019a0000-0000-7000-8000-000000000001&at=2026-03-01T12%3A00%3A00Z", &got))
	require.Equal(t, everything{
		Wanted: "b c", Text: "true", Maybe: new("7"), Flag: true, Switch: new(false), Count: -3, Limit: new(5), Ratio: 0.5,
		ID: uuid.MustParse("019a0000-0000-7000-8000-000000000001"), At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Names: []string{"x", ""},
	}, got)
}

func TestBindQuery_Refuses(t *testing.T) {
	for query, want := range map[string]string{
		"":                           "wanted required",
		"wanted=b&wanted=c":          "wanted invalid_type",
		"wanted=b&flag=yes":          "flag invalid_type",
		"wanted=b&flag=":             "flag invalid_type",
		"wanted=b&flag=null":         "flag invalid_type",
		"wanted=b&count=1.5":         "count invalid_type",
		"wanted=b&limit=":            "limit invalid_type",
		"wanted=b&limit=1&limit=2":   "limit invalid_type",
		"wanted=b&limit=[1]":         "limit invalid_type",
		"wanted=b&id=7":              "id invalid_type",
		"wanted=b&other=1":           "other unknown_field",
		"wanted=b&my%20secret=1":     "(unknown) unknown_field",
		"wanted=b&Text=1":            "Text unknown_field",
		"wanted=%00":                 "wanted invalid_characters",
		"wanted=b&names=a&names=%00": "names invalid_characters",
		"wanted=b&shown=1":           "shown read_only",
	} {
		require.Equal(t, []string{want}, fieldErrors(t, bindQuery(t, query, new(everything))), query)
	}
	for _, query := range []string{"wanted=%", "wanted=%zz", "wanted=b;c=d", "wanted=%ff"} {
		require.ErrorIs(t, bindQuery(t, query, new(everything)), problems.ErrMalformedQuery, query)
	}
}

func FuzzBindQuery(f *testing.F) {
	f.Add("wanted=b&flag=true&count=1&names=x&names=y")
	f.Add("wanted=%00&limit=[&id=null&keys=1")
	f.Fuzz(func(t *testing.T, query string) {
		var request, again everything
		if bindQuery(t, query, &request) != nil {
			return
		}
		require.NoError(t, bindQuery(t, query, &again))
		require.Equal(t, request, again)
	})
}
