package main

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// leastLine is the length from which a line of a file that was sent is not in a log by
// chance.
const leastLine = 24

// form is what the flags -F of a request are.
type form struct {
	body   bytes.Buffer
	writer *multipart.Writer
}

func newForm() *form {
	f := &form{}
	f.writer = multipart.NewWriter(&f.body)
	return f
}

// add adds a field, NAME=TEXT, or a file, NAME=@FILE, whose lines must be in no log.
func (f *form) add(ts *testscript.TestScript, field string) {
	name, text, ok := strings.Cut(field, "=")
	if !ok {
		ts.Fatalf("a field of a form is NAME=TEXT or NAME=@FILE, not %q", field)
	}
	file, isFile := strings.CutPrefix(text, "@")
	if !isFile {
		ts.Check(f.writer.WriteField(name, text))
		return
	}
	content := ts.ReadFile(file)
	for line := range strings.Lines(content) {
		if line = strings.TrimSpace(line); len(line) >= leastLine {
			storyOf(ts).canaries[line] = true
		}
	}
	part, err := f.writer.CreateFormFile(name, filepath.Base(file))
	ts.Check(err)
	_, err = io.WriteString(part, content)
	ts.Check(err)
}

// end is the form's body. Its type is put into the header.
func (f *form) end(ts *testscript.TestScript, header http.Header) []byte {
	ts.Check(f.writer.Close())
	if header["Content-Type"] == nil {
		header.Set("Content-Type", f.writer.FormDataContentType())
	}
	return f.body.Bytes()
}

// silence gives nothing, and does not end before its request does.
type silence struct {
	ctx context.Context //nolint:containedctx // the request's, which a reader is not given
}

// Read implements io.Reader.
func (s *silence) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}
