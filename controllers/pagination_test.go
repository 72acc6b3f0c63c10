package controllers

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// place is the position at which a page ends in a list that is ordered by time and id.
type place struct {
	At time.Time `json:"at"`
	ID string    `json:"id"`
}

func TestCursors_Read_AcceptsOnlyCursorsOfItsScope(t *testing.T) {
	first, second := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	before, now := NewCursors(first), NewCursors(second, first)
	at := place{time.Date(2026, 3, 1, 12, 0, 0, 1000, time.UTC), "a"}
	cursor, err := before.Next("users of ann", at)
	require.NoError(t, err)
	require.NotContains(t, cursor, "2026")
	var read place
	require.NoError(t, now.Read("users of ann", cursor, &read), "a fallback opens it")
	require.Equal(t, at, read)
	for name, bad := range map[string]string{
		"another scope": "", "empty": "-", "cut": cursor[:len(cursor)-1], "another prefix": "lkr_" + cursor[4:],
		"padded": cursor + "=", "changed": swapLast(cursor), "a line break": cursor[:10] + "\n" + cursor[10:],
	} {
		scope := "users of ann"
		switch bad {
		case "":
			scope, bad = "users of bob", cursor
		case "-":
			bad = ""
		}
		require.Equal(t, []string{"cursor invalid"}, fieldErrors(t, now.Read(scope, bad, &read)), name)
	}
	require.Equal(t, []string{"cursor invalid"}, fieldErrors(t, NewCursors(second).Read("users of ann", cursor, &read)), "another key")
}

// swapLast changes the last character but one. Of the last one, not all bits are significant.
func swapLast(cursor string) string {
	at := len(cursor) - 2
	if cursor[at] == 'A' {
		return cursor[:at] + "B" + cursor[at+1:]
	}
	return cursor[:at] + "A" + cursor[at+1:]
}

func TestPageRequest_size(t *testing.T) {
	var request pageRequest
	require.NoError(t, bindQuery(t, "cursor=lkp_x", &request))
	size, err := request.size(50)
	require.NoError(t, err)
	require.Equal(t, 50, size)
	for text, fits := range map[string]bool{"1": true, "200": true, "0": false, "201": false, "-1": false} {
		var request pageRequest
		require.NoError(t, bindQuery(t, "limit="+text, &request))
		if size, err = request.size(50); fits {
			require.NoError(t, err)
			require.NotZero(t, size)
			continue
		}
		require.Equal(t, []string{"limit invalid"}, fieldErrors(t, err), text)
	}
}
