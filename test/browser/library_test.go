package browser_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

const (
	// shelves are how many tests with documents there may be: each has an app of its own.
	shelves = 24
	// largestFile is what the service takes, in bytes.
	largestFile = 1 << 20
)

// libraryStack is a second service, with documents and without a provider.
type libraryStack struct {
	root string
	keys []string
	next atomic.Int32
	// warm is closed when the first document has been read. That takes seconds the first
	// time, since the PDF reader is compiled for it.
	warm chan struct{}
}

// start starts the service. Its PDF reader is made ready while other tests run.
func (l *libraryStack) start(binary, dir string) (*program, error) {
	var apps strings.Builder
	for i := range shelves {
		key := fmt.Sprintf("fl-test-shelf-%02d-0000000000000000", i)
		l.keys = append(l.keys, key)
		fmt.Fprintf(&apps, "  - {name: shelf-%d, keys: [%q]}\n", i, key)
	}
	config := fmt.Sprintf("server: {data_dir: %q}\nlimits: {rate_limit_per_minute: 0, burst: {requests_per_second: 1000, block: 1}}\ndocuments: {max_file: 1MiB}\napps:\n%s",
		filepath.Join(dir, "library"), apps.String())
	file := filepath.Join(dir, "library.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, err
	}
	serve, err := startProgram(binary, "listening on ", "serve", "--config", file, "--listen", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l.root, l.warm = serve.said, make(chan struct{})
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, l.root+"/documents/upload?name=first.txt&wait=120", strings.NewReader("The first one."))
	if err != nil {
		return serve, err
	}
	request.Header.Set("X-API-Key", l.keys[0])
	request.Header.Set("Content-Type", "application/octet-stream")
	go func() {
		defer close(l.warm)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			fmt.Fprintln(os.Stderr, "the first document:", err)
			return
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusCreated {
			fmt.Fprintln(os.Stderr, "the first document:", answer.Status)
		}
	}()
	return serve, nil
}

// shelf is the documents page before an app that has no documents yet.
type shelf struct {
	*tab

	key string
}

// stand has some of the service's paths answered by a test.
type stand map[string]http.HandlerFunc

// openShelf opens the documents page with the key of a new app.
func openShelf(t *testing.T, instead stand) *shelf {
	t.Helper()
	s := openShelfGate(t, instead)
	s.typeKeys("#key", s.key+kb.Enter)
	s.connected()
	return s
}

// openShelfGate opens the documents page before its gate.
func openShelfGate(t *testing.T, instead stand) *shelf {
	t.Helper()
	needBrowser(t)
	n := int(shared.library.next.Add(1))
	if n >= shelves {
		t.Fatalf("there are only %d shelves", shelves)
	}
	<-shared.library.warm
	h := &harbour{service: newService(t, shared.library.keys[n], nil), seen: &requests{}}
	mux := http.NewServeMux()
	for pattern, handle := range instead {
		mux.HandleFunc(pattern, handle)
	}
	mux.Handle("/", toProgramAt(t, shared.library.root))
	h.serve(mux)
	return &shelf{tab: openPage(t, h, "/ui/documents"), key: h.key}
}

// upload is a file that is chosen in the browser.
type upload struct {
	name    string
	content []byte
}

// choose has files chosen, by the picker, or dropped where by is "drop".
func (s *shelf) choose(by string, files ...upload) {
	s.t.Helper()
	type encoded struct{ Name, Content string }
	all := make([]encoded, 0, len(files))
	for _, f := range files {
		all = append(all, encoded{f.name, base64.StdEncoding.EncodeToString(f.content)})
	}
	data, err := json.Marshal(all)
	if err != nil {
		s.t.Fatal(err)
	}
	value[any](s.tab, fmt.Sprintf(`((files, by) => {
	  const all = new DataTransfer();
	  for (const f of files) all.items.add(new File([Uint8Array.fromBase64 ? Uint8Array.fromBase64(f.Content) : Uint8Array.from(atob(f.Content), (c) => c.charCodeAt(0))], f.Name));
	  if (by === 'drop') {
	    document.querySelector('#drop').dispatchEvent(new DragEvent('drop', {dataTransfer: all, bubbles: true, cancelable: true}));
	    return null;
	  }
	  const input = document.querySelector('#file');
	  input.files = all.files;
	  input.dispatchEvent(new Event('change', {bubbles: true}));
	  return null;
	})(%s, %q)`, data, by))
}

