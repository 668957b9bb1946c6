package xmlstream_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/xmlstream"
)

// walked is the text of XML, with < and > for tags.
func walked(r *xmlstream.Reader) (string, error) {
	var text strings.Builder
	err := r.Walk(func(t xmlstream.Token) error {
		switch t.Kind {
		case xmlstream.Start:
			text.WriteString("<")
		case xmlstream.End:
			text.WriteString(">")
		case xmlstream.Text:
			text.Write(t.Text)
		}
		return nil
	})
	return text.String(), err
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	utf16 := func(text string) string {
		var b strings.Builder
		for _, r := range "\uFEFF" + text {
			b.WriteByte(byte(r))
			b.WriteByte(byte(r >> 8))
		}
		return b.String()
	}
	for name, xml := range map[string]string{
		"utf-8": "<a>größer</a>", "marked": "\uFEFF<a>größer</a>", "declared": `<?xml version="1.0" encoding="UTF-8"?><a>größer</a>`,
		"latin": "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>gr\xf6\xdfer</a>", "utf-16": utf16(`<?xml version="1.0" encoding="UTF-16"?><a>größer</a>`),
	} {
		if got, err := walked(xmlstream.New(strings.NewReader(xml))); got != "<größer>" || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestHostileXML(t *testing.T) {
	t.Parallel()
	laughs := `<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><a>&b;</a>`
	outside := `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`
	for _, xml := range []string{laughs, outside, "<a>", "<a></b>", "<a", "</a>", `<?xml version="1.0" encoding="nope"?><a/>`, "<a>\x00</a>"} {
		if got, err := walked(xmlstream.New(strings.NewReader(xml))); !errors.Is(err, extract.ErrBroken) || strings.Contains(err.Error(), "ha") {
			t.Errorf("%s: %q, %v, want it to be broken", xml, got, err)
		}
	}
	if got, err := walked(xmlstream.NewLenient(strings.NewReader(laughs))); got != "<&b;>" || err != nil {
		t.Errorf("lenient: %q, %v, want the entity as it is written", got, err)
	}
	for name, tt := range map[string]struct {
		r    io.Reader
		want string
	}{
		"deep":         {strings.NewReader(strings.Repeat("<a>", 1_000_000)), "depth"},
		"long text":    {io.MultiReader(strings.NewReader("<a>"), endless('x')), "token_bytes"},
		"long comment": {io.MultiReader(strings.NewReader("<a><!--"), endless('<')), "token_bytes"},
	} {
		_, err := walked(xmlstream.New(tt.r))
		if limit, ok := errors.AsType[*extract.LimitError](err); !ok || limit.Limit != tt.want {
			t.Errorf("%s: %v, want the limit of %s", name, err, tt.want)
		}
	}
	failing := errors.New("a disk failed")
	if _, err := walked(xmlstream.New(io.MultiReader(strings.NewReader("<a>"), iotest.ErrReader(failing)))); !errors.Is(err, failing) {
		t.Errorf("%v, want the error of reading", err)
	}
}

// endless is a byte over and over.
type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}
