package mail_test

import (
	"html"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"latchkey/mail"
)

var ours = []string{"en", "de", "es", "fr", "pt", "ja", "zh"}

// variants are a message's letters with everything, with each of link and code alone, and with no more than it needs.
func variants(message mail.Kind, locale string) []mail.Message {
	full := letter(message, locale)
	linkAlone, codeAlone := full, full
	linkAlone.Code, codeAlone.Link = "", ""
	bare := mail.Message{Kind: message, To: full.To, Locale: locale, Code: code, Expires: full.Expires}
	return []mail.Message{full, linkAlone, codeAlone, bare}
}

func eachLetter(t *testing.T, check func(t *testing.T, letter mail.Message, rendered mail.Email)) {
	t.Helper()
	made := templates()
	for _, message := range mail.Kinds() {
		for _, locale := range ours {
			t.Run(string(message)+" "+locale, func(t *testing.T) {
				for _, letter := range variants(message, locale) {
					rendered, err := made.Render(letter)
					require.NoError(t, err)
					check(t, letter, rendered)
				}
			})
		}
	}
}

func TestTemplates_Render_EveryKindInEveryLanguage(t *testing.T) {
	eachLetter(t, func(t *testing.T, letter mail.Message, rendered mail.Email) {
		require.Equal(t, letter.To, rendered.To)
		for _, content := range []string{rendered.Subject, rendered.Text, rendered.HTML} {
			for _, leftover := range []string{"{{", "}}", "<no value>", "ZgotmplZ", "%!", "  ,", "(UTC)  "} {
				require.NotContains(t, content, leftover)
			}
		}
		require.Contains(t, rendered.Text, "Acme")
		require.Contains(t, html.UnescapeString(rendered.HTML), "Acme")
		require.NotContains(t, rendered.Text, "\n\n\n")
		require.NotContains(t, rendered.Subject, "\n")
	})
}

var acts = []mail.Kind{mail.VerifyEmail, mail.ResetPassword, mail.ChangeEmail}

func TestTemplates_Render_ShowsLinksAndCodes(t *testing.T) {
	escaped := html.EscapeString(link)
	eachLetter(t, func(t *testing.T, letter mail.Message, rendered mail.Email) {
		if letter.Link != "" {
			require.Equal(t, []string{link}, rendered.Links)
			require.Contains(t, rendered.Text, "\n"+link+"\n", "the link has a line for itself")
			require.Equal(t, 2, strings.Count(rendered.HTML, `href="`+escaped+`"`), "as a button and in writing")
			require.Contains(t, rendered.HTML, ">"+escaped+"</a>")
		} else {
			require.Empty(t, rendered.Links)
			require.NotContains(t, rendered.HTML, "<a ")
		}
		require.Equal(t, letter.Code, rendered.Code)
		if letter.Code != "" && strings.Contains(strings.Join(names(acts), " "), string(letter.Kind)) {
			require.Contains(t, rendered.Text, "\n    "+code+"\n")
			require.Contains(t, rendered.HTML, ">"+code+"<")
		}
	})
}

func names(messages []mail.Kind) (all []string) {
	for _, message := range messages {
		all = append(all, string(message))
	}
	return all
}

var anyAddress = regexp.MustCompile(`(?i)https?://[^"<\s]+`)

func TestTemplates_Render_LoadsNothingFromElsewhere(t *testing.T) {
	refused := regexp.MustCompile(`(?i)<(img|link|script|iframe|object|embed|base|form|svg|video|audio)\b|\bsrc=|\burl\(|@import|\bon\w+=`)
	eachLetter(t, func(t *testing.T, _ mail.Message, rendered mail.Email) {
		require.NotRegexp(t, refused, rendered.HTML)
		for _, address := range anyAddress.FindAllString(rendered.HTML+rendered.Text, -1) {
			require.Contains(t, []string{link, html.EscapeString(link)}, address)
		}
	})
}

