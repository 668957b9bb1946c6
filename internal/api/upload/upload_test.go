package upload

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/places"
)

const boundary = "a-boundary"

// received is what a form held.
type received struct {
	file []byte
	form Form
}

// read reads a form, in pieces as from gives them.
func read(from io.Reader, most int64) (got received, err error) {
	m := &meter{from: from}
	f := &form{parts: multipart.NewReader(m, boundary), meter: m, form: Form{Fields: make(map[string]string)}, wanted: Wanted{
		Most: most, Field: func(name string) error {
			if name == "a" || name == "b" {
				return nil
			}
			return Unknown(name)
		},
	}}
	err = f.receive(func(file io.Reader, rest func() (Form, error)) error {
		var err error
		if got.file, err = io.ReadAll(file); err != nil {
			return err
		}
		got.form, err = rest()
		return err
	})
	return got, err
}

// formOf is a form with these fields before and behind the file; "" leaves one out.
func formOf(before, file, behind string) []byte {
	body := new(bytes.Buffer)
	w := multipart.NewWriter(body)
	_ = w.SetBoundary(boundary)
	if before != "" {
		_ = w.WriteField("a", before)
	}
	to, _ := w.CreateFormFile("file", "name.txt")
	_, _ = io.WriteString(to, file)
	if behind != "" {
		_ = w.WriteField("b", behind)
	}
	_ = w.Close()
	return body.Bytes()
}

// FuzzForm: the file is its bytes wherever the body is cut into pieces, and a form that
// breaks off is never taken for a whole one.
func FuzzForm(f *testing.F) {
	f.Add("before", []byte("file"), "behind", 3)
	f.Add("", []byte("\r\n--a-boundar\r\n--"), "", 1)
	f.Add("x", []byte("\r\n--a-boundary"), "y", 100)
	f.Add("x", bytes.Repeat([]byte("\r\n-"), 5000), "y", 4100)
	f.Fuzz(func(t *testing.T, before string, file []byte, behind string, at int) {
		body := formOf(before, string(file), behind)
		holds := func(text string) bool { return strings.Contains(text, "--"+boundary) }
		if holds(before) || holds(string(file)) || holds(behind) || !utf8.ValidString(before) || !utf8.ValidString(behind) ||
			len(before)+len(behind) > maxField || strings.HasSuffix(before+string(file)+behind, "\r") {
			return
		}
		at = max(at, 0) % (len(body) + 1)
		for _, from := range []io.Reader{
			bytes.NewReader(body), io.MultiReader(bytes.NewReader(body[:at]), bytes.NewReader(body[at:])), iotest.DataErrReader(bytes.NewReader(body)),
		} {
			got, err := read(from, 0)
			if err != nil || !bytes.Equal(got.file, file) || got.form.Name != "name.txt" || got.form.Fields["a"] != before || got.form.Fields["b"] != behind {
				t.Fatalf("%v, got %q %+v of %q", err, got.file, got.form, body)
			}
		}
		if at < len(body)-len("--\r\n")+2 {
			if _, err := read(bytes.NewReader(body[:at]), 0); err == nil {
				t.Fatalf("cut at %d of %d it was taken for whole: %q", at, len(body), body[:at])
			}
		}
	})
}

// FuzzBody: whatever comes, there is an error or a file, and what is held is bounded.
func FuzzBody(f *testing.F) {
	f.Add(formOf("x", "y", "z"))
	f.Add([]byte("--a-boundary\r\nContent-Disposition: form-data; name=file\r\n\r\nx\r\n--a-boundary--"))
	f.Add([]byte("--a-boundary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../..\"\r\nA: \r\n\r\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := read(bytes.NewReader(body), 1000)
		if e := fairlead.AsError(err); e != nil && e.Kind != fairlead.Invalid && e.Kind != fairlead.TooLarge {
			t.Errorf("%v of %q", err, body)
		}
		if err == nil && (len(got.file) > 1000 || strings.ContainsAny(got.form.Name, "/\\\x00\n")) {
			t.Errorf("got %+v", got)
		}
	})
}

