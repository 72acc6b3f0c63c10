package importer

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"latchkey/models"
)

// value returns the value of a field, and whether the row has one.
func (r *reader) value(field string) (any, bool) {
	column, isMapped := r.columns[field]
	if !isMapped {
		column = field
	}
	value, found := r.row[column]
	if bytes, ok := value.([]byte); ok {
		return string(bytes), found
	}
	return value, found
}

func (r *reader) note(field, problem string) {
	r.notes = append(r.notes, field+": "+problem)
}

// text reads a text as Django's CharField does, which takes a number for its digits.
func (r *reader) text(field string) string {
	value, _ := r.value(field)
	text, ok := textOf(value)
	if !ok {
		r.note(field, "it is not a text, and is left out")
	}
	return text
}

func textOf(value any) (text string, ok bool) {
	switch value := value.(type) {
	case nil:
		return "", true
	case string:
		return value, true
	case int64:
		return strconv.FormatInt(value, 10), true
	default:
		return "", false
	}
}

// password reads a hash. An account does not lose it without a word: one that is not a text is the account's fault.
func (r *reader) password(field string) string {
	value, _ := r.value(field)
	text, ok := value.(string)
	if value != nil && !ok {
		r.fault = field + ": it is not a text"
	}
	return text
}

// boolean reads a boolean in every form that Django's BooleanField or another database writes. A missing value is false. It
// returns false for ok if the value can't be read.
func boolean(value any) (isTrue, ok bool) {
	switch value := value.(type) {
	case nil:
		return false, true
	case bool:
		return value, true
	case int64: // as MySQL and SQLite store it
		return value == 1, value == 0 || value == 1
	case string:
		switch strings.ToLower(value) {
		case "t", "true", "1", "1.0":
			return true, true
		case "f", "false", "0", "0.0":
			return false, true
		}
	}
	return false, false
}

// isSet reads a boolean that is false where the source does not have it.
func (r *reader) isSet(field string) bool {
	value, _ := r.value(field)
	isTrue, ok := boolean(value)
	if !ok {
		r.note(field, "it is neither true nor false, and is taken as false")
	}
	return isTrue
}

// isActive reads a boolean that is true where the source does not have it. Null is false, as to Django.
func (r *reader) isActive(field string) bool {
	value, found := r.value(field)
	isTrue, ok := boolean(value)
	if !ok || found && value == nil {
		r.note(field, "it is neither true nor false, so that the account is not active")
	}
	return isTrue || !found
}

// isEnabled reads a boolean that says whether an account is disabled, and returns the opposite. An account whose value can't be
// read is not enabled.
func (r *reader) isEnabled(field string) bool {
	value, _ := r.value(field)
	isTrue, ok := boolean(value)
	if !ok {
		r.note(field, "it is neither true nor false, so that the account is not active")
	}
	return ok && !isTrue
}

// moment reads a time.
func (r *reader) moment(field string) *time.Time {
	value, _ := r.value(field)
	switch value := value.(type) {
	case nil:
		return nil
	case time.Time:
		return &value
	case string:
		if value == "" {
			return nil
		}
		if moment := parseMoment(value); moment != nil {
			return moment
		}
	}
	r.note(field, "it is not a time, and is left out")
	return nil
}

// milliseconds reads a time that is a number of milliseconds since 1970, or its digits. Zero and nothing are no time.
func (r *reader) milliseconds(field string) *time.Time {
	text := strings.TrimSpace(r.text(field))
	if text == "" || text == "0" {
		return nil
	}
	count, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		r.note(field, "it is not a number of milliseconds, and is left out")
		return nil
	}
	return new(time.UnixMilli(count).UTC())
}

// djangoMoment is a date, or a date and a time, in the forms of Django's parse_date and parse_datetime, and of databases.
var djangoMoment = regexp.MustCompile(`^(\d{4})-(\d{1,2})-(\d{1,2})` +
	`(?:[T ](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,6})\d*)?)?\s*([Zz]|[+-]\d{2}(?::?\d{2})?)?)?$`)

// parseMoment returns the time that a text says, or nil. A date is its midnight; without a zone it is UTC.
func parseMoment(text string) *time.Time {
	parts := djangoMoment.FindStringSubmatch(strings.TrimSpace(text))
	if parts == nil {
		return nil
	}
	var numbers [7]int
	for i, part := range parts[1:7] {
		numbers[i], _ = strconv.Atoi(part) // digits or nothing
	}
	numbers[6], _ = strconv.Atoi((parts[7] + "000000")[:6])
	year, month, day := numbers[0], time.Month(numbers[1]), numbers[2]
	hour, minute, second := numbers[3], numbers[4], numbers[5]
	moment := time.Date(year, month, day, hour, minute, second, numbers[6]*int(time.Microsecond), zone(parts[8]))
	if year == 0 || moment.Month() != month || moment.Day() != day || hour > 23 || minute > 59 || second > 59 {
		return nil
	}
	return &moment
}

// zone returns the zone of an offset such as +02, +0200, +02:00 or Z.
func zone(offset string) *time.Location {
	if offset == "" || offset == "Z" || offset == "z" {
		return time.UTC
	}
	digits := strings.ReplaceAll(offset[1:], ":", "") + "00"
	hours, _ := strconv.Atoi(digits[:2])
	minutes, _ := strconv.Atoi(digits[2:4])
	seconds := (hours*60 + minutes) * 60
	if offset[0] == '-' {
		seconds = -seconds
	}
	return time.FixedZone("", seconds)
}

// key sets the account's LegacyID from an integer primary key, its ID from a UUID, and from any other text an ID derived from it.
func (r *reader) key(account *models.ExternalAccount, field string) {
	value, _ := r.value(field)
	switch value := value.(type) {
	case nil:
		account.Source = account.Email
		return
	case int64:
		r.integerKey(account, value)
		return
	case string:
		if number, err := strconv.ParseInt(value, 10, 64); err == nil {
			r.integerKey(account, number)
			return
		}
		account.Source = "id " + value
		if value != "" {
			account.ID = ForeignID(value)
			return
		}
	}
	account.Fault = field + ": it is neither a number nor a text"
}

func (r *reader) integerKey(account *models.ExternalAccount, number int64) {
	account.LegacyID = &number
	account.Source = fmt.Sprintf("id %d", number)
}

// ForeignID returns the id that an account gets here for its id in another system: the same if that is a UUID, and otherwise a
// UUID made of it, always the same one (RFC 9562, section 5.5, version 5 in the namespace of OIDs).
func ForeignID(id string) uuid.UUID {
	if parsed, err := uuid.Parse(id); err == nil && parsed != uuid.Nil {
		return parsed
	}
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte("latchkey/import/"+id))
}

// orZero returns a time, or the zero time for nil.
func orZero(moment *time.Time) time.Time {
	if moment == nil {
		return time.Time{}
	}
	return *moment
}
