// Package form is a form (multipart/form-data) with a file that is sent as it is read,
// so that a file of any length takes no memory.
//
// Start with New.
package form

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
)

// Form is a form with a file.
type Form struct {
	contentType string
	head, tail  []byte
	file        io.Reader
	start, size int64 // of the file, where it is an io.Seeker
	sent        bool
}

// New returns a form with a file of that name. If the file is an io.Seeker its length is
// known, and the form can be sent again.
func New(file io.Reader, name string, metadata map[string]any) (*Form, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	err := w.WriteField("name", name)
	if err == nil && len(metadata) > 0 {
		var text []byte
		if text, err = json.Marshal(metadata); err == nil {
			err = w.WriteField("metadata", string(text))
		}
	}
	if err == nil {
		_, err = w.CreateFormFile("file", "file")
	}
	head := b.Len()
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("encoding the form: %w", err)
	}
	f := &Form{contentType: w.FormDataContentType(), head: b.Bytes()[:head], tail: b.Bytes()[head:], file: file, size: -1}
	if seeker, ok := file.(io.Seeker); ok {
		f.measure(seeker)
	}
	return f, nil
}

// measure finds out how long the rest of a file is. One that can't tell is sent once, as
// it comes.
func (f *Form) measure(seeker io.Seeker) {
	start, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return
	}
	end, err := seeker.Seek(0, io.SeekEnd)
	if err != nil {
		return
	}
	if _, err := seeker.Seek(start, io.SeekStart); err == nil {
		f.start, f.size = start, end-start
	}
}

// Again reports whether the form can be sent once more.
func (f *Form) Again() bool { return f.size >= 0 }

// Attach makes the form the body of a request.
func (f *Form) Attach(request *http.Request) error {
	if seeker, ok := f.file.(io.Seeker); ok && f.sent {
		if _, err := seeker.Seek(f.start, io.SeekStart); err != nil {
			return fmt.Errorf("reading the file again: %w", err)
		}
	}
	f.sent = true
	request.Body = io.NopCloser(io.MultiReader(bytes.NewReader(f.head), f.file, bytes.NewReader(f.tail)))
	request.GetBody = nil // who tries again does it here
	request.ContentLength = -1
	if f.size >= 0 {
		request.ContentLength = int64(len(f.head)) + f.size + int64(len(f.tail))
	}
	request.Header.Set("Content-Type", f.contentType)
	return nil
}
