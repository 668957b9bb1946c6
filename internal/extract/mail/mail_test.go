package mail_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/extracttest"
	"github.com/fairleadhq/fairlead/internal/extract/mail"
)

// crlf writes a message down as it is sent.
func crlf(text string) []byte { return []byte(strings.ReplaceAll(text, "\n", "\r\n")) }

func TestMessages(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, message, want string }{
		{"plain", "From: a@x\nTo: b@y,\n c@z\nSubject: Hi\nX-Other: no\n\nfirst\n\nsecond\n", "From: a@x\nTo: b@y, c@z\nSubject: Hi\nfirst\nsecond\n"},
		{"words", "From: =?ISO-8859-1?Q?Andr=E9?= <a@x>\nSubject: =?utf-8?B?5pel5pys?= =?utf-8?B?6Kqe?=\n\nx", "From: André <a@x>\nSubject: 日本語\nx\n"},
		{"raw words", "Subject: Gr\xf6\xdfe der Stra\xdfe\n\nx", "Subject: Größe der Straße\nx\n"},
		{"quoted", "Subject: q\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nGr=F6=DFe =3D so=\nft =zz", "Subject: q\nGröße = soft =zz\n"},
		{"base64", "Subject: b\nContent-Type: text/plain; charset=shift_jis\nContent-Transfer-Encoding: BASE64\n\nk/qW\ne4zq\n", "Subject: b\n日本語\n"},
		{"no charset", "Subject: c\n\n\xcf\xf0\xe8\xe2\xe5\xf2, \xec\xe8\xf0", "Subject: c\nПривет, мир\n"},
		{"html", "Subject: h\nContent-Type: text/html; charset=utf-8\n\n<h1>A</h1><p>b &amp; c<img src=http://127.0.0.1:1/x>", "Subject: h\n# A\nb & c\n"},
		{"alternatives", multipart("alternative", "text/plain", "plain text", "text/html", "<p>html text"), "Subject: m\nplain text\n"},
		{"alternatives the other way", multipart("alternative", "text/html", "<p>html text", "text/plain", "plain text"), "Subject: m\nplain text\n"},
		{"blank alternative", multipart("alternative", "text/plain", " \n", "text/html", "<p>html text"), "Subject: m\nhtml text\n"},
		{
			"attachments", multipart("mixed", "text/plain", "text", "application/pdf; name=\"=?utf-8?Q?r=C3=A9port?=.pdf\"", "%PDF", "text/plain\nContent-Disposition: attachment; filename*=utf-8''%C3%A4.txt", "no", "image/png", "no"),
			"Subject: m\ntext\nAttachments: réport.pdf, ä.txt\n",
		},
		{"within", multipart("mixed", "text/plain", "outer", "message/rfc822", "From: in@x\nSubject: inner\n\nmore text"), "Subject: m\nouter\nFrom: in@x\nSubject: inner\nmore text\n"},
		{"cut", "Subject: m\nContent-Type: multipart/mixed; boundary=B\n\n--B\n\nas far as it go", "Subject: m\nas far as it go\n"},
		{"no boundary", "Subject: m\nContent-Type: multipart/mixed\n\ntext", "Subject: m\ntext\n"},
		{"mbox line", "From a@x Sat Jan  3 01:05:34 2024\nSubject: s\nbad line\n\nx", "Subject: s\nx\n"},
		{"header alone", "Subject: s", "Subject: s\n"},
	} {
		if got := extracttest.Shown(t, mail.Extractor{}, tt.name, crlf(tt.message)); got != tt.want {
			t.Errorf("%s: got\n%swant\n%s", tt.name, got, tt.want)
		}
	}
	_, about, err := extracttest.Read(t.Context(), mail.Extractor{}, extracttest.Source("a.eml", crlf(multipart("mixed", "message/rfc822", "Subject: inner\n\nx"))))
	if err != nil || about.Title != "m" {
		t.Errorf("title %q (%v), want m", about.Title, err)
	}
}

// multipart makes a message of parts, given as type, text, type, text.
func multipart(kind string, parts ...string) string {
	var text strings.Builder
	text.WriteString("Subject: m\nContent-Type: multipart/" + kind + "; boundary=\"B\"\n\npreamble\n")
	for i := 0; i+1 < len(parts); i += 2 {
		text.WriteString("--B\nContent-Type: " + parts[i] + "\n\n" + parts[i+1] + "\n")
	}
	return text.String() + "--B--\nepilogue\n"
}

func TestHostileMessages(t *testing.T) {
	t.Parallel()
	nested := "text"
	for i := range 60 {
		nested = fmt.Sprintf("Content-Type: multipart/mixed; boundary=B%d\n\n--B%d\n%s\n--B%d--\n", i, i, nested, i)
	}
	bomb := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 2<<20)))
	for name, tt := range map[string]struct{ message, limit string }{
		"deep":        {nested, "depth"},
		"many parts":  {multipart("mixed", strings.Split(strings.Repeat("x/y,z,", 20_000), ",")...), "parts"},
		"long header": {"Subject: " + strings.Repeat("x", 2<<20) + "\n\n", "header_bytes"},
		"many fields": {strings.Repeat("X-A: b\n", 1<<20), "header_bytes"},
		"much text":   {"Subject: x\nContent-Transfer-Encoding: base64\n\n" + bomb, "text"},
		"many blocks": {multipart("alternative", "text/plain", strings.Repeat("x\n\n", 150_000)), "blocks"},
		"alternative": {multipart("alternative", "text/plain", strings.Repeat("x ", 1<<20)), "text"},
	} {
		extracttest.Limited(t, mail.Extractor{}, name, crlf(tt.message), tt.limit)
	}
	for name, tt := range map[string]struct {
		message string
		want    error
	}{
		"pgp":      {"Subject: x\nContent-Type: multipart/encrypted; boundary=B\n\n--B--\n", extract.ErrEncrypted},
		"smime":    {"Subject: x\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nMIIB", extract.ErrEncrypted},
		"cut code": {"Subject: x\nContent-Transfer-Encoding: base64\n\naGVsbG8gd29yb\n", extract.ErrBroken},
	} {
		_, _, err := extracttest.Read(t.Context(), mail.Extractor{}, extracttest.Source(name, crlf(tt.message)))
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

// FuzzMessage: whatever a message is, it is read with all that every reader promises.
func FuzzMessage(f *testing.F) {
	f.Add(crlf(multipart("alternative", "text/html", "<p>a", "text/plain", "b")))
	f.Add(crlf(multipart("mixed", "message/rfc822", "Subject: =?x?Q?=\nContent-Transfer-Encoding: base64\n\nYQ")))
	f.Add([]byte("From x\n: y\n\n"))
	f.Add([]byte("Content-Type: text/plain; charset=utf-16\nContent-Transfer-Encoding: quoted-printable\n\n=\n=0=00"))
	f.Fuzz(func(t *testing.T, message []byte) { extracttest.Hold(t, mail.Extractor{}, "a.eml", message) })
}
