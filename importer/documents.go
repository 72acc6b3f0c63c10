package importer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"latchkey/models"
)

var (
	// ErrLineTooLong means that a line is longer than any account can be.
	ErrLineTooLong = errors.New("longer than a megabyte, so this is not one JSON object per line")
	// ErrNotJSON means that an input is neither lines of JSON nor a document of JSON.
	ErrNotJSON = errors.New("this is not JSON; accounts have to be JSON objects, one per line or in a list")
	// ErrOtherFormat means that an input has the accounts of another format than the one that was asked for.
	ErrOtherFormat = errors.New("this is another format")
)

const (
	maxLine = 1 << 20
	// maxStart is how much of an input is looked at to tell lines from a document.
	maxStart = 64 << 10
)

// Format is how a system writes an account as an object of JSON. What can't be read is the account's Fault, or one of its Notes.
type Format struct {
	name string
	read func(object []byte) models.ExternalAccount
}

// The names of the formats, as the command line has them.
const (
	NameLatchkey = "latchkey"
	NameKeycloak = "keycloak"
	NameFirebase = "firebase"
)

// ReadJSON reads accounts from lines of one object each, from a list of objects, or from the member "users" of an object, as
// Keycloak and Firebase write them, and calls visit with each. It keeps one account in memory at a time. It returns ErrNotJSON,
// ErrOtherFormat, ErrLineTooLong, or the first error of input or visit.
func ReadJSON(input io.Reader, format Format, visit func(models.ExternalAccount) error) error {
	text, err := inUTF8(input)
	if err != nil {
		return err
	}
	buffered := bufio.NewReaderSize(text, maxStart)
	start, err := firstText(buffered)
	if err != nil {
		return err
	}
	accounts := &accountReader{format: format, visit: visit}
	switch {
	case len(start) == 0:
		return nil
	case !holdsObjects(start):
		return ErrNotJSON
	case isDocument(start):
		return accounts.documents(buffered)
	}
	return accounts.lines(buffered)
}

// firstText returns the beginning of an input without reading it, or nothing if there is nothing but white space.
func firstText(input *bufio.Reader) ([]byte, error) {
	for {
		start, err := input.Peek(maxStart)
		switch {
		case len(bytes.TrimSpace(start)) > 0:
			return start, nil
		case errors.Is(err, io.EOF):
			return nil, nil
		case err != nil:
			return nil, err
		}
		if _, err := input.Discard(len(start)); err != nil {
			return nil, err
		}
	}
}

// holdsObjects reports whether any line of a text begins as JSON that may hold accounts.
func holdsObjects(start []byte) bool {
	for line := range bytes.Lines(start) {
		if line = bytes.TrimSpace(line); len(line) > 0 && (line[0] == '{' || line[0] == '[') {
			return true
		}
	}
	return false
}

// isDocument reports whether a text begins with a value of JSON that is no line of its own, or that holds a list of users.
func isDocument(start []byte) bool {
	decoder := jsontext.NewDecoder(bytes.NewReader(start), readLeniently())
	first, err := decoder.ReadValue()
	if err != nil {
		return errors.Is(err, io.ErrUnexpectedEOF)
	}
	var members struct {
		Users jsontext.Value `json:"users"`
	}
	return first.Kind() == '[' || bytes.ContainsRune(bytes.TrimSpace(first), '\n') ||
		json.Unmarshal(first, &members, readLeniently()) == nil && members.Users.Kind() == '['
}

