package ratelimit

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNormalizeURL_ReturnsWhatRedigoReads(t *testing.T) {
	for text, want := range map[string]string{
		"redis://host":                 "redis://host:6379",
		"redis://host/":                "redis://host:6379",
		"redis://host/0/":              "redis://host:6379/0",
		"redis://host:7000/12":         "redis://host:7000/12",
		"rediss://u:p%40ss@host":       "rediss://u:p%40ss@host:6379",
		"redis://[::1]":                "redis://[::1]:6379",
		"redis://[::1]:7000/1":         "redis://[::1]:7000/1",
		"redis://:secret@localhost:1/": "redis://:secret@localhost:1",
	} {
		got, err := normalizeURL(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "host:6379", "http://host", "redis:host", "redis://host/a", "redis://host/0/1", "redis://:hunter2@ho st"} {
		_, err := normalizeURL(text)
		require.EqualError(t, err, "not the URL of a Redis server", text)
	}
}
