package word_test

import (
	"os"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead/internal/extract/extracttest"
	"github.com/fairleadhq/fairlead/internal/extract/office/word"
)

func TestRealFiles(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"en", "de", "ja", "ar", "ru"} {
		extracttest.SameText(t, word.Extractor{}, "../testdata/report-"+lang+".docx", "../testdata/report-"+lang+".txt")
	}
}

func TestStructureOfARealFile(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("../testdata/report-en.docx")
	if err != nil {
		t.Fatal(err)
	}
	const want = `== 1
# Annual Report
## Risk factors
Our business depends on the demand for copper wire. Prices may fall, and customers may cancel orders at any time.
- Currency risk
- Credit risk of customers
- Loss of key staff
## Key figures
! Year | Revenue | Net income
2021 | 1,577 | 203
2022 | 1,820 | 241
2023 | 2,004 | 266
== 2
## Outlook
Management expects moderate growth in the coming year.
`
	if got := extracttest.Shown(t, word.Extractor{}, "report.docx", file); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

const (
	namespaces = ` xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" xmlns:wps="wps" xmlns:v="v" xmlns:m="m"`
	relations  = `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="1" Type="http://x/styles" Target="styles.xml"/><Relationship Id="2" Type="http://x/footnotes" Target="/word/footnotes.xml"/>
<Relationship Id="3" Type="http://x/comments" Target="comments.xml"/><Relationship Id="4" Type="http://x/image" Target="http://127.0.0.1:1/x" TargetMode="External"/></Relationships>`
	styleSheet = `<w:styles` + namespaces + `><w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>
<w:style w:styleId="Mine"><w:name w:val="My Style"/><w:basedOn w:val="berschrift2"/></w:style>
<w:style w:styleId="berschrift2"><w:name w:val="Heading 2"/></w:style><w:style w:styleId="T"><w:name w:val="Title"/></w:style>
<w:style w:styleId="Loop"><w:basedOn w:val="Loop"/></w:style></w:styles>`
)

// docx makes a document with that body.
func docx(tb testing.TB, body string) []byte {
	tb.Helper()
	return extracttest.Zip(tb, "word/document.xml", "<w:document"+namespaces+"><w:body>"+body+"</w:body></w:document>",
		"word/_rels/document.xml.rels", relations, "word/styles.xml", styleSheet,
		"word/footnotes.xml", "<w:footnotes"+namespaces+`><w:footnote w:type="separator"><w:p><w:r><w:t>no</w:t></w:r></w:p></w:footnote><w:footnote w:id="2"><w:p><w:r><w:t>a note</w:t></w:r></w:p></w:footnote></w:footnotes>`,
		"word/comments.xml", "<w:comments"+namespaces+`><w:comment w:author="x"><w:p><w:r><w:t>a comment</w:t></w:r></w:p></w:comment></w:comments>`)
}

func text(s string) string { return "<w:r><w:t xml:space=\"preserve\">" + s + "</w:t></w:r>" }
func par(s string) string  { return "<w:p>" + s + "</w:p>" }
func cell(s string) string { return "<w:tc>" + par(text(s)) + "</w:tc>" }

func TestDocuments(t *testing.T) {
	t.Parallel()
	box := "<wps:txbx><w:txbxContent>" + par(text("boxed")) + "</w:txbxContent></wps:txbx>"
	for _, tt := range []struct{ name, body, want string }{
		{"styles", par(`<w:pPr><w:pStyle w:val="berschrift1"/></w:pPr>`+text("One")) + par(`<w:pPr><w:pStyle w:val="Mine"/></w:pPr>`+text("Two")) +
			par(`<w:pPr><w:pStyle w:val="Loop"/></w:pPr>`+text("p")) + par(`<w:pPr><w:outlineLvl w:val="2"/></w:pPr>`+text("Three")) +
			par(`<w:pPr><w:pStyle w:val="Mine"/><w:outlineLvl w:val="9"/></w:pPr>`+text("body")), "# One\n## Two\np\n### Three\nbody\n"},
		{"runs", par(text("a ") + `<w:r><w:t>b</w:t><w:tab/><w:t>c</w:t><w:br/><w:noBreakHyphen/></w:r><w:hyperlink>` + text("link") + `</w:hyperlink><m:oMath><m:r><m:t>x=1</m:t></m:r></m:oMath>`), "a b\tc\n-linkx=1\n"},
		{"revisions", par(text("a") + "<w:ins>" + text("b") + `</w:ins><w:del><w:r><w:delText>no</w:delText><w:t>no</w:t></w:r></w:del><w:moveFrom>` + text("no") + "</w:moveFrom>"), "ab\n"},
		{"hidden", par(`<w:r><w:rPr><w:vanish/></w:rPr><w:t>no</w:t></w:r>` + text("yes") + `<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>!</w:t></w:r><w:r><w:instrText>PAGE</w:instrText></w:r>`), "yes!\n"},
		{"boxes", par(text("before ") + "<w:r><mc:AlternateContent><mc:Choice>" + box + "</mc:Choice><mc:Fallback>" + box + "</mc:Fallback></mc:AlternateContent></w:r>" + text("after")), "before after\nboxed\n"},
		{"list", par(`<w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr></w:pPr>`+text("a")) +
			par(`<w:pPr><w:numPr><w:ilvl w:val="1"/><w:numId w:val="1"/></w:numPr></w:pPr>`+text("b")) + par(text("c")), "- a\n  - b\nc\n"},
		{"pages", par(text("1")+`<w:r><w:br w:type="page"/></w:r>`) + par(`<w:r><w:lastRenderedPageBreak/></w:r>`+text("2")) +
			par(`<w:pPr><w:pageBreakBefore/></w:pPr><w:r><w:lastRenderedPageBreak/></w:r>`+text("3")) + par(text("so on ")+`<w:r><w:lastRenderedPageBreak/></w:r>`+text("four")), "1\n== 2\n2\n== 3\n3\nso on\n== 4\nfour\n"},
		{"table", "<w:tbl><w:tr>" + cell("a") + cell("b") + "</w:tr><w:tr><w:tc><w:tcPr><w:gridSpan w:val=\"2\"/></w:tcPr>" + par(text("x")) + par(text("y")) + "</w:tc>" + cell("c") + "</w:tr></w:tbl>", "! a | b\nx\ny |  | c\n"},
		{"table on two pages", "<w:tbl><w:tr><w:trPr><w:tblHeader/></w:trPr>" + cell("a") + cell("b") + "</w:tr><w:tr>" + cell("1") + cell("2") + "</w:tr><w:tr><w:tc>" +
			par("<w:r><w:lastRenderedPageBreak/></w:r>"+text("3")) + "</w:tc>" + cell("4") + "</w:tr></w:tbl>", "! a | b\n1 | 2\n== 2\n! a | b\n3 | 4\n"},
		{"table in a table", "<w:tbl><w:tr>" + cell("a") + "<w:tc><w:tbl><w:tr>" + cell("b") + cell("c") + "</w:tr></w:tbl>" + par("") + "</w:tc></w:tr></w:tbl>", "a\n! b | c\n"},
		{"ruby", par("<w:r><w:ruby><w:rt>" + text("no") + "</w:rt><w:rubyBase>" + text("base") + "</w:rubyBase></w:ruby></w:r>"), "base\n"},
	} {
		want := "== 1\n" + tt.want + "a note\na comment\n"
		if got := extracttest.Shown(t, word.Extractor{}, tt.name, docx(t, tt.body)); got != want {
			t.Errorf("%s: got\n%swant\n%s", tt.name, got, want)
		}
	}
	_, about, err := extracttest.Read(t.Context(), word.Extractor{}, extracttest.Source("x", docx(t, par(`<w:pPr><w:pStyle w:val="T"/></w:pPr>`+text("The Title")))))
	if err != nil || about.Title != "The Title" {
		t.Errorf("title %q (%v), want The Title", about.Title, err)
	}
}

func TestTextIsBounded(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"one paragraph": par(strings.Repeat(text(strings.Repeat("x", 1000)), 1500)),
		"one cell":      "<w:tbl><w:tr><w:tc>" + strings.Repeat(par(text(strings.Repeat("x", 1000))), 1500) + "</w:tc></w:tr></w:tbl>",
	} {
		extracttest.Limited(t, word.Extractor{}, name, docx(t, body), "text")
	}
	extracttest.Limited(t, word.Extractor{}, "deep", docx(t, strings.Repeat("<w:sdt>", 10_000)), "depth")
	extracttest.Limited(t, word.Extractor{}, "pages", docx(t, par(strings.Repeat(`<w:r><w:br w:type="page"/></w:r>`, 2000))), "pages")
}

// FuzzDocument: whatever the body is, it is read with all that every reader promises.
func FuzzDocument(f *testing.F) {
	f.Add(par(text("a")) + "<w:tbl><w:tr>" + cell("b") + "</w:tr></w:tbl>")
	f.Add("<w:tbl><w:tr><w:tc><w:p><w:r><w:txbxContent><w:tbl><w:tr><w:tc/></w:tr></w:tbl></w:txbxContent><w:br w:type=\"page\"/></w:r></w:p></w:tc></w:tr></w:tbl>")
	f.Add("<w:tc><w:txbxContent><w:p/></w:tc><w:tr/><w:p><w:tbl><w:p>")
	f.Fuzz(func(t *testing.T, body string) { extracttest.Hold(t, word.Extractor{}, "a.docx", docx(t, body)) })
}

// FuzzFile: whatever the file is, it is read with all that every reader promises.
func FuzzFile(f *testing.F) {
	f.Add(docx(f, par(text("a"))))
	f.Fuzz(func(t *testing.T, file []byte) { extracttest.Hold(t, word.Extractor{}, "a.docx", file) })
}
