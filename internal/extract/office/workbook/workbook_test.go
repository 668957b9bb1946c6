package workbook_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/extracttest"
	"github.com/fairleadhq/fairlead/internal/extract/office/workbook"
)

func TestRealFiles(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"en", "de", "ja", "ar", "ru"} {
		extracttest.SameBlocks(t, workbook.Extractor{}, "../testdata/book-"+lang+".xlsx", "../testdata/book-"+lang+".txt")
	}
}

const ns = ` xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"`

// xlsx makes a workbook of one sheet with that data.
func xlsx(tb testing.TB, data string) []byte {
	tb.Helper()
	return extracttest.Zip(tb, "xl/workbook.xml", "<workbook"+ns+`><workbookPr date1904="0"/><sheets><sheet name="S" r:id="r1"/><sheet name="chart" r:id="r9"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels", `<Relationships><Relationship Id="r1" Type="x/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r9" Type="x/chartsheet" Target="c.xml"/>
<Relationship Id="r2" Type="x/styles" Target="styles.xml"/><Relationship Id="r3" Type="x/sharedStrings" Target="sharedStrings.xml"/></Relationships>`,
		"xl/styles.xml", "<styleSheet"+ns+`><numFmts><numFmt numFmtId="164" formatCode="0.0%"/></numFmts><cellStyleXfs><xf numFmtId="9"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/></cellXfs></styleSheet>`,
		"xl/sharedStrings.xml", "<sst"+ns+`><si><t>zero</t></si><si><r><t>rich </t></r><r><t>text</t></r><rPh><t>no</t></rPh></si></sst>`,
		"xl/worksheets/_rels/sheet1.xml.rels", `<Relationships><Relationship Id="a" Type="x/comments" Target="../comments1.xml"/></Relationships>`,
		"xl/comments1.xml", "<comments"+ns+`><authors><author>no</author></authors><commentList><comment><text><r><t>a comment</t></r></text></comment></commentList></comments>`,
		"xl/worksheets/sheet1.xml", "<worksheet"+ns+"><sheetData>"+data+"</sheetData></worksheet>")
}

func TestCells(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, data, want string }{
		{
			"kinds", `<row><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row><row><c t="b"><v>1</v></c><c t="e"><v>#N/A</v></c><c t="str"><f>A1&amp;"x"</f><v>zerox</v></c><c t="inlineStr"><is><t>in</t></is></c></row>`,
			"! zero | rich text\nTRUE | #N/A | zerox | in\n",
		},
		{"formats", `<row><c><v>1</v></c><c><v>2</v></c></row><row><c s="1"><v>45382</v></c><c s="2"><f>1/8</f><v>0.125</v></c><c s="77"><v>1.10</v></c></row>`, "! 1 | 2\n2024-03-31 | 12.5% | 1.1\n"},
		{"gaps", `<row r="1"><c r="B1"><v>1</v></c><c r="D1"><v>2</v></c></row><row r="9"><c r="A9"><v>3</v></c><c r="B9"/></row>`, "!  | 1 |  | 2\n3\n"},
		{"formula without a value", `<row><c><f>NOW()</f></c></row>`, ""},
		{"one column", `<row><c><v>1</v></c></row><row><c><v>2</v></c></row>`, "! 1\n2\n"},
	} {
		want := "== 1\n# S\n" + tt.want + "a comment\n"
		if got := extracttest.Shown(t, workbook.Extractor{}, tt.name, xlsx(t, tt.data)); got != want {
			t.Errorf("%s: got\n%swant\n%s", tt.name, got, want)
		}
	}
	for name, data := range map[string]string{
		"no such string": `<row><c t="s"><v>2</v></c></row>`, "no such column": `<row><c r="XFE1"><v>2</v></c></row>`, "endless column": `<row><c r="ZZZZZZZZZZZZZZZZZZ1"><v>2</v></c></row>`,
		"negative string": `<row><c t="s"><v>-1</v></c></row>`,
	} {
		_, _, err := extracttest.Read(t.Context(), workbook.Extractor{}, extracttest.Source(name, xlsx(t, data)))
		if !errors.Is(err, extract.ErrBroken) {
			t.Errorf("%s: %v, want it to be broken", name, err)
		}
	}
}