// What stands between the parts of a form is held by its reader, so it is bounded.
func TestHeadsAreBounded(t *testing.T) {
	t.Parallel()
	const head = "--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"\r\n"
	for name, body := range map[string]string{
		"a long header":        head + "X: " + strings.Repeat("x", 1<<20) + "\r\n\r\nfile",
		"many headers":         head + strings.Repeat("X: x\r\n", 1<<17) + "\r\nfile",
		"a long preamble":      strings.Repeat("x\r\n", 1<<19) + head + "\r\nfile",
		"a long epilogue":      string(formOf("x", "y", "z")) + strings.Repeat("x", 1<<20),
		"too many parts":       strings.Repeat("--"+boundary+"\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n", 20),
		"a header behind that": string(formOf("x", "y", ""))[:200] + "\r\n--" + boundary + "\r\nX: " + strings.Repeat("x", 1<<20),
	} {
		from := &counter{from: strings.NewReader(body)}
		if _, err := read(from, 0); !fairlead.IsKind(err, fairlead.Invalid) || from.had > 1<<16 {
			t.Errorf("%s: %v, after %d bytes", name, err, from.had)
		}
	}
}

// counter counts what was read.
type counter struct {
	from io.Reader
	had  int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.had += n
	return n, err
}

func TestLabels(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a.txt": "a.txt", "/etc/passwd": "passwd", `C:\x\y.pdf`: "y.pdf", "..": "", "a/..": "", "": "", "/": "", "a\x00\nb": "ab",
		"\xff": "\uFFFD", strings.Repeat("ä", 200): strings.Repeat("ä", 127), "日本.pdf": "日本.pdf",
	} {
		if got := Label(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

// However many come at once, each app has its places and all have theirs.
func TestDocksUnderCrowd(t *testing.T) {
	t.Parallel()
	const all, each = 7, 2
	d := NewDocks(places.New(all, nil), each)
	var mu sync.Mutex
	in, inApp := 0, make(map[fairlead.AppID]int)
	count := func(app fairlead.AppID, n int) {
		mu.Lock()
		defer mu.Unlock()
		in, inApp[app] = in+n, inApp[app]+n
		if in > all || inApp[app] > each {
			t.Errorf("%d are in, %d of one app", in, inApp[app])
		}
	}
	var group sync.WaitGroup
	for n := range 50 {
		app := fairlead.AppID(fmt.Sprint(n % 5))
		group.Go(func() {
			for range 200 {
				if err := d.Enter(app); err != nil {
					if e := fairlead.AsError(err); e.Kind != fairlead.Busy || e.RetryAfter <= 0 {
						t.Errorf("refused by %+v", e)
					}
					continue
				}
				count(app, 1)
				count(app, -1)
				d.Leave(app)
			}
		})
	}
	group.Wait()
	if len(d.apps) != 0 || d.Stats().Taken != 0 {
		t.Errorf("left over: %v, %d", d.apps, d.Stats().Taken)
	}
}

// TestRefusedAreCounted, whether the service has no place or the app.
func TestRefusedAreCounted(t *testing.T) {
	t.Parallel()
	d := NewDocks(places.New(3, nil), 2)
	for i, test := range []struct {
		app     fairlead.AppID
		enters  bool
		taken   int
		refused int64
	}{
		{"a", true, 1, 0},
		{"a", true, 2, 0},
		{"a", false, 2, 1}, // it has its two
		{"a", false, 2, 2},
		{"b", true, 3, 2},
		{"b", false, 3, 3}, // there are only three
	} {
		if err := d.Enter(test.app); (err == nil) != test.enters {
			t.Errorf("%d: got %v", i, err)
		}
		if got, want := d.Stats(), (Stats{Taken: test.taken, Refused: test.refused}); got != want {
			t.Errorf("%d: got %+v, want %+v", i, got, want)
		}
	}
	d.Leave("a")
	if got, want := d.Stats(), (Stats{Taken: 2, Refused: 3}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
