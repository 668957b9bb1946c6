package sniff

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"unicode/utf16"

	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/archive"
	"github.com/fairleadhq/fairlead/internal/extract/xmlstream"
)

// The media types of office documents.
const (
	mediaZip       = "application/zip"
	mediaWord      = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	mediaWorkbook  = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	mediaSlides    = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
	mediaODF       = "application/vnd.oasis.opendocument."
	contentTypes   = "[Content_Types].xml"
	mimetypeMember = "mimetype"
)

// zipped tells what a ZIP file is, by its members.
func zipped(src *extract.Source) (Type, error) {
	a, err := archive.Open(src)
	if err != nil {
		return Type{MediaType: mediaZip}, err
	}
	switch {
	case a.Has(contentTypes):
		return officeXML(a)
	case a.Has(mimetypeMember):
		return openDocument(a)
	}
	return Type{MediaType: mediaZip}, extract.ErrUnsupported
}

// officeXML tells the kinds of Office Open XML, by the type of the main part.
func officeXML(a *archive.Archive) (Type, error) {
	member, err := a.Member(contentTypes)
	if err != nil {
		return Type{MediaType: mediaZip}, err
	}
	defer member.Close()
	found := Type{MediaType: mediaZip}
	err = xmlstream.New(member).Walk(func(t xmlstream.Token) error {
		kind := strings.ToLower(t.Attr("ContentType"))
		if t.Kind != xmlstream.Start || !strings.HasSuffix(kind, "main+xml") || found.Kind != "" {
			return nil
		}
		switch {
		case strings.Contains(kind, "wordprocessingml"), strings.Contains(kind, "ms-word"):
			found = Type{Word, mediaWord}
		case strings.Contains(kind, "spreadsheetml"), strings.Contains(kind, "ms-excel.sheet.macro"), strings.Contains(kind, "ms-excel.template"):
			found = Type{Workbook, mediaWorkbook}
		case strings.Contains(kind, "presentationml"), strings.Contains(kind, "ms-powerpoint"):
			found = Type{Slides, mediaSlides}
		}
		return nil
	})
	if err == nil && found.Kind == "" {
		err = extract.ErrUnsupported
	}
	return found, err
}

// openDocument tells the kinds of OpenDocument, by what the first member says.
func openDocument(a *archive.Archive) (Type, error) {
	member, err := a.Member(mimetypeMember)
	if err != nil {
		return Type{MediaType: mediaZip}, err
	}
	defer member.Close()
	const longest = 200
	text, err := io.ReadAll(io.LimitReader(member, longest))
	if err != nil {
		return Type{MediaType: mediaZip}, err
	}
	media := strings.TrimSpace(string(text))
	kind, ok := strings.CutPrefix(media, mediaODF)
	base, _, _ := strings.Cut(kind, "-")
	if ok && (base == "text" || base == "presentation" || base == "spreadsheet") {
		return Type{OpenDocument, media}, nil
	}
	if ok || media == "application/epub+zip" {
		return Type{MediaType: media}, extract.ErrUnsupported
	}
	return Type{MediaType: mediaZip}, extract.ErrUnsupported
}

// compound tells what a compound file is, in which Office kept its documents before it
// turned to XML, and keeps those that are encrypted. Only the names of its streams are
// looked at; their layout is that of MS-CFB, 2.2 to 2.6.
func compound(src *extract.Source) (Type, error) {
	unsupported := Type{MediaType: "application/x-ole-storage"}
	for _, name := range streams(src) {
		switch name {
		case "EncryptedPackage", "EncryptionInfo":
			return Type{MediaType: unsupported.MediaType}, extract.ErrEncrypted
		case "WordDocument":
			unsupported.MediaType = "application/msword"
		case "Workbook", "Book":
			unsupported.MediaType = "application/vnd.ms-excel"
		case "PowerPoint Document":
			unsupported.MediaType = "application/vnd.ms-powerpoint"
		case "__properties_version1.0":
			unsupported.MediaType = "application/vnd.ms-outlook"
		}
	}
	return unsupported, extract.ErrUnsupported
}

// streams returns the names of a compound file's streams, as far as they can be found.
func streams(src *extract.Source) []string {
	const (
		headerSize  = 512
		maxSectors  = 256 // of the directory
		entrySize   = 128
		inHeader    = 109 // numbers of sectors with the allocation table
		endOfChain  = 0xFFFFFFFA
		shiftAt     = 30
		directoryAt = 48
		tableAt     = 76
	)
	header := make([]byte, headerSize)
	if _, err := src.ReadAt(header, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil
	}
	shift := binary.LittleEndian.Uint16(header[shiftAt:])
	if shift != 9 && shift != 12 {
		return nil
	}
	sector := make([]byte, 1<<shift)
	read := func(n uint32) bool {
		_, err := src.ReadAt(sector, (int64(n)+1)<<shift)
		return err == nil || errors.Is(err, io.EOF)
	}
	var names []string
	at := binary.LittleEndian.Uint32(header[directoryAt:])
	for range maxSectors {
		if at >= endOfChain || !read(at) {
			break
		}
		for i := 0; i < len(sector); i += entrySize {
			names = append(names, streamName(sector[i:i+entrySize]))
		}
		perSector := uint32(len(sector) / 4) //nolint:gosec // 128 or 1024
		table := at / perSector
		if table >= inHeader || !read(binary.LittleEndian.Uint32(header[tableAt+4*table:])) {
			break
		}
		at = binary.LittleEndian.Uint32(sector[at%perSector*4:])
	}
	return names
}

// streamName is the name of an entry of a directory.
func streamName(entry []byte) string {
	const lengthAt = 64
	length := int(binary.LittleEndian.Uint16(entry[lengthAt:]))
	if length < 2 || length > lengthAt {
		return ""
	}
	units := make([]uint16, 0, lengthAt/2)
	for i := 0; i+1 < length-1; i += 2 {
		units = append(units, binary.LittleEndian.Uint16(entry[i:]))
	}
	return string(utf16.Decode(units))
}