func TestWorkbooksAreBounded(t *testing.T) {
	t.Parallel()
	wide := strings.Repeat("<c><v>1</v></c>", 16_384)
	rows := "<row>" + wide + "</row>" + strings.Repeat(`<row><c r="XFD1"><v>2</v></c></row>`, 100)
	extracttest.Limited(t, workbook.Extractor{}, "sparse rows below a wide one", xlsx(t, rows), "text")
	shared := strings.Repeat("<si><t>"+strings.Repeat("x", 1000)+"</t></si>", 1500)
	extracttest.Limited(t, workbook.Extractor{}, "strings", extracttest.Zip(t, "xl/workbook.xml", "<workbook"+ns+"/>", "xl/_rels/workbook.xml.rels",
		`<Relationships><Relationship Id="r3" Type="x/sharedStrings" Target="s.xml"/></Relationships>`, "xl/s.xml", "<sst>"+shared+"</sst>"), "text")
}

// TestFarCells: cells in the last columns bring no text of all the columns before them.
func TestFarCells(t *testing.T) {
	t.Parallel()
	data := xlsx(t, strings.Repeat(`<row><c r="XFD1"><v>7</v></c></row>`, 300))
	want := "== 1\n# S\n!  | 7\n" + strings.Repeat(" | 7\n", 299) + "a comment\n"
	if got := extracttest.Shown(t, workbook.Extractor{}, "far cells", data); got != want {
		t.Errorf("got %d bytes, want %d: %.100q", len(got), len(want), got)
	}
}

// TestSharedTextsAreBounded: a text that is written once and shown everywhere is held to
// the ratio of the file.
func TestSharedTextsAreBounded(t *testing.T) {
	t.Parallel()
	text := "<sst><si><t>" + strings.Repeat("x", 10_000) + "</t></si></sst>"
	data := extracttest.Zip(t, "xl/workbook.xml", "<workbook"+ns+`><sheets><sheet name="S" r:id="r1"/></sheets></workbook>`, "xl/_rels/workbook.xml.rels",
		`<Relationships><Relationship Id="r1" Type="x/worksheet" Target="a.xml"/><Relationship Id="r3" Type="x/sharedStrings" Target="s.xml"/></Relationships>`,
		"xl/s.xml", text, "xl/a.xml", "<worksheet><sheetData>"+strings.Repeat(`<row><c t="s"><v>0</v></c></row>`, 2000)+"</sheetData></worksheet>")
	src := extracttest.Source("a.xlsx", data)
	src.Limits.Text = 256 << 20
	made := 0
	_, err := workbook.Extractor{}.Extract(t.Context(), src, func(b extract.Block) error {
		for _, row := range b.Rows {
			made += len(strings.Join(row, " | "))
		}
		return nil
	})
	if limit, ok := errors.AsType[*extract.LimitError](err); !ok || limit.Limit != "ratio" || made > 2<<20 {
		t.Errorf("%d bytes of text out of %d, and %v, want the limit of ratio", made, len(data), err)
	}
}

// TestPagesAreTold: how many sheets there are is told before the first is read.
func TestPagesAreTold(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("../testdata/book-en.xlsx")
	if err != nil {
		t.Fatal(err)
	}
	src := extracttest.Source("a.xlsx", file)
	told := 0
	src.Pages = func(n int) { told = n }
	_, err = workbook.Extractor{}.Extract(t.Context(), src, func(extract.Block) error {
		if told != 2 {
			t.Errorf("told of %d pages, want 2", told)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// FuzzSheet: whatever the data of a sheet is, it is read with all that every reader
// promises.
func FuzzSheet(f *testing.F) {
	f.Add(`<row><c r="A1" t="s"><v>0</v></c><c r="AB1" s="1"><v>1e300</v></c></row>`)
	f.Add(`<c><is><t/></is></c><row><row><c t="s"/></row></row>`)
	f.Fuzz(func(t *testing.T, data string) { extracttest.Hold(t, workbook.Extractor{}, "a.xlsx", xlsx(t, data)) })
}
