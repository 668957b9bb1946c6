package formats_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/extracttest"
	"github.com/fairleadhq/fairlead/internal/extract/formats"
)

// chosen reads a file with the reader that it is for.
type chosen struct{}

// Extract implements extract.Extractor.
func (chosen) Extract(ctx context.Context, src *extract.Source, emit extract.Emit) (fairlead.About, error) {
	f, err := formats.Readers{}.For(src)
	if err != nil {
		return fairlead.About{}, err
	}
	return f.Extractor.Extract(ctx, src, emit)
}

func testdata(tb testing.TB) []string {
	tb.Helper()
	names, err := filepath.Glob("../office/testdata/*-*.*")
	if err != nil || len(names) < 30 {
		tb.Fatalf("%d files, %v", len(names), err)
	}
	return names
}

func TestRealFiles(t *testing.T) {
	t.Parallel()
	for _, name := range testdata(t) {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		// The name says nothing.
		blocks, _, err := extracttest.Read(t.Context(), chosen{}, extracttest.Source("x.pdf", content))
		if err != nil || len(blocks) < 2 {
			t.Errorf("%s: %d blocks, %v", name, len(blocks), err)
		}
	}
}

func TestPDF(t *testing.T) {
	t.Parallel()
	src := extracttest.Source("x", []byte("%PDF-1.7\n"))
	if f, err := (formats.Readers{}).For(src); !errors.Is(err, extract.ErrUnsupported) || f.MediaType != "application/pdf" {
		t.Errorf("without a reader: %v, %v", f, err)
	}
	if f, err := (formats.Readers{PDF: chosen{}}).For(src); err != nil || f.Extractor != (chosen{}) {
		t.Errorf("with a reader: %v, %v", f, err)
	}
}

// TestContextEnds: every reader stops when the context has ended, with its error.
func TestContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, name := range append(testdata(t), "a.md", "a.csv", "a.json", "a.eml", "a.svg") {
		content, err := os.ReadFile(name)
		if err != nil {
			content = []byte(map[string]string{".md": "# a", ".csv": "a,b", ".json": "{}", ".eml": "Subject: x\n\nx", ".svg": "<svg/>"}[filepath.Ext(name)])
		}
		if blocks, _, err := extracttest.Read(ctx, chosen{}, extracttest.Source(name, content)); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %d blocks, %v, want it to be canceled", name, len(blocks), err)
		}
	}
}

// TestEmitFails: what emit returns comes back, from every reader and at any block.
func TestEmitFails(t *testing.T) {
	t.Parallel()
	failed := errors.New("no room")
	for _, name := range testdata(t) {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for after := range 6 {
			src := extracttest.Source(name, content)
			f, err := formats.Readers{}.For(src)
			if err != nil {
				t.Fatal(err)
			}
			_, err = f.Extractor.Extract(t.Context(), src, func(extract.Block) error {
				if after--; after < 0 {
					return failed
				}
				return nil
			})
			if after < 0 && !errors.Is(err, failed) {
				t.Errorf("%s: %v, want the error of emit", name, err)
			}
		}
	}
}

// TestTextIsExact: a document goes through with as many bytes as it has, and not with
// one less.
func TestTextIsExact(t *testing.T) {
	t.Parallel()
	for _, name := range testdata(t) {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		blocks, _, err := extracttest.Read(t.Context(), chosen{}, extracttest.Source(name, content))
		if err != nil {
			t.Fatal(err)
		}
		size := int64(0)
		for _, b := range blocks {
			size += int64(len(b.Text))
			for _, row := range b.Rows {
				size += int64(len(strings.Join(row, " | ")))
			}
		}
		for _, most := range []int64{size, size - 1} {
			src := extracttest.Source(name, content)
			src.Limits.Text = most
			_, _, err := extracttest.Read(t.Context(), chosen{}, src)
			if limit, ok := errors.AsType[*extract.LimitError](err); most < size && (!ok || limit.Limit != "text" || limit.Most != most) || most == size && err != nil {
				t.Errorf("%s: %d bytes within %d: %v", name, size, most, err)
			}
		}
	}
}

func TestBombs(t *testing.T) {
	t.Parallel()
	const ns = ` xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"`
	types := `<Types><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`
	docx := func(document string) []byte {
		return extracttest.Zip(t, "[Content_Types].xml", types, "word/document.xml", document)
	}
	blank := strings.Repeat("<w:p/>"+strings.Repeat(" ", 1<<20), 10)
	extracttest.Limited(t, chosen{}, "ratio", docx("<w:document"+ns+"><w:body>"+blank+"</w:body></w:document>"), "ratio")
	extracttest.Limited(t, chosen{}, "ratio of the types", extracttest.Zip(t, "[Content_Types].xml", "<Types>"+strings.Repeat("<a/>"+strings.Repeat(" ", 1<<20), 10)+"</Types>"), "ratio")
	for name, document := range map[string]string{
		"laughs":  `<!DOCTYPE w [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><w:document` + ns + `><w:body><w:p><w:r><w:t>&b;</w:t></w:r></w:p></w:body></w:document>`,
		"outside": `<!DOCTYPE w [<!ENTITY a SYSTEM "http://127.0.0.1:1/">]><w:document` + ns + `><w:t>&a;</w:t></w:document>`,
		"cut":     "<w:document" + ns + "><w:body>",
	} {
		if _, _, err := extracttest.Read(t.Context(), chosen{}, extracttest.Source(name, docx(document))); !errors.Is(err, extract.ErrBroken) {
			t.Errorf("%s: %v, want it to be broken", name, err)
		}
	}
}

// FuzzAny: any bytes are read by the reader that they are for, with all that every
// reader promises.
func FuzzAny(f *testing.F) {
	for _, name := range testdata(f) {
		content, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if len(content) < 7000 {
			f.Add(content, filepath.Ext(name))
		}
	}
	f.Fuzz(func(t *testing.T, content []byte, name string) { extracttest.Hold(t, chosen{}, name, content) })
}
