package documents_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/extract/pdf/pdftest"
)

// hostile is a file that was made to harm.
type hostile struct {
	name string
	data []byte
	// ends are the states that it may end in.
	ends []string
}

// packed is an archive of members, names and contents in turn. A content that begins with
// "repeat " stands for that many MiB of spaces.
func packed(t *testing.T, members ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		method := zip.Deflate
		if members[i] == "mimetype" {
			method = zip.Store
		}
		part, err := w.CreateHeader(&zip.FileHeader{Name: members[i], Method: method})
		if err != nil {
			t.Fatal(err)
		}
		mebibytes := 0
		if _, err := fmt.Sscanf(members[i+1], "repeat %d", &mebibytes); err != nil {
			_, _ = io.WriteString(part, members[i+1]) // a buffer takes all
		}
		for block := bytes.Repeat([]byte(" "), 1<<20); mebibytes > 0; mebibytes-- {
			_, _ = part.Write(block)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// laughs is XML whose entities name one another: a billion words, if somebody unfolds it.
func laughs(root string) string {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\"?>\n<!DOCTYPE x [\n<!ENTITY l0 \"laugh \">\n")
	for i := range 9 {
		fmt.Fprintf(&b, "<!ENTITY l%d \"%s\">\n", i+1, strings.Repeat(fmt.Sprintf("&l%d;", i), 10))
	}
	return b.String() + "]>\n<" + root + ">&l9;</" + root + ">"
}

const (
	contentTypes = `<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
		`<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`
	relations = `<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
		`<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`
	odt      = "application/vnd.oasis.opendocument.text"
	manifest = `<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">` +
		`<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml">` +
		`<manifest:encryption-data manifest:checksum-type="SHA1/1K" manifest:checksum="x"/></manifest:file-entry></manifest:manifest>`
)

// hostiles are the files, of that size.
func hostiles(t *testing.T, size pdftest.Size) []hostile {
	t.Helper()
	unfolded := "repeat 60"
	if size == pdftest.Full {
		unfolded = "repeat 3000"
	}
	never := []string{"failed", "limit_hit", "unsupported", "no_text"}
	all := []hostile{
		{"a DOCX that unfolds", packed(t, "[Content_Types].xml", contentTypes, "_rels/.rels", relations, "word/document.xml", unfolded), never},
		{"a DOCX that laughs", packed(t, "[Content_Types].xml", contentTypes, "_rels/.rels", relations, "word/document.xml", laughs("w:document")), never},
		{"an ODT that laughs", packed(t, "mimetype", odt, "content.xml", laughs("office:document-content")), never},
		{"an ODT with a password", packed(t, "mimetype", odt, "content.xml", "\x01\x02\x03", "META-INF/manifest.xml", manifest), []string{"encrypted"}},
		{"an archive of archives", packed(t, "a.zip", string(packed(t, "b.zip", "repeat 5"))), never},
		{"spaces", bytes.Repeat([]byte(" \n"), 2<<20), []string{"no_text", "limit_hit"}},
	}
	ends := map[string]string{
		"limit_memory": "limit_hit", "limit_pages": "limit_hit", "document_broken": "failed", "document_encrypted": "encrypted",
		"document_unsupported": "unsupported", "no_text": "no_text", "": "ready",
	}
	chosen := []string{"nested Flate", "a form within itself", "exponential forms", "a password", "a loop of pages", "no text"}
	for _, f := range pdftest.Hostile(size) {
		// An empty file is refused at once, and what is HTML is read as such.
		if size == pdftest.Full && f.Name != "an empty file" && !strings.HasPrefix(f.Name, "HTML") || slices.Contains(chosen, f.Name) {
			h := hostile{name: "a PDF: " + f.Name, data: f.Make()}
			for _, code := range f.Codes {
				h.ends = append(h.ends, ends[code])
			}
			if slices.Contains(h.ends, "limit_hit") {
				h.ends = append(h.ends, "no_text")
			}
			all = append(all, h)
		}
	}
	return all
}

// TestHostileFiles: each ends in a state that says so, the service does not feel it, and
// others' documents are read meanwhile.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	harm(t, pdftest.Small)
}

// TestProofHostileFiles: the same at full size.
func TestProofHostileFiles(t *testing.T) {
	if !proof() {
		t.Skip("left out: set FAIRLEAD_PROOF=1")
	}
	harm(t, pdftest.Full)
}

// sendAll uploads the files, and returns what they became.
func (s *service) sendAll(t *testing.T, files []hostile) map[string]hostile {
	t.Helper()
	ids := make(map[string]hostile)
	for _, h := range files {
		a, err := s.send(t.Context(), keyA, "/documents/upload", "hostile", h.data)
		if err != nil || a.status != http.StatusCreated {
			t.Fatal(h.name, err, a)
		}
		var d document
		if err := json.Unmarshal(a.body, &d); err != nil {
			t.Fatal(err)
		}
		ids[d.ID] = h
	}
	return ids
}

func harm(t *testing.T, size pdftest.Size) {
	t.Helper()
	s := newService(t, "documents: {max_pages: 10000, worker: {memory: 512MiB, time: 60s}}\n")
	s.ready(t, keyB, "calm.pdf", pdftest.Report(2)) // what is begun once is begun
	files := hostiles(t, size)
	check := s.growth(t)
	ids := s.sendAll(t, files)
	ctx, done := context.WithCancel(t.Context())
	var group sync.WaitGroup
	var slowest time.Duration
	others := 0
	group.Go(func() {
		for ; ctx.Err() == nil; others++ {
			began := time.Now()
			s.ready(t, keyB, "calm.md", prose(fmt.Sprint("calm", others), 3_000))
			slowest = max(slowest, time.Since(began))
			s.chat(t)
		}
	})
	await(t, "all hostile files to end", func() bool {
		for id, d := range s.list(t) {
			if _, known := ids[id]; !known || !d.ended() {
				return false
			}
		}
		return true
	})
	done()
	group.Wait()
	check()
	for id, d := range s.list(t) {
		h := ids[id]
		t.Logf("%s: %s %s", h.name, d.Status, d.Code)
		if !slices.Contains(h.ends, d.Status) || d.Status != "ready" && (d.Reason == "" || d.Code == "") || d.Status == "ready" && d.Chunks == 0 {
			t.Errorf("%s ended as %+v, want one of %v", h.name, d, h.ends)
		}
	}
	t.Logf("%d documents of another app were read meanwhile, the slowest in %v", others, slowest.Round(time.Millisecond))
	if others == 0 || slowest > 30*time.Second {
		t.Error("hostile files are in the way of others")
	}
}