// entry is an expression for the entry of a file.
func entry(name string) string {
	return fmt.Sprintf(`[...document.querySelectorAll('.file')].find((f) => f.querySelector('.file-title').textContent === %q)`, name)
}

// becomes waits until a file has a state.
func (s *shelf) becomes(name, state string) {
	s.t.Helper()
	s.await(name+" being "+state, entry(name)+`?.dataset.state === `+fmt.Sprintf("%q", state))
}

// state is what is said of a file.
func (s *shelf) state(name string) string {
	s.t.Helper()
	return value[string](s.tab, entry(name)+`.querySelector('.file-state').textContent`)
}

// pressOf presses a button of a file's.
func (s *shelf) pressOf(name, button string) {
	s.t.Helper()
	value[any](s.tab, fmt.Sprintf(`((e) => { const b = [...e.querySelectorAll('button')].find((b) => b.textContent === %q && !b.hidden); b.focus(); b.click(); return null; })(%s)`, button, entry(name)))
}

// tick chooses a file for what is to be done.
func (s *shelf) tick(name string) {
	s.t.Helper()
	value[any](s.tab, entry(name)+`.querySelector('input').click(), null`)
}

// kind sets the kind of the analysis.
func (s *shelf) kind(name string) {
	s.t.Helper()
	value[any](s.tab, fmt.Sprintf(`((k) => { k.value = %q; k.dispatchEvent(new Event('change')); return null; })(document.querySelector('#kind'))`, name))
}

// text is a text file.
func text(name, content string) upload { return upload{name, []byte(content)} }

// pdf has a page for each text; with locked it needs a password that nobody has.
func pdf(name string, locked string, texts ...string) upload {
	objects := []string{"<</Type/Catalog/Pages 2 0 R>>", "", "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"}
	var kids strings.Builder
	for _, text := range texts {
		stream := "BT /F1 18 Tf 72 700 Td (" + text + ") Tj ET"
		objects = append(objects, fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(stream), stream))
		objects = append(objects, fmt.Sprintf("<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents %d 0 R/Resources<</Font<</F1 3 0 R>>>>>>", len(objects)))
		fmt.Fprintf(&kids, "%d 0 R ", len(objects))
	}
	objects[1] = fmt.Sprintf("<</Type/Pages/Count %d/Kids[%s]>>", len(texts), kids.String())
	b := bytes.NewBufferString("%PDF-1.4\n")
	places := make([]int, 0, len(objects))
	for i, object := range objects {
		places = append(places, b.Len())
		fmt.Fprintf(b, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	start := b.Len()
	fmt.Fprintf(b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, at := range places {
		fmt.Fprintf(b, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(b, "trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, locked, start)
	return upload{name, b.Bytes()}
}

// locked is the dictionary of a PDF whose password nobody has.
var locked = "/ID[<00112233445566778899aabbccddeeff><00112233445566778899aabbccddeeff>]/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<" +
	strings.Repeat("a1", 32) + ">/U<" + strings.Repeat("b2", 32) + ">>>"

// docx has a paragraph for each text.
func docx(t *testing.T, name string, texts ...string) upload {
	t.Helper()
	var b bytes.Buffer
	archive := zip.NewWriter(&b)
	put := func(name, content string) {
		w, err := archive.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + content)); err != nil {
			t.Fatal(err)
		}
	}
	put("[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`)
	put("_rels/.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`)
	put("word/document.xml", `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>`+
		strings.Join(texts, `</w:t></w:r></w:p><w:p><w:r><w:t>`)+`</w:t></w:r></w:p></w:body></w:document>`)
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return upload{name, b.Bytes()}
}