func TestTemplates_EveryLanguageHasTheSameSentencesAndItsOwnWords(t *testing.T) {
	english := sentences(t, "en")
	for _, language := range ours[1:] {
		of := sentences(t, language)
		require.Equal(t, keys(english), keys(of), language)
		for id, sentence := range of {
			if id != "common.date_time" {
				require.NotEqual(t, english[id], sentence, "%s of %s is English", id, language)
			}
			require.ElementsMatch(t, placeholders(english[id]), placeholders(sentence), "%s of %s", id, language)
		}
	}
	files, err := os.ReadDir("templates")
	require.NoError(t, err)
	require.Len(t, files, 2*(len(mail.Kinds())+1)+len(ours))
}

func placeholders(sentence string) []string {
	return regexp.MustCompile(`{{.*?}}`).FindAllString(sentence, -1)
}

// Every sentence is marked, so that one which no letter shows is noticed.
func TestTemplates_EverySentenceIsUsed(t *testing.T) {
	marked := map[string]map[string]string{}
	for id, sentence := range sentences(t, "en") {
		group, name, _ := strings.Cut(id, ".")
		if marked[group] == nil {
			marked[group] = map[string]string{}
		}
		marked[group][name] = "[" + id + "]" + sentence
	}
	content, err := yaml.Marshal(marked)
	require.NoError(t, err)
	made, err := mail.NewTemplates("Acme", folder(t, map[string]string{"en.yaml": string(content)}))
	require.NoError(t, err)
	var text, pages strings.Builder
	for _, message := range mail.Kinds() {
		for _, letter := range variants(message, "en") {
			rendered, err := made.Render(letter)
			require.NoError(t, err)
			text.WriteString(rendered.Subject + rendered.Text)
			pages.WriteString(rendered.HTML)
		}
	}
	for id := range sentences(t, "en") {
		inText := id != "common.link_as_text" // which has a line for itself anyway
		require.Equal(t, inText, strings.Contains(text.String(), "["+id+"]"), id)
		require.True(t, strings.Contains(pages.String(), "["+id+"]"), id)
	}
}

func TestTemplates_Render_TimesAreTheReaders(t *testing.T) {
	for _, test := range []struct{ locale, timezone, want string }{
		{"en", "Europe/Berlin", "November 24, 2026 at 12:05 am (UTC+1)"},
		{"en", "America/St_Johns", "November 23, 2026 at 7:35 pm (UTC-03:30)"},
		{"en", "", "November 23, 2026 at 11:05 pm (UTC)"},
		{"en", "Local", "November 23, 2026 at 11:05 pm (UTC)"},
		{"en", "Mars/Olympus", "November 23, 2026 at 11:05 pm (UTC)"},
		{"en", "../../etc/passwd", "November 23, 2026 at 11:05 pm (UTC)"},
		{"de-AT", "Europe/Vienna", "24. November 2026 um 00:05 Uhr (UTC+1)"},
		{"es-MX", "America/Mexico_City", "23 de noviembre de 2026 a las 17:05 (UTC-6)"},
		{"fr-CA", "America/Toronto", "23 novembre 2026 à 18:05 (UTC-5)"},
		{"pt-BR", "America/Sao_Paulo", "23 de novembro de 2026 às 20:05 (UTC-3)"},
		{"ja", "Asia/Tokyo", "2026年11月24日 08:05（UTC+9）"},
		{"zh-CN", "Asia/Shanghai", "2026年11月24日 07:05（UTC+8）"},
	} {
		of := letter(mail.PasswordChanged, test.locale)
		of.Timezone = test.timezone
		require.Contains(t, render(t, of).Text, test.want)
		require.Contains(t, html.UnescapeString(render(t, of).HTML), test.want)
	}
}

func TestTemplates_Render_IgnoresTheMachinesTimeZone(t *testing.T) {
	before := time.Local
	defer func() { time.Local = before }()
	time.Local = time.FixedZone("here", 3600)
	of := letter(mail.PasswordChanged, "en")
	of.Timezone = "Local"
	require.Contains(t, render(t, of).Text, "November 23, 2026 at 11:05 pm (UTC)")
}

