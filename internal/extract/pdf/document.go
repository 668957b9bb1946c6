package pdf

import (
	"context"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/extract"
)

// The errors of FPDF_GetLastError that say more than that the file is damaged.
const (
	badPassword = 4
	badSecurity = 5
)

// document is an open PDF.
type document struct {
	e      *engine
	handle uint64
	pages  int
}

func openDocument(ctx context.Context, e *engine, src *extract.Source) (*document, error) {
	access, _, err := e.files.CreateFileAccessReader(src.Size, io.NewSectionReader(src, 0, src.Size))
	if err != nil {
		return nil, &trap{err}
	}
	handle, err := e.call(ctx, "FPDF_LoadCustomDocument", *access, 0)
	if err != nil {
		return nil, err
	}
	if handle == 0 {
		return nil, e.openError(ctx)
	}
	pages, err := e.count(ctx, "FPDF_GetPageCount", handle)
	if err != nil {
		return nil, err
	}
	if pages == 0 {
		return nil, fmt.Errorf("%w: it has no pages", extract.ErrBroken)
	}
	return &document{e: e, handle: handle, pages: pages}, nil
}

func (e *engine) openError(ctx context.Context) error {
	code, err := e.count(ctx, "FPDF_GetLastError")
	switch {
	case err != nil:
		return err
	case code == badPassword:
		return extract.ErrEncrypted
	case code == badSecurity:
		return fmt.Errorf("%w: its encryption is not known", extract.ErrEncrypted)
	}
	return fmt.Errorf("%w: PDFium can't open it: code %d", extract.ErrBroken, code)
}

// longestTitle is the most bytes of a title that are read, in PDFium's encoding.
const longestTitle = scratchBytes - 64

// about is what the document's own fields say of it.
func (d *document) about(ctx context.Context) (fairlead.About, error) {
	const at = longestTitle // the tag's place, behind what it is answered with
	tag := d.e.scratch + at
	if !d.e.memory.WriteString(uint32(tag), "Title\x00") { //nolint:gosec // addresses are of 32 bits
		return fairlead.About{}, errEngine
	}
	title, err := d.short(ctx, "FPDF_GetMetaText", d.handle, tag)
	if !sensible(title) {
		title = ""
	}
	return fairlead.About{Title: title}, err
}

// short reads a short text from a function that takes a buffer and its length behind
// args, and returns how many bytes the text has.
func (d *document) short(ctx context.Context, name string, args ...uint64) (string, error) {
	n, err := d.e.count(ctx, name, append(args, d.e.scratch, longestTitle)...)
	if err != nil || n < 2 || n > longestTitle {
		return "", err // one that is longer is no title
	}
	units, err := d.e.utf16(d.e.scratch, n/2-1)
	return strings.Join(strings.Fields(string(utf16.Decode(units))), " "), err
}

// sensible reports whether a title was meant for readers: programs put file names there.
func sensible(title string) bool {
	if letters(title) < 2 || strings.ContainsRune(title, '\uFFFD') {
		return false
	}
	lower := strings.ToLower(title)
	for _, start := range []string{"untitled", "microsoft word", "microsoft powerpoint", "slide 1", "file:", "http:", "https:"} {
		if strings.HasPrefix(lower, start) {
			return false
		}
	}
	if dot := strings.LastIndexByte(lower, '.'); dot > 0 && len(lower)-dot <= len(".indd") && !strings.Contains(lower[dot:], " ") {
		return letters(lower[dot:]) < 2 // it ends as file names do
	}
	return true
}

// The bounds of outlines.
const (
	mostNames    = 5000
	deepestNames = 8
	// fewNames is how many an outline must have to be taken for all headings.
	fewNames = 4
)

// name is an entry of the outline; key is its title as keyOf has it.
type name struct {
	key   string
	level int
}

// outline reads the document's outline: the names on each page, from 0. It is nil where
// there is none to speak of.
func (d *document) outline(ctx context.Context) (map[int][]name, error) {
	names, count := map[int][]name{}, 0
	// The entries that are still to be visited, each with its level: what stands last is
	// next.
	type entry struct {
		handle uint64
		level  int
	}
	first, err := d.e.call(ctx, "FPDFBookmark_GetFirstChild", d.handle, 0)
	if err != nil {
		return nil, err
	}
	for next := []entry{{first, 1}}; len(next) > 0 && count < mostNames; {
		at := next[len(next)-1]
		next = next[:len(next)-1]
		if at.handle == 0 {
			continue
		}
		count++
		page, n, err := d.name(ctx, at.handle)
		if err != nil {
			return nil, err
		}
		if n.key != "" {
			n.level = at.level
			names[page] = append(names[page], n)
		}
		sibling, err := d.e.call(ctx, "FPDFBookmark_GetNextSibling", d.handle, at.handle)
		if err != nil {
			return nil, err
		}
		child := uint64(0)
		if at.level < deepestNames {
			if child, err = d.e.call(ctx, "FPDFBookmark_GetFirstChild", d.handle, at.handle); err != nil {
				return nil, err
			}
		}
		next = append(next, entry{sibling, at.level}, entry{child, at.level + 1})
	}
	if count < fewNames {
		return nil, nil
	}
	return names, nil
}

// name reads an entry of the outline: the page that it stands for, and its title.
func (d *document) name(ctx context.Context, handle uint64) (page int, n name, err error) {
	title, err := d.short(ctx, "FPDFBookmark_GetTitle", handle)
	if err != nil || title == "" {
		return 0, name{}, err
	}
	target, err := d.e.call(ctx, "FPDFBookmark_GetDest", d.handle, handle)
	if err != nil || target == 0 {
		return 0, name{}, err
	}
	page, err = d.e.count(ctx, "FPDFDest_GetDestPageIndex", d.handle, target)
	return page, name{key: keyOf(title)}, err
}