// readLeniently returns the options by which Python's parser, Keycloak's and Firebase's read: of members with the same name the
// last counts, and invalid UTF-8 becomes U+FFFD.
func readLeniently() jsontext.Options {
	return json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// accountReader visits the accounts of one input.
type accountReader struct {
	format Format
	visit  func(models.ExternalAccount) error
	count  int // of the accounts of documents
}

// lines reads one object per line, and skips empty lines.
func (a *accountReader) lines(input io.Reader) error {
	lines := bufio.NewScanner(input)
	lines.Buffer(nil, maxLine)
	number := 0
	for lines.Scan() {
		number++
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		if err := a.account(line, fmt.Sprintf("line %d", number)); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("line %d: %w", number+1, ErrLineTooLong)
	}
	return lines.Err()
}

// account visits one account.
func (a *accountReader) account(object []byte, source string) error {
	a.count++
	account := a.format.read(object)
	if a.count == 1 {
		if advice := a.format.advice(object); advice != "" {
			return fmt.Errorf("%w: %s", ErrOtherFormat, advice)
		}
	}
	account.Source = source
	return a.visit(account)
}

// advice returns what an object is and how to import it if it surely is of another format, or "".
func (f Format) advice(object []byte) string {
	members, err := readObject(object)
	if err != nil {
		return ""
	}
	has := func(name string) bool {
		_, found := members[name]
		return found
	}
	switch {
	case has("model") && has("fields"):
		return "it is the output of Django's dumpdata; import it with latchkey import django --from FILE"
	case has("_id") && has("email"):
		return "it is Auth0's; docs/import.md has the command that turns it into lines of Latchkey's format"
	case has("localId") && f.name != NameFirebase:
		return "it is Firebase's; import it with --format firebase --hash-config FILE"
	case f.name != NameKeycloak && (has("createdTimestamp") || has("enabled") || has("credentials")):
		return "it is Keycloak's; import it with --format keycloak"
	case f.name != NameLatchkey && has("password_hash"):
		return "it is Latchkey's own; import it with --format latchkey"
	}
	return ""
}

// documents reads lists of accounts, objects with a list of them, and single accounts, one after the other.
func (a *accountReader) documents(input io.Reader) error {
	decoder := jsontext.NewDecoder(input, readLeniently())
	for {
		err := a.document(decoder)
		if errors.Is(err, io.EOF) && decoder.StackDepth() == 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// document reads the next value.
func (a *accountReader) document(decoder *jsontext.Decoder) error {
	switch kind := decoder.PeekKind(); kind {
	case '[':
		return a.list(decoder)
	case '{':
		return a.object(decoder)
	default:
		value, err := decoder.ReadValue()
		if err != nil {
			return unparsed(err)
		}
		return a.account(value, a.nextSource())
	}
}

func (a *accountReader) nextSource() string { return fmt.Sprintf("account %d", a.count+1) }

func (a *accountReader) list(decoder *jsontext.Decoder) error {
	if _, err := decoder.ReadToken(); err != nil {
		return unparsed(err)
	}
	for decoder.PeekKind() != ']' {
		if err := a.document(decoder); err != nil {
			return err
		}
	}
	_, err := decoder.ReadToken()
	return unparsed(err)
}

// object reads an account, or an object that has a list of users. What that has before the list is in memory meanwhile.
func (a *accountReader) object(decoder *jsontext.Decoder) error {
	if _, err := decoder.ReadToken(); err != nil {
		return unparsed(err)
	}
	members, isList := []byte("{"), false
	for decoder.PeekKind() != '}' {
		name, err := decoder.ReadValue()
		if err != nil {
			return unparsed(err)
		}
		name = name.Clone()
		if isListOfUsers(name) && decoder.PeekKind() == '[' {
			isList, members = true, nil
			if err := a.list(decoder); err != nil {
				return err
			}
			continue
		}
		value, err := decoder.ReadValue()
		if err != nil {
			return unparsed(err)
		}
		if !isList {
			members = append(append(append(append(members, name...), ':'), value...), ',')
		}
	}
	if _, err := decoder.ReadToken(); err != nil || isList {
		return unparsed(err)
	}
	if len(members) == 1 {
		members = append(members, ' ')
	}
	members[len(members)-1] = '}'
	return a.account(members, a.nextSource())
}

// isListOfUsers reports whether a member holds accounts: Keycloak has another list of those that it knows by a federation.
func isListOfUsers(name jsontext.Value) bool {
	return string(name) == `"users"` || string(name) == `"federatedUsers"`
}

// unparsed returns the error of a parser without the text that it may quote, and io.EOF as it is.
func unparsed(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrNotJSON, withoutText(err))
}