func TestTemplates_Render_Locales(t *testing.T) {
	for locale, want := range map[string]string{
		"": "en", "en-GB": "en", "sv": "en", "x": "en", "de": "de", "de-CH-1996": "de", "DE_de": "de", "gsw": "de", "es-419": "es",
		"fr-BE": "fr", "pt-PT": "pt", "ja-JP": "ja", "zh": "zh-Hans", "zh-Hans-SG": "zh-Hans", "zh-TW": "zh-Hans",
		"\x00": "en", "de\r\nX: y": "en", "de-" + strings.Repeat("x-", 5000): "en",
	} {
		require.Contains(t, render(t, letter(mail.NewDevice, locale)).HTML, `<html lang="`+want+`">`, "%q", locale)
	}
}

func TestTemplates_Render_RefusesIncompleteMessages(t *testing.T) {
	made := templates()
	for name, c := range map[string]struct {
		message mail.Kind
		spoil   func(*mail.Message)
		want    error
	}{
		"no message":       {"", func(*mail.Message) {}, mail.ErrUnknownKind},
		"unknown":          {"../layout", func(*mail.Message) {}, mail.ErrUnknownKind},
		"no recipient":     {mail.NewDevice, func(l *mail.Message) { l.To = "" }, mail.ErrIncomplete},
		"nothing to do":    {mail.ResetPassword, func(l *mail.Message) { l.Link, l.Code = "", "" }, mail.ErrIncomplete},
		"no end":           {mail.VerifyEmail, func(l *mail.Message) { l.Expires = time.Time{} }, mail.ErrIncomplete},
		"no day":           {mail.AccountDeletion, func(l *mail.Message) { l.Expires = time.Time{} }, mail.ErrIncomplete},
		"a script":         {mail.NewDevice, func(l *mail.Message) { l.Link = "javascript:alert(1)" }, mail.ErrIncomplete},
		"a script, hidden": {mail.NewDevice, func(l *mail.Message) { l.Link = "JavaScript:/alert(1)" }, mail.ErrIncomplete},
		"data":             {mail.NewDevice, func(l *mail.Message) { l.Link = "data:text/html,x" }, mail.ErrIncomplete},
		"no address":       {mail.NewDevice, func(l *mail.Message) { l.Link = "/reset" }, mail.ErrIncomplete},
		"two lines":        {mail.NewDevice, func(l *mail.Message) { l.Link = "https://a.example/\nb" }, mail.ErrIncomplete},
		"markup":           {mail.NewDevice, func(l *mail.Message) { l.Link = `https://a.example/"><b>` }, mail.ErrIncomplete},
	} {
		t.Run(name, func(t *testing.T) {
			of := letter(c.message, "en")
			c.spoil(&of)
			_, err := made.Render(of)
			require.ErrorIs(t, err, c.want)
			require.NotContains(t, err.Error(), code)
		})
	}
}

func TestTemplates_Render_LinksIntoApps(t *testing.T) {
	for _, link := range []string{"acme://reset?token=x", "acme:/reset?token=x", "https://acme.example/app/#token=x"} {
		of := letter(mail.ResetPassword, "en")
		of.Link = link
		rendered := render(t, of)
		require.Contains(t, rendered.HTML, `href="`+link+`"`)
		require.Contains(t, rendered.Text, "\n"+link+"\n")
	}
}

// A code ends before the link that comes with it, and the mail says when each does.
func TestTemplates_Render_SaysUntilWhenTheCodeIsValid(t *testing.T) {
	for _, locale := range ours {
		for _, kind := range acts {
			message := letter(kind, locale)
			message.Timezone = "UTC"
			rendered, err := templates().Render(message)
			require.NoError(t, err)
			noCode := message
			noCode.CodeExpires = message.Expires
			same, err := templates().Render(noCode)
			require.NoError(t, err)
			require.NotEqual(t, same.Text, rendered.Text, "%s %s", kind, locale)
			require.NotEqual(t, same.HTML, rendered.HTML, "%s %s", kind, locale)
		}
	}
}
