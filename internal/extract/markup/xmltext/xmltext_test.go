package xmltext_test

import (
	"testing"

	"github.com/fairleadhq/fairlead/internal/extract/extracttest"
	"github.com/fairleadhq/fairlead/internal/extract/markup/xmltext"
)

func TestXML(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ xml, want string }{
		{"<a><b>one</b><c>two</c></a>", "one\ntwo\n"},
		{"<a>\n <p>in <b>one</b> line</p>\n <p>two</p>\n</a>", "in one line\ntwo\n"},
		{`<svg><title>T</title><style>no</style><script>no</script><text>label</text><image href="http://127.0.0.1:1/x"/></svg>`, "T\nlabel\n"},
		{`<!DOCTYPE a [<!ENTITY x "no">]><a>&x; &amp; <![CDATA[<raw>]]></a>`, "&x; & <raw>\n"},
	} {
		if got := extracttest.Shown(t, xmltext.Extractor{}, "a.xml", []byte(tt.xml)); got != tt.want {
			t.Errorf("%s: got\n%swant\n%s", tt.xml, got, tt.want)
		}
	}
}

// FuzzXML: whatever a file is, it is read with all that every reader promises.
func FuzzXML(f *testing.F) {
	f.Add([]byte("<a><b>one</b>\n<c/>two</a>"))
	f.Fuzz(func(t *testing.T, xml []byte) { extracttest.Hold(t, xmltext.Extractor{}, "a.xml", xml) })
}
