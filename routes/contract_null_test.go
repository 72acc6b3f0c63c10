package routes_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/testkit"
)

// Every optional member of the contract is sent as null, alone and with all others, and has to do what leaving it out does.
func TestContract_NullOfAnOptionalMemberCountsAsLeftOut(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		world, tried := newFuzzed(t, db), 0
		for _, operation := range testkit.TheContract().Operations() {
			optional := testkit.TheContract().OptionalMembers(operation)
			for _, body := range world.bodies(t, operation) {
				for _, member := range optional {
					world.requireNullIsLeftOut(t, operation, body, member)
					tried++
				}
				world.requireNullIsLeftOut(t, operation, body, optional...)
			}
		}
		require.Greater(t, tried, 30)
	})
}

// bodies returns the contract's example of an operation's body, and one that this service accepts.
func (f fuzzed) bodies(t *testing.T, operation string) []map[string]any {
	t.Helper()
	if len(testkit.TheContract().OptionalMembers(operation)) == 0 {
		return nil
	}
	var accepted map[string]any
	require.NoError(t, json.Unmarshal([]byte(f.proper(operation).Body), &accepted))
	return []map[string]any{testkit.TheContract().Sample(operation), accepted}
}

func (f fuzzed) requireNullIsLeftOut(t *testing.T, operation string, body map[string]any, members ...string) {
	t.Helper()
	without, null := maps.Clone(body), maps.Clone(body)
	for _, member := range members {
		delete(without, member)
		null[member] = nil
	}
	require.Equal(t, f.effect(t, operation, without), f.effect(t, operation, null), "%s with null for %v", operation, members)
}

// effect is what a request led to, without what differs between two equal requests.
type effect struct {
	status   int
	problem  string
	errors   any
	user     any
	accounts []string // each with the profile
	sessions []string // each with the name of its client, and the reason of its end
}

func (f fuzzed) effect(t *testing.T, operation string, body map[string]any) effect {
	t.Helper()
	text, err := json.Marshal(body)
	require.NoError(t, err)
	call := f.proper(operation)
	call.Body = string(text)
	defer f.restore(t)
	answer := f.app.Do(t, call)

	var content map[string]any
	if strings.HasPrefix(answer.Body, "{") {
		require.NoError(t, json.Unmarshal([]byte(answer.Body), &content))
	}
	found := effect{status: answer.Status, errors: content["errors"], user: content["user"]}
	if answer.Status >= http.StatusBadRequest {
		found.problem = answer.Text(t, "code")
	}
	if user, isObject := found.user.(map[string]any); isObject {
		delete(user, "id") // a sign-up makes a new one
	}
	require.NoError(t, f.app.DB.Raw("SELECT email || '|' || first_name || '|' || last_name || '|' || locale || '|' || timezone "+
		"FROM users").Scan(&found.accounts).Error)
	require.NoError(t, f.app.DB.Raw("SELECT auth_method || '|' || client_name || '|' || end_reason FROM sessions").
		Scan(&found.sessions).Error)
	slices.Sort(found.accounts)
	slices.Sort(found.sessions)
	return found
}
