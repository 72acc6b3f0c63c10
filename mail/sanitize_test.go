package mail_test

import (
	"html"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"latchkey/mail"
)

func greeting(t testing.TB, message mail.Kind, name string) string {
	t.Helper()
	of := letter(message, "en")
	of.Name = name
	rendered := render(t, of)
	line, _, _ := strings.Cut(rendered.Text, "\n")
	require.Contains(t, html.UnescapeString(rendered.HTML), "<p>"+line+"</p>")
	return line
}

func TestSanitizeName_KeepsNames(t *testing.T) {
	for _, name := range []string{
		"Ann", "Ann Bee", "Seán O'Brien", "Zoë", "Jean-Pierre", "Anna-Maria Luise", "María del Carmen", "D’Arcy", "J. R. R.", "Dr. Ann",
		"山田 太郎", "太郎", "クリストファー", "ジャン・ジャック", "王小明", "김민수", "محمد", "अनीता", "Nguyễn Minh Khai", "Łukasz", "Владимир", "Κωνσταντίνος",
		"مهدی\u200cیار", "श्री\u200dराम", "ʻAna"[2:],
	} {
		require.Equal(t, "Hello "+name+",", greeting(t, mail.PasswordChanged, name))
	}
	require.Equal(t, "Hello Ann Bee,", greeting(t, mail.PasswordChanged, "  Ann \u3000 Bee "))
}

// Letters alone can say where to go. A name is too short for that.
func TestSanitizeName_LeavesOutWhatSaysMoreThanAName(t *testing.T) {
	for _, name := range []string{
		"Your account was closed write to support at evil dot example", "Your account is closed", "Write to evil dot example",
		"evil dot com", "Evil Dot", "evil-dot-com", "Visit evil-dot-com", "böse Punkt de", "mal punto com", "mal ponto com", "mal point fr",
		"Callthenumberonthewebsite", "Ann Bee Cee Dee", "Ann-Bee Cee-Dee", "您的账户已关闭请联系我们", "アカウントは停止されました", "กรุณาติดต่อเราทันที",
		"加微信abcd", "Annа", "Ann Владимир", "\u200dAnn", "Ann\u200c", "悪 点 日本",
	} {
		require.Equal(t, "Hello,", greeting(t, mail.PasswordChanged, name), "%q", name)
	}
}

func TestSanitizeName_LeavesOutWhatIsNotAName(t *testing.T) {
	for _, name := range []string{
		"", " ", "-", "Visit http://evil.example", "evil.example", "www.evil.example now", "evil.example/win", "win@evil.example",
		"Ann\r\nBcc: eve@evil.example", "Ann\nBee", "Ann\x00", "Ann\u2028Bee", "\u202eeeb nna", "Ann\u200bBee", "Call 0900 123456",
		"<b>Ann</b>", `<a href="https://evil.example">`, "Ann & Bee", "{{.Code}}", "$$$ for free", "Bitcoin!", "Ann\xff",
		"evil\u3002example", "evil．example", "evil․example", strings.Repeat("Ann ", 16), "Ann: you have won", "①②", "😀",
	} {
		require.Equal(t, "Hello,", greeting(t, mail.PasswordChanged, name), "%q", name)
	}
}

// Whoever signs up, or changes to an address, has not shown that it is theirs.
func TestTemplates_Render_TellsStrangersNoName(t *testing.T) {
	for _, message := range []mail.Kind{mail.VerifyEmail, mail.ChangeEmail} {
		of := letter(message, "en")
		of.Name, of.UserAgent = "Winner Winner", "Winner/1.0"
		rendered := render(t, of)
		require.NotContains(t, rendered.Subject+rendered.Text+rendered.HTML, "Winner")
		require.NotContains(t, rendered.Text, of.IP)
	}
}

func TestSanitizeUserAgentAndIP(t *testing.T) {
	const chrome = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Mobile Safari/537.36"
	for agent, want := range map[string]string{
		chrome:                        "Device: Chrome, Android\n",
		"Acme/2.1 (iPhone; iOS 18.0)": "Device: Acme, iOS\n",
		"Acme App":                    "Device: Acme App\n",
	} {
		of := letter(mail.NewDevice, "en")
		of.UserAgent = agent
		require.Contains(t, render(t, of).Text, want, agent)
	}
	for _, agent := range []string{
		"", "http://evil.example", "evil.example", "Visit evil.example", "<b>x</b>", "\r\nBcc: x", strings.Repeat("x", 5000), "Größe",
	} {
		of := letter(mail.NewDevice, "en")
		of.UserAgent, of.IP = agent, agent
		text := render(t, of).Text
		require.NotContains(t, text, "Device", agent)
		require.NotContains(t, text, "IP address", agent)
	}
}

// Whatever strangers type, a letter has one link, no other markup and no further address.
func TestTemplates_Render_NothingTypedBecomesALink(t *testing.T) {
	made := templates()
	tags := regexp.MustCompile(`<[^>]*>`)
	domain := regexp.MustCompile(`(?i)[\pL\pN]\.[\pL]{2,}|//|@`)
	rapid.Check(t, func(t *rapid.T) {
		typed := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z .:/@<>"']{0,40}`),
			rapid.StringMatching(`(Mozilla/5\.0 \()?[A-Za-z .;:/@()0-9]{0,60}`))
		of := letter(rapid.SampledFrom(mail.Kinds()).Draw(t, "message"), rapid.SampledFrom(ours).Draw(t, "locale"))
		plain, err := made.Render(of)
		require.NoError(t, err)
		of.Name, of.UserAgent, of.IP = typed.Draw(t, "name"), typed.Draw(t, "device"), typed.Draw(t, "address")
		rendered, err := made.Render(of)
		require.NoError(t, err)
		require.Equal(t, plain.Subject, rendered.Subject)
		allowed := tags.FindAllString(plain.HTML, -1)
		require.Subset(t, allowed, tags.FindAllString(rendered.HTML, -1))
		text := strings.ReplaceAll(rendered.Text, link, "")
		if _, err := netip.ParseAddr(of.IP); err != nil {
			require.NotRegexp(t, domain, text)
		}
	})
}
