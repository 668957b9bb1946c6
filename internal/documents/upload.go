package documents

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead"
)

const (
	idPrefix = "file-"
	idLength = 24
	// idLetters are those of ids.
	idLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

	mostName    = 255 // bytes
	mostPurpose = 64  // bytes
	// What metadata may have; lengths are in characters.
	mostKeys  = 16
	mostKey   = 64
	mostValue = 512
)

// Upload is a file that a client sends.
type Upload struct {
	// Name is what the client calls it; folders before it are left out. Purpose is what
	// it is for, as OpenAI's API has it.
	Name, Purpose string
	// Metadata holds strings, float64s and bools.
	Metadata map[string]any
	Body     io.Reader
	// Rest, if not nil, is asked for the other fields when the Body has been read: a
	// client may send them behind it. Its error is returned as it is.
	Rest func(u *Upload) error
}

// Upload stores a file, to be ingested; it is on disk when it returns. Where the app has
// a document of the same bytes, that one is returned, added false. It blocks on the body
// and on storage. Errors are of Kind Invalid; TooLarge with Code "file_too_large"; Limited
// with Code "documents_full" where the app has no room; Busy with Code "storage_full";
// and those of the body, as they are.
func (l *Library) Upload(ctx context.Context, app *fairlead.App, u Upload) (d fairlead.Document, added bool, err error) {
	d = fairlead.Document{ID: newID(), App: app.ID, Status: fairlead.DocumentQueued}
	if u.Rest == nil {
		if err := describe(&d, &u); err != nil {
			return fairlead.Document{}, false, err
		}
	}
	sum, err := l.config.Blobs.PutBlob(ctx, d.ID, &bounded{from: u.Body, most: l.config.MaxFile})
	if err != nil {
		return fairlead.Document{}, false, err
	}
	d.Bytes, d.SHA256, d.Created = sum.Bytes, sum.SHA256, time.Now().UTC()
	if u.Rest != nil {
		if err = u.Rest(&u); err == nil {
			err = describe(&d, &u)
		}
	}
	var kept fairlead.Document
	if err == nil {
		kept, added, err = l.add(ctx, app, d)
	}
	if err != nil || !added {
		tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTime)
		defer cancel()
		l.deleteFile(tidy, d.ID)
		return kept, false, err
	}
	l.config.Ingester.Kick()
	return kept, true, nil
}

// describe gives the document what its client says of it, if that may be said.
func describe(d *fairlead.Document, u *Upload) error {
	d.Name, d.Purpose, d.Metadata = baseName(u.Name), u.Purpose, u.Metadata
	return validate(d)
}

func (l *Library) add(ctx context.Context, app *fairlead.App, d fairlead.Document) (fairlead.Document, bool, error) {
	if d.Bytes == 0 {
		return fairlead.Document{}, false, invalid("file", "file_empty", "The file is empty", "")
	}
	return l.config.Store.AddDocument(ctx, d, l.config.Room(app))
}

// bounded reads at most so many bytes, and fails when there are more.
type bounded struct {
	from io.Reader
	most int64
	read int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	b.read += int64(n)
	if b.most > 0 && b.read > b.most {
		return 0, &fairlead.Error{
			Kind: fairlead.TooLarge, Code: "file_too_large", Message: "The file is too large", Param: "file",
			Detail: fmt.Sprintf("A file may have %d bytes", b.most),
		}
	}
	return n, err
}

// newID is an id that nobody can guess.
func newID() fairlead.DocumentID {
	id := make([]byte, 0, len(idPrefix)+idLength)
	id = append(id, idPrefix...)
	var random [64]byte
	for {
		_, _ = rand.Read(random[:]) // it never fails
		for _, b := range random {
			if int(b) >= 256/len(idLetters)*len(idLetters) {
				continue // so that each letter is as likely
			}
			if id = append(id, idLetters[int(b)%len(idLetters)]); len(id) == cap(id) {
				return fairlead.DocumentID(id)
			}
		}
	}
}

// isID reports whether an id is of the form of ids.
func isID(id fairlead.DocumentID) bool {
	rest, ok := strings.CutPrefix(string(id), idPrefix)
	return ok && len(rest) == idLength && strings.Trim(rest, idLetters) == ""
}

// baseName is a name without the folders before it.
func baseName(name string) string {
	if at := strings.LastIndexAny(name, `/\`); at >= 0 {
		name = name[at+1:]
	}
	return strings.TrimSpace(name)
}

// validate holds what a client says of a file to what may be said. A file without a name
// is given one.
func validate(d *fairlead.Document) error {
	switch d.Name {
	case "", ".", "..":
		d.Name = "document"
	}
	switch {
	case len(d.Name) > mostName:
		return invalid("name", "name_too_long", "The file's name is too long", fmt.Sprintf("It may have %d bytes", mostName))
	case !prints(d.Name):
		return invalid("name", "invalid_name", "The file's name is not UTF-8 that can be printed", "")
	case len(d.Purpose) > mostPurpose || !prints(d.Purpose):
		return invalid("purpose", "invalid_purpose", "The purpose is not one that is known", "")
	}
	return validateMetadata(d.Metadata)
}

// prints reports whether a text is UTF-8 without control characters.
func prints(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
	}) < 0
}

func validateMetadata(metadata map[string]any) error {
	if len(metadata) > mostKeys {
		return badMetadata(fmt.Sprintf("It may have %d keys", mostKeys))
	}
	for key, value := range metadata {
		if key == "" || utf8.RuneCountInString(key) > mostKey || !prints(key) {
			return badMetadata(fmt.Sprintf("A key has 1 to %d characters that can be printed", mostKey))
		}
		switch v := value.(type) {
		case string:
			if !utf8.ValidString(v) || utf8.RuneCountInString(v) > mostValue {
				return badMetadata(fmt.Sprintf("A text may have %d characters", mostValue))
			}
		case float64:
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return badMetadata("A number must be finite")
			}
		case bool:
		default:
			return badMetadata("A value is a text, a number, true or false")
		}
	}
	return nil
}

func badMetadata(detail string) error {
	return invalid("metadata", "invalid_metadata", "The metadata is not as it may be", detail)
}

func invalid(param, code, message, detail string) error {
	return &fairlead.Error{Kind: fairlead.Invalid, Code: code, Message: message, Detail: detail, Param: param}
}
