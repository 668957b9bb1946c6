package opendocument_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/extracttest"
	"github.com/fairleadhq/fairlead/internal/extract/office/opendocument"
)

func TestRealFiles(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"en", "de", "ja", "ar", "ru"} {
		extracttest.SameText(t, opendocument.Extractor{}, "../testdata/report-"+lang+".odt", "../testdata/report-"+lang+".txt")
		extracttest.SameText(t, opendocument.Extractor{}, "../testdata/slides-"+lang+".odp", "../testdata/slides-"+lang+".txt")
		extracttest.SameBlocks(t, opendocument.Extractor{}, "../testdata/book-"+lang+".ods", "../testdata/book-"+lang+".txt")
	}
}

const ns = ` xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0" xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0" xmlns:dc="http://purl.org/dc/elements/1.1/"`

// odf makes a document with that body.
func odf(tb testing.TB, body string) []byte {
	tb.Helper()
	return extracttest.Zip(tb, "mimetype", "application/vnd.oasis.opendocument.text",
		"styles.xml", "<office:document-styles"+ns+`><style:style style:name="Title" style:family="paragraph"/></office:document-styles>`,
		"content.xml", "<office:document-content"+ns+`><office:automatic-styles><style:style style:name="P1" style:family="paragraph" style:parent-style-name="Title"/>
<style:style style:name="B" style:family="paragraph"><style:paragraph-properties fo:break-before="page"/></style:style></office:automatic-styles><office:body>`+body+"</office:body></office:document-content>")
}

func TestText(t *testing.T) {
	t.Parallel()
	const cell = "<table:table-cell><text:p>%</text:p></table:table-cell>"
	c := func(text string) string { return strings.Replace(cell, "%", text, 1) }
	for _, tt := range []struct{ name, body, want string }{
		{"styles", `<text:p text:style-name="P1">T</text:p><text:h text:outline-level="2">H</text:h><text:p>p</text:p>`, "# T\n## H\np\n"},
		{"spaces", "<text:p>a\n   b<text:s text:c=\"3\"/>c<text:tab/>d<text:line-break/> e <text:span> f</text:span></text:p>", "a b   c\td\ne f\n"},
		{"lists", "<text:list><text:list-item><text:p>a</text:p><text:list><text:list-item><text:p>b</text:p></text:list-item></text:list></text:list-item></text:list>", "- a\n  - b\n"},
		{"notes", `<text:p>a<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>note</text:p></text:note-body></text:note>b<office:annotation><dc:creator>no</dc:creator><dc:date>no</dc:date><text:p>comment</text:p></office:annotation></text:p><text:p>c</text:p>`, "ab\nc\nnote\ncomment\n"},
		{"boxes", `<text:p>a<draw:frame><draw:text-box><text:p>box</text:p></draw:text-box><svg:desc>no</svg:desc></draw:frame>b</text:p>`, "ab\nbox\n"},
		{"revisions", `<text:tracked-changes><text:changed-region><text:deletion><text:p>no</text:p></text:deletion></text:changed-region></text:tracked-changes><text:p>a</text:p>`, "a\n"},
		{"pages", `<text:p text:style-name="B">1</text:p><text:p text:style-name="B">2 <text:soft-page-break/>three</text:p>`, "1\n== 2\n2\n== 3\nthree\n"},
		{"table", `<table:table><table:table-header-rows><table:table-row>` + c("a") + c("b") + `</table:table-row></table:table-header-rows><table:table-row>` + c("1") + `<table:covered-table-cell/>` + c("2") + `</table:table-row></table:table>`, "! a | b\n1 |  | 2\n"},
		{"hidden", `<text:section text:display="none"><text:p>no</text:p></text:section><text:p><text:ruby><text:ruby-base>b</text:ruby-base><text:ruby-text>no</text:ruby-text></text:ruby></text:p>`, "b\n"},
	} {
		want := "== 1\n" + tt.want
		if got := extracttest.Shown(t, opendocument.Extractor{}, tt.name, odf(t, "<office:text>"+tt.body+"</office:text>")); got != want {
			t.Errorf("%s: got\n%swant\n%s", tt.name, got, want)
		}
	}
}

func sheets(rows string) string {
	return `<office:spreadsheet><table:table table:name="S">` + rows + "</table:table></office:spreadsheet>"
}

// TestFarCells: cells in the last columns bring no text of all the columns before them.
func TestFarCells(t *testing.T) {
	t.Parallel()
	row := `<table:table-row table:number-rows-repeated="999"><table:table-cell table:number-columns-repeated="16383"/><table:table-cell office:value="7"/></table:table-row>`
	want := "== 1\n# S\n!  | 7\n" + strings.Repeat(" | 7\n", 998)
	if got := extracttest.Shown(t, opendocument.Extractor{}, "far cells", odf(t, sheets(row))); got != want {
		t.Errorf("got %d bytes, want %d: %.100q", len(got), len(want), got)
	}
}

func TestSheets(t *testing.T) {
	t.Parallel()
	rows := `<table:table-row><table:table-cell table:number-columns-repeated="2"><text:p>a</text:p></table:table-cell><table:table-cell table:number-columns-repeated="16382"/></table:table-row>
<table:table-row table:number-rows-repeated="2"><table:table-cell office:value="5"/><table:table-cell><office:annotation><text:p>note</text:p></office:annotation><text:p>x</text:p><text:p>y</text:p></table:table-cell></table:table-row>
<table:table-row table:number-rows-repeated="1048576"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>`
	const want = "== 1\n# S\n! a | a\n5 | x\ny\n5 | x\ny\nnote\n"
	if got := extracttest.Shown(t, opendocument.Extractor{}, "a.ods", odf(t, sheets(rows))); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	for _, rows := range []string{
		`<table:table-row table:number-rows-repeated="99999999"><table:table-cell><text:p>some text</text:p></table:table-cell></table:table-row>`,
		`<table:table-row><table:table-cell table:number-columns-repeated="16384"><text:p>` + strings.Repeat("x", 10_000) + `</text:p></table:table-cell></table:table-row>`,
	} {
		extracttest.Limited(t, opendocument.Extractor{}, "a.ods", odf(t, sheets(rows)), "text")
	}
}

func TestEncrypted(t *testing.T) {
	t.Parallel()
	file := extracttest.Zip(t, "mimetype", "application/vnd.oasis.opendocument.text", "content.xml", "\x00\x01",
		"META-INF/manifest.xml", `<m:manifest xmlns:m="m"><m:file-entry m:full-path="content.xml"><m:encryption-data/></m:file-entry></m:manifest>`)
	_, _, err := extracttest.Read(t.Context(), opendocument.Extractor{}, extracttest.Source("a.odt", file))
	if !errors.Is(err, extract.ErrEncrypted) {
		t.Errorf("%v, want it to be encrypted", err)
	}
}

// FuzzBody: whatever the body is, it is read with all that every reader promises.
func FuzzBody(f *testing.F) {
	f.Add(`<office:text><text:p>a<text:s text:c="99999999"/></text:p><table:table><table:table-row/></table:table></office:text>`)
	f.Add(sheets(`<table:table-row table:number-rows-repeated="9999999"><table:table-cell><text:p>a</text:p></table:table-cell></table:table-row>`))
	f.Add(`<office:presentation><draw:page><draw:frame/></draw:page></office:presentation>`)
	f.Add(`<text:p><draw:frame><text:p><office:annotation><table:table><text:note-body/></table:table></office:annotation></text:p></draw:frame></text:p>`)
	f.Fuzz(func(t *testing.T, body string) { extracttest.Hold(t, opendocument.Extractor{}, "a.odt", odf(t, body)) })
}
