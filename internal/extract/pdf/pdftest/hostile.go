package pdftest

import (
	"bytes"
	"crypto/md5"
	"crypto/rc4"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
)

// File is a file that was made to harm, or is damaged.
type File struct {
	Name string
	Make func() []byte
	// Codes are what it may end as: codes of documents, "" for one that is read.
	Codes []string
}

// Size says how large the files are.
type Size int

// The sizes: for each run of the tests, and for a proof.
const (
	Small Size = iota + 1
	Full
)

// Hostile are the files. The codes expect PDFium to have 256 MiB, and a document to have
// 10,000 pages at most.
func Hostile(size Size) []File {
	bomb, tree := 40, 12_000
	if size == Full {
		bomb, tree = 100, 300_000
	}
	const hello = "BT /F 12 Tf 72 700 Td (Hello) Tj ET\n"
	spaces := strings.Repeat(" ", 10<<20)
	files := []File{
		{"nested Flate", func() []byte {
			return page(stream("/Filter[/FlateDecode/FlateDecode]", deflated(string(deflated(spaces, bomb)), 1)), "")
		}, []string{"limit_memory"}},
		{"Flate to 1 GB", func() []byte {
			return page(stream("/Filter/FlateDecode", deflated(spaces, bomb)), "")
		}, []string{"limit_memory"}},
		{"a form within itself", func() []byte {
			return page(stream("", []byte("/X Do")), "/XObject<</X 6 0 R>>", form(6, hello+"/X Do /X Do"))
		}, []string{"limit_memory"}},
		{"exponential forms", exponential, []string{"limit_memory"}},
		{"3 million texts", func() []byte {
			return page(stream("/Filter/FlateDecode", deflated(hello, 3_000_000)), "")
		}, []string{"limit_memory"}},
		{"too many pages", func() []byte { return manyPages(tree) }, []string{"limit_pages"}},
		{"a loop of pages", func() []byte {
			return build("", "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 9>>", "<</Type/Pages/Parent 2 0 R/Kids[2 0 R]/Count 9>>")
		}, []string{"document_broken"}},
		{"a password", func() []byte { return encrypted("secret") }, []string{"document_encrypted"}},
		{"an owner's password", func() []byte { return encrypted("") }, []string{""}},
		{"truncated", func() []byte { whole := Report(20); return whole[:len(whole)/2] }, []string{"", "document_broken"}},
		{"a head alone", func() []byte { return []byte("%PDF-1.7\n") }, []string{"document_broken"}},
		{"lies of the table", lies, []string{"", "document_broken"}},
		{"HTML", func() []byte { return []byte("<html><body>%PDF</body></html>") }, []string{"document_unsupported", "document_broken"}},
		{"HTML with a mark", func() []byte { return []byte("<html><body>%PDF-1.7</body></html>") }, []string{"document_broken"}},
		{"an empty file", func() []byte { return nil }, []string{"document_broken"}},
		{"no pages", func() []byte {
			return build("", "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[]/Count 0>>")
		}, []string{"document_broken"}},
		{"no text", func() []byte { return page(stream("", []byte("0 0 100 100 re f")), "") }, []string{"no_text"}},
		{"pages that are not there", func() []byte {
			return build("", "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R 9 0 R]/Count 2>>", "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>")
		}, []string{"document_broken", "no_text"}},
	}
	if size == Full {
		// PDFium reads the first as if there were none where memory is short.
		for _, n := range []int{10, 30} {
			files = append(files, File{fmt.Sprintf("%d MB in the open", 10*n), func() []byte {
				return page("[6 0 R 7 0 R]", "", stream("", []byte(hello)), stream("", []byte(strings.Repeat(spaces, n)+hello)))
			}, []string{"limit_memory", "document_broken"}})
		}
	}
	return files
}

// page is a document of one page with that content.
func page(content, resources string, more ...string) []byte {
	return build("", append([]string{
		"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F 5 0 R>>" + resources + ">>/Contents 4 0 R>>",
		content, font("Helvetica"),
	}, more...)...)
}

// form is one that can draw the object with that number.
func form(number int, content string) string {
	return stream(fmt.Sprintf("/Type/XObject/Subtype/Form/BBox[0 0 612 792]/Resources<</XObject<</X %d 0 R>>/Font<</F 5 0 R>>>>", number), []byte(content))
}

