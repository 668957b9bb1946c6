// Package charset finds out in which character encoding a text is, and reads it as
// UTF-8.
//
// What is valid UTF-8 is UTF-8, but for the few encodings that look like it (UTF-16
// and UTF-32 without a byte order mark, ISO-2022-JP). Otherwise a sample of the text
// is read in every encoding in question, and the one wins under which it looks most
// like writing: bytes that make characters at all, characters that are frequent in
// the languages of that encoding, accents and capitals where words have them. So a
// sentence is enough, and one word often is; a guess it stays.
//
// Start with Detector, or with Lookup for an encoding that has been named.
package charset

import (
	"io"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// Charset is a character encoding. The zero Charset is UTF-8.
type Charset struct {
	name string
	enc  encoding.Encoding
}

// Name is its name as IANA has it, in lower case.
func (c Charset) Name() string {
	if c.name == "" {
		return "utf-8"
	}
	return c.name
}

// Reader returns what r holds as UTF-8. Bytes that make no character become U+FFFD; a
// byte order mark at the beginning is left out.
func (c Charset) Reader(r io.Reader) io.Reader {
	if c.enc == nil {
		return unicode.UTF8BOM.NewDecoder().Reader(r)
	}
	return c.enc.NewDecoder().Reader(r)
}

// Decode returns what text holds as UTF-8, as Reader does.
func (c Charset) Decode(text []byte) string {
	enc := c.enc
	if enc == nil {
		enc = unicode.UTF8BOM
	}
	plain, err := enc.NewDecoder().Bytes(text)
	if err != nil {
		return strings.ToValidUTF8(string(text), "\uFFFD")
	}
	return string(plain)
}

// The names of the encodings that are told from one another.
const (
	nameUTF16LE     = "utf-16le"
	nameUTF16BE     = "utf-16be"
	nameUTF32LE     = "utf-32le"
	nameUTF32BE     = "utf-32be"
	nameISO2022JP   = "iso-2022-jp"
	nameShiftJIS    = "shift_jis"
	nameEUCJP       = "euc-jp"
	nameEUCKR       = "euc-kr"
	nameGB18030     = "gb18030"
	nameBig5        = "big5"
	nameWindows1252 = "windows-1252"
	nameISO885915   = "iso-8859-15"
	nameWindows1251 = "windows-1251"
	nameKOI8R       = "koi8-r"
)

// named returns the encoding with one of the names above; UTF-8 for all others.
func named(name string) Charset {
	var enc encoding.Encoding
	switch name {
	case nameUTF16LE:
		enc = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case nameUTF16BE:
		enc = unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	case nameUTF32LE:
		enc = utf32.UTF32(utf32.LittleEndian, utf32.UseBOM)
	case nameUTF32BE:
		enc = utf32.UTF32(utf32.BigEndian, utf32.UseBOM)
	case nameISO2022JP:
		enc = japanese.ISO2022JP
	case nameShiftJIS:
		enc = japanese.ShiftJIS
	case nameEUCJP:
		enc = japanese.EUCJP
	case nameEUCKR:
		enc = korean.EUCKR
	case nameGB18030:
		enc = simplifiedchinese.GB18030
	case nameBig5:
		enc = traditionalchinese.Big5
	case nameWindows1252:
		enc = charmap.Windows1252
	case nameISO885915:
		enc = charmap.ISO8859_15
	case nameWindows1251:
		enc = charmap.Windows1251
	case nameKOI8R:
		enc = charmap.KOI8R
	default:
		return Charset{}
	}
	return Charset{name: name, enc: enc}
}

// Lookup returns the encoding that a label names, as the web's Encoding Standard reads
// labels: "iso-8859-1" is windows-1252. ok is false if there is none of that name, or
// its bytes can't be read without a context.
func Lookup(label string) (c Charset, ok bool) {
	label = strings.ToLower(strings.Trim(label, " \t\r\n\"'"))
	switch label {
	case "utf-16", "ucs-2", "iso-10646-ucs-2", "unicode":
		return named(nameUTF16LE), true
	case "utf-32", "utf-32le", "ucs-4":
		return named(nameUTF32LE), true
	case "utf-32be":
		return named(nameUTF32BE), true
	case "gb2312", "gbk", "cp936", "gb_2312-80", "x-gbk", "euc-cn":
		return named(nameGB18030), true
	case "cp1252", "iso-8859-1", "latin1", "us-ascii", "ascii":
		return named(nameWindows1252), true
	case "cp949", "ms949", "uhc", "ks_c_5601-1987":
		return named(nameEUCKR), true
	case "cp932", "ms932", "windows-31j", "sjis":
		return named(nameShiftJIS), true
	}
	enc, err := htmlindex.Get(label)
	if err != nil {
		return Charset{}, false
	}
	name, err := htmlindex.Name(enc)
	switch {
	case err != nil || name == "replacement" || name == "x-user-defined":
		return Charset{}, false
	case name == "utf-8":
		return Charset{}, true
	case name == nameUTF16LE || name == nameUTF16BE:
		return named(name), true
	}
	return Charset{name: name, enc: enc}, true
}
