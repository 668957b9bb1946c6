// Package archive opens the ZIP files in which office documents come, and bounds what
// they unfold to: by the bytes that were really read, for the archive as a whole, and
// whatever its headers say. Members are found by their exact names, so no path of
// theirs ever means anything.
//
// Start with Open.
package archive

import (
	"archive/zip"
	"bufio"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/fairleadhq/fairlead/internal/extract"
)

// ratioFloor is how many bytes an archive may unfold to whatever its ratio is: small
// files of repeated markup unfold far.
const ratioFloor = 8 << 20

// entryBytes is about how long the entry of a part in an archive's directory may be.
const entryBytes = 1024

// Archive is a ZIP file. It must not be used by several goroutines at once.
type Archive struct {
	limits   extract.Limits
	size     int64
	members  map[string]*zip.File
	unfolded int64
}

// Open reads the directory of src. What is no ZIP file, or damaged, is
// extract.ErrBroken; one with too many entries a LimitError.
func Open(src *extract.Source) (*Archive, error) {
	most := src.Limits.Entries
	directory := &rationed{r: src, left: -1}
	if most > 0 {
		// The end of the directory is looked for in the last 64 KiB and some more.
		directory.left = 256<<10 + int64(most)*entryBytes
	}
	z, err := zip.NewReader(directory, src.Size)
	switch {
	case directory.over, err == nil && most > 0 && len(z.File) > most:
		return nil, &extract.LimitError{Limit: "entries", Most: int64(most)}
	case err != nil && !errors.Is(err, zip.ErrInsecurePath):
		return nil, fmt.Errorf("%w: reading its directory: %w", extract.ErrBroken, err)
	}
	directory.left = -1
	a := &Archive{limits: src.Limits, size: src.Size, members: make(map[string]*zip.File, len(z.File))}
	for _, f := range z.File {
		// Some programs write the separators of their own system. The first of two
		// members of one name is the one that counts, for every reader of the archive.
		name := strings.TrimPrefix(strings.ReplaceAll(f.Name, `\`, "/"), "/")
		if _, twice := a.members[name]; !twice {
			a.members[name] = f
		}
	}
	return a, nil
}

// rationed is a ReaderAt of which only so many bytes can be read; without a bound if
// left is negative.
type rationed struct {
	r    io.ReaderAt
	left int64
	over bool
}

// ReadAt implements io.ReaderAt.
func (r *rationed) ReadAt(p []byte, off int64) (int, error) {
	if r.left >= 0 {
		if r.left -= int64(len(p)); r.left < 0 {
			r.left, r.over = 0, true
			return 0, errors.New("the directory is too long")
		}
	}
	return r.r.ReadAt(p, off)
}

// Has reports whether there is a member of that name.
func (a *Archive) Has(name string) bool { return a.members[name] != nil }

// Names returns the names of the members, in no order.
func (a *Archive) Names() []string {
	names := make([]string, 0, len(a.members))
	for name := range a.members {
		names = append(names, name)
	}
	return names
}

// Member opens a member. One that is not there, or is packed in a way that is not
// known, is extract.ErrBroken, one that needs a password extract.ErrEncrypted; what is
// read of it counts against the limits, which end the reading with a LimitError. All
// other errors of reading are extract.ErrBroken.
func (a *Archive) Member(name string) (io.ReadCloser, error) {
	f := a.members[name]
	if f == nil {
		return nil, fmt.Errorf("%w: a part is missing", extract.ErrBroken)
	}
	const encrypted = 1
	if f.Flags&encrypted != 0 {
		return nil, extract.ErrEncrypted
	}
	raw, err := f.OpenRaw()
	if err != nil {
		return nil, fmt.Errorf("%w: opening a part: %w", extract.ErrBroken, err)
	}
	m := &member{archive: a, folded: &counted{r: raw}, sum: f.CRC32, want: f.UncompressedSize64}
	switch f.Method {
	case zip.Store:
		m.plain = io.NopCloser(m.folded)
	case zip.Deflate:
		m.plain = flate.NewReader(bufio.NewReader(m.folded))
	default:
		return nil, fmt.Errorf("%w: packing method %d", extract.ErrUnsupported, f.Method)
	}
	return m, nil
}
