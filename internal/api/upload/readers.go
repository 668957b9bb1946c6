package upload

import (
	"errors"
	"io"
	"strconv"

	"github.com/fairleadhq/fairlead"
)

// errEnded is the end of a body, to a form's reader: it would take io.EOF in the head of a
// part for the end of the form.
var errEnded = errors.New("the body has ended")

// meter is a body as a form's reader gets it. It bounds how much is read while the next
// part is looked for: the form's reader holds the head of a part as long as it likes.
// The body ends with a line end, which clients may leave out behind a form, and errEnded.
type meter struct {
	from  io.Reader
	left  int    // bytes; negative is no bound
	ended bool   // there is nothing more in from
	last  string // what is still to come then
}

// allow bounds what is read from now on.
func (m *meter) allow(bytes int) { m.left = bytes }

// free takes the bound away.
func (m *meter) free() { m.left = -1 }

// Read implements io.Reader.
func (m *meter) Read(p []byte) (int, error) {
	if m.ended {
		n := copy(p, m.last)
		m.last = m.last[n:]
		if n == 0 {
			return 0, errEnded
		}
		return n, nil
	}
	if m.left == 0 {
		return 0, invalid(codeInvalidForm, "", "The form has too much between its parts")
	}
	if m.left > 0 {
		p = p[:min(len(p), m.left)]
	}
	n, err := m.from.Read(p)
	if m.left > 0 {
		m.left -= n
	}
	if err == io.EOF { // wrapped it is why the body could not be read
		m.ended, m.last, err = true, "\r\n", nil
	}
	return n, err
}

// limited is a file that may be so long and no longer; 0 is no limit.
type limited struct {
	from io.Reader
	most int64
	had  int64
}

// Read implements io.Reader.
func (l *limited) Read(p []byte) (int, error) {
	n, err := l.from.Read(p)
	l.had += int64(n)
	if l.most > 0 && l.had > l.most {
		return 0, TooLarge(l.most)
	}
	return n, err
}

// TooLarge is the error of a file that is larger than most bytes.
func TooLarge(most int64) error {
	return &fairlead.Error{
		Kind: fairlead.TooLarge, Code: "file_too_large", Message: "The file is too large", Param: "file",
		Detail: "the limit is " + strconv.FormatInt(most, 10) + " bytes",
	}
}

// whole is a part of a form, whose errors are those of a form.
type whole struct{ part io.Reader }

// Read implements io.Reader.
func (w *whole) Read(p []byte) (int, error) {
	n, err := w.part.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = brokenForm(err)
	}
	return n, err
}
