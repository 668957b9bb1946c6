package sniff_test

import (
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/extracttest"
	"github.com/fairleadhq/fairlead/internal/extract/sniff"
)

func TestSniff(t *testing.T) {
	t.Parallel()
	png := "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01"
	types := func(kind string) string {
		return string(extracttest.Zip(t, "[Content_Types].xml", `<Types><Override PartName="/x" ContentType="application/`+kind+`"/></Types>`))
	}
	for _, tt := range []struct {
		name, content string
		kind          sniff.Kind
		media         string
		err           error
	}{
		{"report.pdf", png, "", "image/png", extract.ErrUnsupported},
		{"x.pdf", "<!DOCTYPE HTML>\n<p>x", sniff.HTML, "text/html", nil},
		{"x.txt", "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", sniff.PDF, "application/pdf", nil},
		{"x.bin", "\x00\x01\x02\x03\x04\x05junk%PDF-1.4", sniff.PDF, "application/pdf", nil},
		{"pdf.md", "# About %PDF-1.4\ntext", sniff.Markdown, "text/markdown", nil},
		{"a.docx", types("vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"), sniff.Word, "application/vnd.openxmlformats-officedocument.wordprocessingml.document", nil},
		{"a", types("vnd.ms-word.document.macroEnabled.main+xml"), sniff.Word, "application/vnd.openxmlformats-officedocument.wordprocessingml.document", nil},
		{"a.xlsb", types("vnd.ms-excel.sheet.binary.macroEnabled.main"), "", "application/zip", extract.ErrUnsupported},
		{"a.odg", string(extracttest.Zip(t, "mimetype", "application/vnd.oasis.opendocument.graphics")), "", "application/vnd.oasis.opendocument.graphics", extract.ErrUnsupported},
		{"a.docx", string(extracttest.Zip(t, "x", "y")), "", "application/zip", extract.ErrUnsupported},
		{"a.docx", "PK\x03\x04 nothing", "", "application/zip", extract.ErrBroken},
		{"a.docx", string(compound("Root Entry", "EncryptionInfo", "EncryptedPackage")), "", "application/x-ole-storage", extract.ErrEncrypted},
		{"a.doc", string(compound("Root Entry", "WordDocument")), "", "application/msword", extract.ErrUnsupported},
		{"a.xls", string(compound("Root Entry", "Workbook")), "", "application/vnd.ms-excel", extract.ErrUnsupported},
		{"a.doc", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "", "application/x-ole-storage", extract.ErrUnsupported},
		{"a.csv", "a,b\n", sniff.Delimited, "text/csv", nil},
		{"a.TSV", "a\tb\n", sniff.Delimited, "text/csv", nil},
		{"a.json", "{", sniff.JSON, "application/json", nil},
		{"a", `{"a": [1, 2, {"b": "c"}]}`, sniff.JSON, "application/json", nil},
		{"a.txt", `{"a": 1}`, sniff.Text, "text/plain", nil},
		{"a", "[1] a footnote", sniff.Text, "text/plain", nil},
		{"a", "", sniff.Text, "text/plain", nil},
		{"a.svg", `<?xml version="1.0"?><svg xmlns="x"/>`, sniff.XML, "image/svg+xml", nil},
		{"a.html", `<p>part of a page`, sniff.HTML, "text/html", nil},
		{"a", "<!-- c -->\n<html lang=en>", sniff.HTML, "text/html", nil},
		{"a", "<headless>", sniff.Text, "text/plain", nil},
		{"a.rtf", `{\rtf1\ansi x}`, sniff.RTF, "application/rtf", nil},
		{"a.eml", "Subject: x\n\ny", sniff.Mail, "message/rfc822", nil},
		{"a.txt", "Received: from x\n by y\nFrom: a\nSubject: b\n\nc", sniff.Mail, "message/rfc822", nil},
		{"a.txt", "From: a\nTo: b\n\nDear", sniff.Text, "text/plain", nil},
		{"a.txt", "\xff\xfeh\x00i\x00", sniff.Text, "text/plain", nil},
		{"a.html", "\xff\xfe<\x00h\x00t\x00m\x00l\x00>\x00", sniff.HTML, "text/html", nil},
		{"a.txt", "Gr\xf6\xdfe", sniff.Text, "text/plain", nil},
		{"BMW.txt", "BMW report", sniff.Text, "text/plain", nil},
		{"a.txt", strings.Repeat("\x00\x01\x02\x03\xff\xfe\x80", 100), "", "application/octet-stream", extract.ErrUnsupported},
		{"a.txt", "text with one \x00 in it, which does no harm", sniff.Text, "text/plain", nil},
	} {
		got, err := sniff.Sniff(extracttest.Source(tt.name, []byte(tt.content)))
		if got.Kind != tt.kind || got.MediaType != tt.media || !errors.Is(err, tt.err) {
			t.Errorf("%s %.30q: %v, %v, want %s %s, %v", tt.name, tt.content, got, err, tt.kind, tt.media, tt.err)
		}
	}
}

// compound makes a compound file with entries of those names.
func compound(names ...string) []byte {
	file := make([]byte, 512*3)
	copy(file, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")
	binary.LittleEndian.PutUint16(file[30:], 9)
	binary.LittleEndian.PutUint32(file[48:], 1) // the directory is in sector 1
	binary.LittleEndian.PutUint32(file[76:], 0) // the table is in sector 0
	binary.LittleEndian.PutUint32(file[512+4:], 0xFFFFFFFE)
	for i, name := range names {
		entry := file[1024+128*i:]
		units := utf16.Encode([]rune(name))
		for j, u := range units {
			binary.LittleEndian.PutUint16(entry[2*j:], u)
		}
		binary.LittleEndian.PutUint16(entry[64:], uint16(2*len(units)+2))
	}
	return file
}

func TestRealFiles(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]sniff.Kind{
		"report-en.docx": sniff.Word, "slides-en.pptx": sniff.Slides, "book-en.xlsx": sniff.Workbook, "report-en.odt": sniff.OpenDocument,
		"slides-en.odp": sniff.OpenDocument, "book-en.ods": sniff.OpenDocument, "report-ja.html": sniff.HTML, "report-ja.txt": sniff.Text,
	} {
		content, err := os.ReadFile("../office/testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := sniff.Sniff(extracttest.Source("x", content)); got.Kind != want || err != nil {
			t.Errorf("%s: %v, %v, want %s", name, got, err, want)
		}
	}
}

// FuzzSniff: any bytes are something, or are refused.
func FuzzSniff(f *testing.F) {
	f.Add(compound("Root Entry", "Workbook"), "a.xls")
	f.Add(extracttest.Zip(f, "[Content_Types].xml", "<x/>"), "")
	f.Add([]byte("From: a\nReceived: b\n\n"), ".eml")
	f.Fuzz(func(t *testing.T, content []byte, name string) {
		got, err := sniff.Sniff(extracttest.Source(name, content))
		if (got.Kind == "") == (err == nil) || got.MediaType == "" {
			t.Errorf("%v, %v", got, err)
		}
	})
}
