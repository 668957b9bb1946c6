// Package pdftest makes PDF files for tests: plain ones, and such as were made to harm
// whoever reads them.
//
// Start with Document for the first, Hostile for the others.
package pdftest

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"strings"
)

// Text is a piece of text on a page.
type Text struct {
	X, Y, Size float64
	// Font is "F" for the plain one, "B" for the bold one.
	Font string
	Text string
}

// Page is what stands on a page of 612 by 792 points. Rotate is by how much it is turned
// to be looked at, in degrees: its texts are where they are then.
type Page struct {
	Texts  []Text
	Rotate int
}

// matrix is how PDF is told where a text stands.
func (p *Page) matrix(x, y float64) string {
	const width, height = 612, 792
	switch p.Rotate {
	case 90:
		return fmt.Sprintf("0 1 -1 0 %g %g", width-y, x)
	case 180:
		return fmt.Sprintf("-1 0 0 -1 %g %g", width-x, height-y)
	case 270:
		return fmt.Sprintf("0 -1 1 0 %g %g", y, height-x)
	}
	return fmt.Sprintf("1 0 0 1 %g %g", x, y)
}

// Entry is one of a document's outline; Page is counted from 0.
type Entry struct {
	Title string
	Page  int
}

// Document is a document of plain pages.
func Document(title string, pages []Page, outline ...Entry) []byte {
	const first = 6 // the objects before the pages
	objects := make([]string, first-1, first+2*len(pages))
	objects[1] = pageTree(len(pages), first)
	objects[2] = font("Helvetica")
	objects[3] = font("Helvetica-Bold")
	objects[4] = fmt.Sprintf("<</Title(%s)>>", escaped(title))
	for i, p := range pages {
		var content strings.Builder
		for _, t := range p.Texts {
			fmt.Fprintf(&content, "BT /%s %g Tf %s Tm (%s) Tj ET\n", t.Font, t.Size, p.matrix(t.X, t.Y), escaped(t.Text))
		}
		objects = append(
			objects,
			fmt.Sprintf("<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Rotate %d/Resources<</Font<</F 3 0 R/B 4 0 R>>>>/Contents %d 0 R>>", p.Rotate, first+2*i+1),
			stream("/Filter/FlateDecode", deflated(content.String(), 1)),
		)
	}
	objects[0] = "<</Type/Catalog/Pages 2 0 R>>"
	if len(outline) > 0 {
		root := len(objects) + 1
		objects[0] = fmt.Sprintf("<</Type/Catalog/Pages 2 0 R/Outlines %d 0 R>>", root)
		objects = append(objects, fmt.Sprintf("<</Type/Outlines/First %d 0 R/Last %d 0 R/Count %d>>", root+1, root+len(outline), len(outline)))
		for i, e := range outline {
			next := ""
			if i+1 < len(outline) {
				next = fmt.Sprintf("/Next %d 0 R", root+i+2)
			}
			objects = append(objects, fmt.Sprintf("<</Title(%s)/Parent %d 0 R/Dest[%d 0 R/Fit]%s>>", escaped(e.Title), root, first+2*e.Page, next))
		}
	}
	return build("/Info 5 0 R", objects...)
}

func font(name string) string {
	return fmt.Sprintf("<</Type/Font/Subtype/Type1/BaseFont/%s/Encoding/WinAnsiEncoding>>", name)
}

func pageTree(pages, first int) string {
	var kids strings.Builder
	for i := range pages {
		fmt.Fprintf(&kids, "%d 0 R ", first+2*i)
	}
	return fmt.Sprintf("<</Type/Pages/Kids[%s]/Count %d>>", kids.String(), pages)
}

func escaped(text string) string {
	return strings.NewReplacer(`\`, `\\`, "(", `\(`, ")", `\)`).Replace(text)
}

// Report is a document of that many pages as companies write them: headings, paragraphs,
// and a table on each page.
func Report(pages int) []byte {
	made := make([]Page, 0, pages)
	for n := range pages {
		var p Page
		add := func(x, y float64, font, text string) {
			size := 10.0
			if font == "B" {
				size = 14
			}
			p.Texts = append(p.Texts, Text{x, y, size, font, text})
		}
		add(72, 720, "B", fmt.Sprintf("Item %d. Results of operations", n+1))
		for i := range 8 {
			add(72, 690-12*float64(i), "F", fmt.Sprintf("Line %d of page %d tells how sales went in the markets that we serve,", i+1, n+1))
		}
		for i, row := range Rows() {
			for j, cell := range row {
				x := 72.0
				if j > 0 {
					x = 300 + 80*float64(j)
				}
				add(x, 560-14*float64(i), "F", cell)
			}
		}
		add(72, 40, "F", fmt.Sprintf("Page %d", n+1))
		made = append(made, p)
	}
	return Document("Annual report", made)
}

// Rows are those of the table in a Report.
func Rows() [][]string {
	return [][]string{
		{"In millions", "2018", "2017"},
		{"Revenue", "32,765", "31,657"},
		{"Cost of sales", "16,682", "16,055"},
		{"Purchases of property, plant and equipment", "(1,577)", "(1,373)"},
		{"Net income", "5,349", "4,858"},
	}
}

func build(trailer string, objects ...string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	at := make([]int, 0, len(objects))
	for i, o := range objects {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	table := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, offset := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, trailer, table)
	return b.Bytes()
}

func stream(dictionary string, data []byte) string {
	return fmt.Sprintf("<<%s/Length %d>>stream\n%s\nendstream", dictionary, len(data), data)
}

// deflated is text, so many times over.
func deflated(text string, times int) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	for range times {
		_, _ = io.WriteString(w, text)
	}
	_ = w.Close()
	return b.Bytes()
}
