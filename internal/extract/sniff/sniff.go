// Package sniff tells what a file is. Its bytes decide: a picture that is called
// report.pdf is a picture. The ending of its name is asked only where bytes can't tell,
// as between kinds of plain text.
//
// Start with Sniff.
package sniff

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/charset"
)

// Kind is a family of formats that one reader reads.
type Kind string

// The kinds.
const (
	PDF          Kind = "pdf"
	Word         Kind = "docx"
	Slides       Kind = "pptx"
	Workbook     Kind = "xlsx"
	OpenDocument Kind = "opendocument"
	HTML         Kind = "html"
	XML          Kind = "xml"
	Mail         Kind = "mail"
	RTF          Kind = "rtf"
	Markdown     Kind = "markdown"
	Delimited    Kind = "csv"
	JSON         Kind = "json"
	Text         Kind = "text"
)

// Type is what a file is. Kind is "" for what is not read.
type Type struct {
	Kind      Kind
	MediaType string
}

// headSize is how much of a file is looked at.
const headSize = 16 << 10

// Sniff tells what src is. What is not read is an error, extract.ErrUnsupported or
// extract.ErrEncrypted, and archives that can't be opened those of archive.Open; the
// media type is set even so. Other errors are those of reading.
func Sniff(src *extract.Source) (Type, error) {
	head := make([]byte, min(headSize, src.Size))
	n, err := src.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return Type{}, fmt.Errorf("reading the document's beginning: %w", err)
	}
	head = head[:n]
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return zipped(src)
	case bytes.HasPrefix(head, []byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")):
		return compound(src)
	}
	encoding := charset.OfBytes(head)
	binary := isBinary(head, encoding)
	if isPDF(head, binary) {
		return Type{PDF, "application/pdf"}, nil
	}
	if media := magic(head); media != "" && (binary || media == "application/postscript") {
		return Type{MediaType: media}, extract.ErrUnsupported
	}
	if binary {
		return Type{MediaType: "application/octet-stream"}, extract.ErrUnsupported
	}
	return textual(encoding.Decode(head), strings.ToLower(path.Ext(src.Name))), nil
}

// isBinary reports whether bytes are no text in any encoding.
func isBinary(head []byte, encoding charset.Charset) bool {
	if strings.HasPrefix(encoding.Name(), "utf-16") || strings.HasPrefix(encoding.Name(), "utf-32") {
		return false
	}
	controls := 0
	for _, b := range head {
		if b < ' ' && !bytes.ContainsRune([]byte("\t\n\v\f\r\b\x1b"), rune(b)) {
			controls++
		}
	}
	const share = 50 // a text has at most one control in so many bytes
	return controls > len(head)/share+1
}

// isPDF reports whether a PDF begins here. Some have a few bytes of something else
// before.
func isPDF(head []byte, binary bool) bool {
	const late = 1024
	at := bytes.Index(head[:min(len(head), late)], []byte("%PDF-"))
	return at >= 0 && (binary || len(bytes.TrimLeft(head[:at], "\xEF\xBB\xBF \t\r\n")) == 0)
}

// magic is the media type of formats that are known by their first bytes, and not read.
func magic(head []byte) string {
	for _, known := range []struct {
		at           int
		begin, media string
	}{
		{0, "\x89PNG\r\n\x1a\n", "image/png"},
		{0, "\xFF\xD8\xFF", "image/jpeg"},
		{0, "GIF8", "image/gif"},
		{0, "II*\x00", "image/tiff"},
		{0, "MM\x00*", "image/tiff"},
		{8, "WEBP", "image/webp"},
		{8, "WAVE", "audio/wav"},
		{4, "ftyp", "video/mp4"},
		{0, "ID3", "audio/mpeg"},
		{0, "OggS", "audio/ogg"},
		{0, "fLaC", "audio/flac"},
		{0, "\x1f\x8b", "application/gzip"},
		{0, "BZh", "application/x-bzip2"},
		{0, "\xFD7zXZ\x00", "application/x-xz"},
		{0, "\x28\xB5\x2F\xFD", "application/zstd"},
		{0, "7z\xBC\xAF\x27\x1C", "application/x-7z-compressed"},
		{0, "Rar!\x1a\x07", "application/vnd.rar"},
		{257, "ustar", "application/x-tar"},
		{0, "\x7fELF", "application/x-executable"},
		{0, "MZ", "application/vnd.microsoft.portable-executable"},
		{0, "SQLite format 3\x00", "application/vnd.sqlite3"},
		{0, "%!PS", "application/postscript"},
		{0, "BM", "image/bmp"},
	} {
		if len(head) >= known.at && bytes.HasPrefix(head[known.at:], []byte(known.begin)) {
			return known.media
		}
	}
	return ""
}
