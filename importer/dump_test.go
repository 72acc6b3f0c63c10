package importer_test

import (
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"latchkey/importer"
	"latchkey/models"
)

const dump = `[
{"model": "contenttypes.contenttype", "pk": 1, "fields": {"app_label": "users", "model": "user"}},
{"model": "users.user", "pk": 7, "fields": {"password": "!x", "last_login": "2026-01-02T03:04:05.678Z", "is_superuser": true,
 "first_name": "Ann", "last_name": "Bée", "email": "ann@example.com", "is_staff": true, "is_active": false,
 "date_joined": "2019-04-01T08:00:00", "groups": [], "user_permissions": []}},
{"model": "users.user", "pk": "8c5a2f3e-9a51-4a3e-8f0d-6f6c4f1b2a10", "fields": {"password": "!y", "last_login": null, "email": "bob@example.com"}}
]`

func TestReadDump_AsArrayAndAsLines(t *testing.T) {
	bob := models.ExternalAccount{
		Source: "id 8c5a2f3e-9a51-4a3e-8f0d-6f6c4f1b2a10", ID: uuid.MustParse("8c5a2f3e-9a51-4a3e-8f0d-6f6c4f1b2a10"),
		Email: "bob@example.com", Password: "!y", IsActive: true,
	}
	asLines := strings.NewReplacer("[\n", "", "\n]", "", "}},\n", "}}\n").Replace(dump)
	for name, text := range map[string]string{"array": dump, "lines": asLines} {
		for _, table := range []string{"", "users_user", "Users_User"} {
			var read []models.ExternalAccount
			require.NoError(t, importer.ReadDump(strings.NewReader(text), table, importer.DjangoColumns(), collect(&read)), name)
			require.Equal(t, []models.ExternalAccount{ann(), bob}, read)
		}
	}
}

func TestReadDump_RefusesWhatIsNotADump(t *testing.T) {
	second := `{"model": "shop.customer", "pk": 1, "fields": {"password": "SECRET", "last_login": null}}`
	for name, c := range map[string]struct {
		text, table string
		err         error
	}{
		"nothing":              {"", "", importer.ErrNoUsers},
		"no users":             {"[]", "", importer.ErrNoUsers},
		"another table":        {dump, "auth_user", importer.ErrNoUsers},
		"two models":           {strings.TrimSuffix(dump, "\n]") + "," + second + "]", "", importer.ErrNoUsers},
		"cut short":            {strings.TrimSuffix(dump, "\n]"), "", importer.ErrNotADump},
		"cut in a user":        {dump[:len(dump)-20], "", importer.ErrNotADump},
		"not JSON":             {"COPY users_user FROM stdin;", "", importer.ErrNotADump},
		"something after":      {dump + "SECRET", "", importer.ErrNotADump},
		"another shape":        {`[{"model": "users.user", "fields": "SECRET"}]`, "", importer.ErrNotADump},
		"natural keys":         {`{"model":"a.user","fields":{"password":"","last_login":null}}`, "", importer.ErrNoKeys},
		"a key that is a list": {`{"model":"a.user","pk":[1],"fields":{"password":"","last_login":null}}`, "", importer.ErrNoKeys},
		"a realm":              {`{"realm": "SECRET", "users": [{"email": "a@example.com"}]}`, "", importer.ErrNotADump},
		"several likely models": {`[{"model":"a.b","pk":1,"fields":{"email":"","password":""}},{"model":"a.c","pk":1,"fields":{"email":"","password":""}}]`,
			"", importer.ErrNoUsers},
	} {
		t.Run(name, func(t *testing.T) {
			err := importer.ReadDump(strings.NewReader(c.text), c.table, importer.DjangoColumns(),
				func(models.ExternalAccount) error { return nil })
			require.ErrorIs(t, err, c.err)
			require.NotContains(t, err.Error(), "SECRET")
		})
	}
}

func TestReadDump_EndsWithTheErrorOfVisit(t *testing.T) {
	visit := func(models.ExternalAccount) error { return io.ErrShortWrite }
	require.ErrorIs(t, importer.ReadDump(strings.NewReader(dump), "", importer.DjangoColumns(), visit), io.ErrShortWrite)
}

