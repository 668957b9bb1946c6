package pdf

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/pdf/pdftest"
)

// cacheDir is where all tests have PDFium's compiled code: making it takes seconds.
var cacheDir = filepath.Join(os.TempDir(), "fairlead-test-pdfium")

func extracted(t *testing.T, data []byte, limits extract.Limits) ([]extract.Block, fairlead.About, error) {
	t.Helper()
	if err := os.MkdirAll(cacheDir, 0o700); err != nil {
		t.Fatal(err)
	}
	var blocks []extract.Block
	src := &extract.Source{ReaderAt: bytes.NewReader(data), Size: int64(len(data)), Limits: limits}
	about, err := New(Options{CacheDir: cacheDir}).Extract(t.Context(), src, func(b extract.Block) error {
		blocks = append(blocks, b)
		return nil
	})
	return blocks, about, err
}

// TestReport: pages in order, headings by their size, lines in their paragraph, and the
// table with its header.
func TestReport(t *testing.T) {
	blocks, about, err := extracted(t, pdftest.Report(3), extract.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if about.Title != "Annual report" {
		t.Errorf("title %q", about.Title)
	}
	pages := 0
	for i, b := range blocks {
		if b.Kind != extract.PageStart {
			continue
		}
		pages++
		if b.Page != pages {
			t.Fatalf("page %d comes as number %d", b.Page, pages)
		}
		if i+4 >= len(blocks) {
			t.Fatalf("page %d has only %d blocks", pages, len(blocks)-i)
		}
		checkPage(t, pages, [4]extract.Block(blocks[i+1:]))
	}
	if pages != 3 {
		t.Errorf("%d pages, want 3", pages)
	}
}

func checkPage(t *testing.T, page int, blocks [4]extract.Block) {
	t.Helper()
	heading, text, table, foot := blocks[0], blocks[1], blocks[2], blocks[3]
	if heading.Kind != extract.Heading || !strings.HasSuffix(heading.Text, "Results of operations") {
		t.Errorf("page %d begins with %+v", page, heading)
	}
	if text.Kind != extract.Paragraph || strings.Count(text.Text, "\n") != 7 {
		t.Errorf("page %d goes on with %+v", page, text)
	}
	if table.Kind != extract.Table || table.Header != 1 || !reflect.DeepEqual(table.Rows, pdftest.Rows()) {
		t.Errorf("the table of page %d is %+v", page, table)
	}
	if foot.Kind != extract.Paragraph || !strings.HasPrefix(foot.Text, "Page ") {
		t.Errorf("page %d ends with %+v", page, foot)
	}
}

// TestOutlineNamesHeadings: a document with an outline has the headings that it names,
// whatever its letters' size.
func TestOutlineNamesHeadings(t *testing.T) {
	p := pdftest.Page{}
	for i, text := range []string{"1.2 Scope", "What this is about.", "Remarks", "Large, but no heading", "Terms", "A term is a word."} {
		size := 10.0
		if i == 3 {
			size = 20
		}
		p.Texts = append(p.Texts, pdftest.Text{X: 72, Y: 700 - 30*float64(i), Size: size, Font: "F", Text: text})
	}
	blocks, _, err := extracted(t, pdftest.Document("", []pdftest.Page{p},
		pdftest.Entry{Title: "Scope"}, pdftest.Entry{Title: "Remarks"}, pdftest.Entry{Title: "Terms"}, pdftest.Entry{Title: "Elsewhere"}), extract.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range blocks {
		if b.Kind == extract.Heading {
			got = append(got, b.Text)
		}
	}
	if want := []string{"1.2 Scope", "Remarks", "Terms"}; !reflect.DeepEqual(got, want) {
		t.Errorf("headings %q, want %q", got, want)
	}
}

// TestSignsBelongToTheirFigures, and lines without figures to the table that they are in.
func TestSignsBelongToTheirFigures(t *testing.T) {
	var p pdftest.Page
	add := func(x, y float64, text string) {
		p.Texts = append(p.Texts, pdftest.Text{X: x, Y: y, Size: 10, Font: "F", Text: text})
	}
	for i, row := range [][]string{{"Revenue", "$", "1,577", "12", "%"}, {"Net:", "", "", "", ""}, {"Income", "$", "402", "7", "%"}, {"Tax", "$", "31", "3", "%"}} {
		y := 700 - 14*float64(i)
		for j, x := range []float64{72, 300, 320, 400, 425} {
			if row[j] != "" {
				add(x, y, row[j])
			}
		}
	}
	blocks, _, err := extracted(t, pdftest.Document("", []pdftest.Page{p}), extract.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"Revenue", "$ 1,577", "12 %"}, {"Net:", "", ""}, {"Income", "$ 402", "7 %"}, {"Tax", "$ 31", "3 %"}}
	if len(blocks) != 2 || !reflect.DeepEqual(blocks[1].Rows, want) {
		t.Errorf("got %+v", blocks)
	}
}

// TestTwoColumnsAreNoTable: text in two columns stays text, even if it is drawn line by
// line across both.
func TestTwoColumnsAreNoTable(t *testing.T) {
	var p pdftest.Page
	for i := range 12 {
		for _, x := range []float64{50, 320} {
			p.Texts = append(p.Texts, pdftest.Text{X: x, Y: 700 - 12*float64(i), Size: 10, Font: "F", Text: "words that go on to the line below, as those of columns do"})
		}
	}
	blocks, _, err := extracted(t, pdftest.Document("", []pdftest.Page{p}), extract.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		if b.Kind == extract.Table {
			t.Errorf("a table: %+v", b)
		}
	}
}

// TestRotatedPage: a page that is turned reads as it looks.
func TestRotatedPage(t *testing.T) {
	for _, degrees := range []int{0, 90, 180, 270} {
		p := pdftest.Page{Rotate: degrees}
		for i, row := range pdftest.Rows() {
			for j, cell := range row {
				p.Texts = append(p.Texts, pdftest.Text{X: 72 + 200*float64(j), Y: 500 - 14*float64(i), Size: 9, Font: "F", Text: cell})
			}
		}
		blocks, _, err := extracted(t, pdftest.Document("", []pdftest.Page{p}), extract.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if len(blocks) != 2 || !reflect.DeepEqual(blocks[1].Rows, pdftest.Rows()) {
			t.Errorf("turned by %d: %+v", degrees, blocks)
		}
	}
}

// TestLimits of pages and text are errors that name them.
func TestLimits(t *testing.T) {
	for limit, limits := range map[string]extract.Limits{"pages": {Pages: 2}, "text": {Text: 300}} {
		_, _, err := extracted(t, pdftest.Report(3), limits)
		if l, ok := errors.AsType[*extract.LimitError](err); !ok || l.Limit != limit {
			t.Errorf("%v, want the limit of %s", err, limit)
		}
	}
}

// TestEmitsError: an error of whoever takes the blocks ends the reading, and is returned.
func TestEmitsError(t *testing.T) {
	data, full := pdftest.Report(1), errors.New("full")
	src := &extract.Source{ReaderAt: bytes.NewReader(data), Size: int64(len(data))}
	x := New(Options{CacheDir: cacheDir})
	_, err := x.Extract(t.Context(), src, func(extract.Block) error { return full })
	if !errors.Is(err, full) {
		t.Errorf("%v, want the emitter's", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = x.Extract(ctx, src, func(extract.Block) error { cancel(); return nil })
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that the context ended", err)
	}
}

// TestSensible titles are those that were meant for readers.
func TestSensible(t *testing.T) {
	for title, want := range map[string]bool{
		"Annual report 2018": true, "インストールガイド": true, "Node.js in action": true,
		"": false, "untitled": false, "Microsoft Word - report.doc": false, "report_final.docx": false, "12": false,
	} {
		if got := sensible(title); got != want {
			t.Errorf("%q: %v, want %v", title, got, want)
		}
	}
}
