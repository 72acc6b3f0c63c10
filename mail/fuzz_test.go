package mail_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/mail"
)

// Whatever a letter is given, it can be written, and says no more than it should.
func FuzzRender(f *testing.F) {
	f.Add("Ann", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "192.0.2.7", "de-AT", "Europe/Vienna")
	f.Add("http://evil.example", "evil.example/1.0 (Android; ; )", "::1%eth0", "x-y-z", "../x")
	f.Add("{{.Code}}", "(((;;;)))/", "evil.example", "zh-Hant-u-co-stroke", "Local")
	f.Fuzz(func(t *testing.T, name, device, address, locale, timezone string) {
		of := letter(mail.NewDevice, locale)
		of.Name, of.UserAgent, of.IP, of.Timezone = name, device, address, timezone
		rendered := render(t, of)
		require.Equal(t, 4, strings.Count(rendered.HTML+rendered.Text, "example.com/reset-password?"))
		require.Equal(t, 2, strings.Count(rendered.HTML, "<a "))
		require.NotContains(t, rendered.Text+rendered.HTML, "evil.example")
		require.NotContains(t, rendered.Text, "\r")
	})
}
