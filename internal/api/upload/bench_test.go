package upload

import (
	"bufio"
	"io"
	"mime/multipart"
	"strings"
	"testing"
)

// BenchmarkForm is how fast a file of 8 MiB is taken out of its form.
func BenchmarkForm(b *testing.B) {
	const size = 8 << 20
	head := "--" + boundary + "\r\nContent-Disposition: form-data; name=file; filename=x\r\n\r\n"
	body := head + string(make([]byte, size)) + "\r\n--" + boundary + "--\r\n"
	buf := make([]byte, 256<<10)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		m := &meter{from: bufio.NewReaderSize(&counter{from: strings.NewReader(body)}, buffer)}
		f := &form{parts: multipart.NewReader(m, boundary), meter: m, form: Form{Fields: make(map[string]string)}}
		err := f.receive(func(file io.Reader, rest func() (Form, error)) error {
			if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, file, buf); err != nil {
				return err
			}
			_, err := rest()
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