// exponential are forms of which each draws the next three times.
func exponential() []byte {
	var forms []string
	for i := range 24 {
		forms = append(forms, form(7+i, "BT /F 12 Tf 72 700 Td (Hello) Tj ET /X Do /X Do /X Do"))
	}
	return page(stream("", []byte("/X Do")), "/XObject<</X 6 0 R>>", append(forms, form(6, " "))...)
}

func manyPages(n int) []byte {
	objects := []string{"<</Type/Catalog/Pages 2 0 R>>", ""}
	var kids strings.Builder
	for i := range n {
		fmt.Fprintf(&kids, "%d 0 R ", i+3)
		objects = append(objects, "<</Type/Page/Parent 2 0 R>>")
	}
	objects[1] = fmt.Sprintf("<</Type/Pages/MediaBox[0 0 9 9]/Kids[%s]/Count %d>>", kids.String(), n)
	return build("", objects...)
}

// lies is a document whose table of objects names wrong places.
func lies() []byte {
	whole := Report(3)
	at := bytes.Index(whole, []byte(" 00000 n "))
	for at > 10 && at+20 < len(whole) && whole[at+1] == '0' {
		copy(whole[at-10:], "0000000123")
		at += 20
	}
	return whole
}

// encrypted is a document that is encrypted with RC4 and 40 bits, by algorithms 2 to 4 of
// the PDF reference, with that password of its user.
func encrypted(user string) []byte {
	pad := []byte("\x28\xBF\x4E\x5E\x4E\x75\x8A\x41\x64\x00\x4E\x56\xFF\xFA\x01\x08\x2E\x2E\x00\xB6\xD0\x68\x3E\x80\x2F\x0C\xA9\xFE\x64\x53\x69\x7A")
	padded := func(password string) []byte { return append([]byte(password), pad...)[:32] }
	cipher := func(key, data []byte) []byte {
		c, err := rc4.NewCipher(key)
		if err != nil {
			panic(err) // the key's length is this function's
		}
		out := make([]byte, len(data))
		c.XORKeyStream(out, data)
		return out
	}
	const permissions, id = -64, "0123456789abcdef"
	owner := md5.Sum(padded("owner"))
	o := cipher(owner[:5], padded(user))
	material := append(padded(user), o...)
	material = binary.LittleEndian.AppendUint32(material, 1<<32+permissions)
	sum := md5.Sum(append(material, id...))
	key := sum[:5]
	u := cipher(key, pad)
	object := md5.Sum(append(append([]byte{}, key...), 4, 0, 0, 0, 0)) // object 4
	content := cipher(object[:10], []byte("BT /F 12 Tf 72 700 Td (Hello, reader) Tj ET"))
	return build(
		fmt.Sprintf("/Encrypt 6 0 R/ID[<%x><%x>]", []byte(id), []byte(id)),
		"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F 5 0 R>>>>/Contents 4 0 R>>",
		stream("", content), font("Helvetica"),
		fmt.Sprintf("<</Filter/Standard/V 1/R 2/P %d/O<%x>/U<%x>>>", permissions, o, u),
	)
}

// Mutant is data with a few bytes changed, cut out or put in, or its end cut off. The
// same seed makes the same mutant.
func Mutant(data []byte, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	out := bytes.Clone(data)
	for range 1 + r.IntN(40) {
		at := r.IntN(len(out))
		n := min(1+r.IntN(200), len(out)-at)
		switch r.IntN(8) {
		case 0:
			out = append(out[:at:at], out[at+n:]...)
		case 1:
			out = append(out[:at:at], append(bytes.Clone(out[at:at+n]), out[at:]...)...)
		case 2:
			if digit := bytes.IndexAny(out[at:], "0123456789"); digit >= 0 {
				out[at+digit] = byte('0' + r.IntN(10))
			}
		default:
			out[at] ^= byte(1 << r.IntN(8))
		}
		if len(out) < 2 {
			break
		}
	}
	if r.IntN(8) == 0 {
		out = out[:1+r.IntN(len(out))]
	}
	return out
}