// Keys are not floating-point numbers: 2^53 and its neighbours are three accounts.
func TestReadDump_KeepsKeysExact(t *testing.T) {
	for _, key := range []int64{1<<53 - 1, 1 << 53, 1<<53 + 1, math.MaxInt64, -1} {
		var read []models.ExternalAccount
		text := fmt.Sprintf(`{"model":"a.user","pk":%d,"fields":{"password":"","last_login":null,"email":"a@example.com"}}`, key)
		require.NoError(t, importer.ReadDump(strings.NewReader(text), "", importer.DjangoColumns(), collect(&read)))
		require.Equal(t, key, *read[0].LegacyID)
	}
}

// The objects of a model need not be alike. None is left out: who can't be imported has a Fault, or lacks an email.
func TestReadDump_TakesEveryObjectOfTheModel(t *testing.T) {
	object := func(model, key, fields string) string {
		return `{"model":"` + model + `","pk":` + key + `,"fields":{` + fields + `}}`
	}
	const full = `"password":"!x","last_login":null,"email":"full@example.com"`
	text := "[" + strings.Join([]string{
		object("contenttypes.contenttype", "1", `"app_label":"shop"`),
		object("shop.customer", "1", `"is_active":true`),
		object("shop.customer", "2", `"password":"!x","email":"nologin@example.com"`),
		object("shop.account", "2", `"password":"SECRET","email":"imap@example.com"`),
		object("shop.profile", "2", `"email":"private@example.com"`),
		object("shop.customer", "3", full),
		object("shop.customer", "4", `"last_login":null,"email":"nopassword@example.com"`),
		object("shop.customer", "null", full),
		`{"model":"shop.customer","pk":6}`,
		object("shop.customer", `"7"`, full+`,"email":"last@example.com"`),
		object("shop.profile", "3", `"email":"private@example.com"`),
	}, ",") + "]"
	for _, table := range []string{"", "shop_customer"} {
		var read []models.ExternalAccount
		require.NoError(t, importer.ReadDump(strings.NewReader(text), table, importer.DjangoColumns(), collect(&read)))
		var seen []string
		for _, account := range read {
			seen = append(seen, fmt.Sprint(account.Source, " ", account.Email, " ", account.Fault))
		}
		require.ElementsMatch(t, []string{
			"id 1  ", "id 2 nologin@example.com ", "id 3 full@example.com ", "id 4 nopassword@example.com ",
			"full@example.com full@example.com it has no primary key",
			"id 6  it is not an object of a dump: it needs a model, a pk and fields", "id 7 last@example.com ",
		}, seen)
	}
}

// A model without a last login is that of the users if no other one has more of what users have.
func TestReadDump_FindsUsersWithoutALastLogin(t *testing.T) {
	var read []models.ExternalAccount
	text := `{"model":"shop.customer","pk":1,"fields":{"password":"!x","email":"a@example.com"}}`
	require.NoError(t, importer.ReadDump(strings.NewReader(text), "", importer.DjangoColumns(), collect(&read)))
	require.Len(t, read, 1)
}

// Memory is bounded: the users are looked for among so many objects, and no further.
func TestReadDump_AsksForTheTableBeforeItKeepsTooMuch(t *testing.T) {
	many := strings.Repeat(`{"model":"news.subscriber","pk":1,"fields":{"email":"a@example.com"}}`+"\n", 10_001)
	err := importer.ReadDump(strings.NewReader(many+dump), "", importer.DjangoColumns(), func(models.ExternalAccount) error { return nil })
	require.ErrorIs(t, err, importer.ErrNoUsers)
	require.ErrorContains(t, err, "--table")
	many = strings.Repeat(`{"model":"auth.permission","pk":1,"fields":{"name":"x"}}`+"\n", 10_001)
	var read []models.ExternalAccount
	oneByOne := `{"model":"a.user","pk":1,"fields":{"password":"","last_login":null,"email":"a@example.com"}}`
	require.NoError(t, importer.ReadDump(strings.NewReader(many+oneByOne), "", importer.DjangoColumns(), collect(&read)))
	require.Len(t, read, 1)
}

func TestReadDump_ReadsWhatWindowsWrites(t *testing.T) {
	for name, text := range map[string]string{"UTF-8": "\ufeff" + dump, "UTF-16": utf16LittleEndian("\ufeff" + dump), "gzip": zipped(t, dump)} {
		var read []models.ExternalAccount
		require.NoError(t, importer.ReadDump(strings.NewReader(text), "", importer.DjangoColumns(), collect(&read)), name)
		require.Equal(t, ann(), read[0], name)
	}
}
