package slides_test

import (
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead/internal/extract/extracttest"
	"github.com/fairleadhq/fairlead/internal/extract/office/slides"
)

func TestRealFiles(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"en", "de", "ja", "ar", "ru"} {
		extracttest.SameText(t, slides.Extractor{}, "../testdata/slides-"+lang+".pptx", "../testdata/slides-"+lang+".txt")
	}
}

const ns = ` xmlns:a="a" xmlns:p="p" xmlns:mc="mc" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"`

// pptx makes a presentation of two slides, of which that with those shapes comes first,
// though it is the second part.
func pptx(tb testing.TB, shapes string) []byte {
	tb.Helper()
	return extracttest.Zip(tb, "ppt/presentation.xml", "<p:presentation"+ns+`><p:sldIdLst><p:sldId id="1" r:id="r2"/><p:sldId id="2" r:id="r1"/><p:sldId id="3" r:id="r7"/></p:sldIdLst></p:presentation>`,
		"ppt/_rels/presentation.xml.rels", `<Relationships><Relationship Id="r1" Type="x/slide" Target="slides/slide1.xml"/><Relationship Id="r2" Type="x/slide" Target="/ppt/slides/slide2.xml"/></Relationships>`,
		"ppt/slides/slide1.xml", "<p:sld"+ns+">"+shape("", "last")+"</p:sld>",
		"ppt/slides/slide2.xml", "<p:sld"+ns+">"+shapes+"</p:sld>",
		"ppt/slides/_rels/slide2.xml.rels", `<Relationships><Relationship Id="n" Type="x/notesSlide" Target="../notesSlides/n.xml"/></Relationships>`,
		"ppt/notesSlides/n.xml", "<p:notes"+ns+">"+shape(`<p:ph type="sldNum"/>`, "7")+shape(`<p:ph type="body" idx="1"/>`, "a note")+"</p:notes>")
}

func shape(placeholder, text string) string {
	return "<p:sp><p:nvSpPr><p:nvPr>" + placeholder + "</p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>" + text + "</a:t></a:r></a:p></p:txBody></p:sp>"
}

func TestSlides(t *testing.T) {
	t.Parallel()
	cell := func(text string) string {
		return "<a:tc><a:txBody><a:p><a:r><a:t>" + text + "</a:t></a:r></a:p></a:txBody></a:tc>"
	}
	for _, tt := range []struct{ name, shapes, want string }{
		{"roles", shape(`<p:ph type="ctrTitle"/>`, "Title") + shape(`<p:ph idx="1"/>`, "item") + shape("", "free") + shape(`<p:ph type="ftr"/>`, "no"), "# Title\n- item\nfree\n"},
		{"levels", `<p:sp><p:nvPr><p:ph idx="1"/></p:nvPr><p:txBody><a:p><a:pPr lvl="0"/><a:r><a:t>a</a:t></a:r></a:p><a:p><a:pPr lvl="1"/><a:r><a:t>b</a:t></a:r><a:br/><a:fld><a:t>c</a:t></a:fld></a:p></p:txBody></p:sp>`, "- a\n  - b\n    c\n"},
		{"table", `<p:graphicFrame><a:tbl><a:tblPr firstRow="1"/><a:tr>` + cell("1") + cell("2") + "</a:tr><a:tr>" + cell("3") + cell("4") + "</a:tr></a:tbl></p:graphicFrame>", "! 1 | 2\n3 | 4\n"},
		{"alternatives", "<mc:AlternateContent><mc:Choice>" + shape("", "once") + "</mc:Choice><mc:Fallback>" + shape("", "once") + "</mc:Fallback></mc:AlternateContent>", "once\n"},
	} {
		want := "== 1\n" + tt.want + "a note\n== 2\nlast\n"
		if got := extracttest.Shown(t, slides.Extractor{}, tt.name, pptx(t, tt.shapes)); got != want {
			t.Errorf("%s: got\n%swant\n%s", tt.name, got, want)
		}
	}
	extracttest.Limited(t, slides.Extractor{}, "text", pptx(t, shape("", strings.Repeat("x", 2<<20))), "text")
}

// FuzzSlide: whatever the shapes are, they are read with all that every reader promises.
func FuzzSlide(f *testing.F) {
	f.Add(shape(`<p:ph type="title"/>`, "a"))
	f.Add("<a:tbl><a:tr><a:tc><p:sp><a:p><a:tbl/></a:p></p:sp></a:tc></a:tr></a:tbl>")
	f.Fuzz(func(t *testing.T, shapes string) { extracttest.Hold(t, slides.Extractor{}, "a.pptx", pptx(t, shapes)) })
}
