package sample

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
)

// Lease is how long whoever claims a job here has it.
const Lease = time.Minute

// DocumentID is an id of the app's.
func DocumentID(app fairlead.AppID, n int) fairlead.DocumentID {
	return fairlead.DocumentID(fmt.Sprintf("file-%s%023d", app, n))
}

// Document is a document whose bytes are those of no other n.
func Document(app fairlead.AppID, n int) fairlead.Document {
	return fairlead.Document{
		ID: DocumentID(app, n), App: app, Name: "Bericht 'n\"; DROP TABLE documents; -- %_\\.pdf", Purpose: "assistants",
		MediaType: "application/pdf", Bytes: int64(1000 + n), SHA256: sha256.Sum256(fmt.Append(nil, n)), Created: Moment(n),
		Metadata: map[string]any{"year": 2018.5, "final": true, "über": "\u0000 <é>"}, Status: fairlead.DocumentQueued,
	}
}

// Add adds a document that must be new.
func Add(t *testing.T, s Store, d fairlead.Document) fairlead.Document {
	t.Helper()
	kept, added, err := s.AddDocument(t.Context(), d, fairlead.DocumentRoom{})
	if err != nil || !added {
		t.Fatalf("AddDocument(%s): added %v, error %v", d.ID, added, err)
	}
	return kept
}

// Claim claims the job that must be that of the document.
func Claim(t *testing.T, s Store, want fairlead.DocumentID) *fairlead.DocumentJob {
	t.Helper()
	job, err := s.ClaimJob(t.Context(), "worker", Lease)
	if err != nil || job == nil || job.Document.ID != want {
		t.Fatalf("ClaimJob: got %+v, %v, want the job of %s", job, err, want)
	}
	return job
}

// WantNoJob checks that no job is due.
func WantNoJob(t *testing.T, s Store) {
	t.Helper()
	if job, err := s.ClaimJob(t.Context(), "nobody", Lease); job != nil || err != nil {
		t.Fatalf("ClaimJob: got %+v, %v, want none", job, err)
	}
}

// Finish ends the job with that status.
func Finish(t *testing.T, s Store, job *fairlead.DocumentJob, status fairlead.DocumentStatus) fairlead.Document {
	t.Helper()
	job.Document.Status = status
	if err := s.FinishJob(t.Context(), job); err != nil {
		t.Fatalf("FinishJob(%s): %v", job.Document.ID, err)
	}
	return job.Document
}

// Ready adds a document and ingests it with the content.
func Ready(t *testing.T, s Store, d fairlead.Document, parts ...fairlead.DocumentContent) fairlead.Document {
	t.Helper()
	Add(t, s, d)
	job := Claim(t, s, d.ID)
	Write(t, s, job, parts...)
	return Finish(t, s, job, fairlead.DocumentReady)
}

// Write adds the parts, and notes in the job what they come to.
func Write(t *testing.T, s Store, job *fairlead.DocumentJob, parts ...fairlead.DocumentContent) {
	t.Helper()
	job.Document.TextBytes, job.Document.Chunks = 0, 0
	for _, part := range parts {
		if err := s.AddContent(t.Context(), job, part); err != nil {
			t.Fatalf("AddContent(%s): %v", job.Document.ID, err)
		}
		job.Document.TextBytes += int64(len(part.Text))
		job.Document.Chunks += len(part.Chunks)
	}
}

// WantDocument checks what the store has under the id, but for the Number.
func WantDocument(t *testing.T, s Store, want fairlead.Document) {
	t.Helper()
	got, ok, err := s.Document(t.Context(), want.App, want.ID)
	if err != nil || !ok {
		t.Fatalf("Document(%s, %s): ok %v, error %v", want.App, want.ID, ok, err)
	}
	if want.Number == 0 {
		want.Number = got.Number
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// WantNoDocument checks that the app has none with that id.
func WantNoDocument(t *testing.T, s Store, app fairlead.AppID, id fairlead.DocumentID) {
	t.Helper()
	if got, ok, err := s.Document(t.Context(), app, id); ok || err != nil || !reflect.DeepEqual(got, fairlead.Document{}) {
		t.Errorf("Document(%s, %s): got %+v, %v, %v, want none", app, id, got, ok, err)
	}
}

// WantKind checks the kind and the code of an error.
func WantKind(t *testing.T, doing string, err error, kind fairlead.Kind, code string) {
	t.Helper()
	if e := fairlead.AsError(err); e == nil || e.Kind != kind || code != "" && e.Code != code {
		t.Errorf("%s: got %v, want an error of Kind %s with code %q", doing, err, kind, code)
	} else if code == "document_not_found" && e.Message != fairlead.NoDocument {
		t.Errorf("%s: got message %q", doing, e.Message)
	}
}

// IDs is the documents as their numbers n.
func IDs(documents []fairlead.Document) string {
	var all []string
	for i := range documents {
		all = append(all, strings.TrimLeft(strings.TrimPrefix(string(documents[i].ID), "file-"), "ab0"))
	}
	return strings.Join(all, " ")
}

// Book is a text with pages, sections, tables and chunks, in parts.
type Book struct {
	Text    []byte
	Outline fairlead.DocumentOutline
	Chunks  []fairlead.Chunk // with their Text, and without Number and Document
	Parts   []fairlead.DocumentContent
}

// NewBook makes a book of about that many bytes, which no other seed gives.
func NewBook(seed uint64, size int) Book {
	random := rand.New(rand.NewPCG(seed, 7))
	var b Book
	for len(b.Text) < size {
		b.Parts = append(b.Parts, b.grow(random, len(b.Parts)+1))
	}
	return b
}

// grow adds a part of one page to the book.
func (b *Book) grow(random *rand.Rand, page int) fairlead.DocumentContent {
	part := fairlead.DocumentContent{Offset: int64(len(b.Text))}
	for range 1 + random.IntN(300) {
		part.Text = fmt.Appendf(part.Text, "page %d, wörd %d of %x\n", page, len(part.Text), random.Uint64())
	}
	b.Text = append(b.Text, part.Text...)
	start, end := part.Offset, int64(len(b.Text))
	part.Pages = []fairlead.Page{{Number: page, Start: start, End: end}}
	part.Sections = []fairlead.Section{
		{Level: 1, Title: fmt.Sprintf("Heading %d \"a\"", page), Start: start, End: end},
		{Level: 2, Title: "below", Start: start, End: end - 1},
	}
	part.Tables = []fairlead.Table{{Start: start, HeaderEnd: start + 3, End: start + 9}}
	for at := start; at < end; {
		from := max(at-int64(random.IntN(200)), 0) // it overlaps with the one before it
		to := min(at+int64(1+random.IntN(4000)), end)
		chunk := fairlead.Chunk{
			Seq: len(b.Chunks), Start: from, End: to, Page: page, LastPage: page + 1, Section: "A > B", Context: "| head |",
			Tokens: int(to - from), Table: random.IntN(2) == 0,
		}
		part.Chunks = append(part.Chunks, chunk)
		chunk.Text = string(b.Text[from:to])
		b.Chunks = append(b.Chunks, chunk)
		at = to
	}
	b.Outline.Pages = append(b.Outline.Pages, part.Pages...)
	b.Outline.Sections = append(b.Outline.Sections, part.Sections...)
	b.Outline.Tables = append(b.Outline.Tables, part.Tables...)
	return part
}

// WantBook checks that the document can be read as what the book says.
func WantBook(t *testing.T, s Store, d fairlead.Document, b Book) {
	t.Helper()
	text, ok, err := s.Text(t.Context(), d.App, d.ID, fairlead.TextSpan{End: int64(len(b.Text)) + 10})
	if err != nil || !ok || !bytes.Equal(text, b.Text) {
		t.Errorf("Text(%s): %d bytes, ok %v, error %v, want %d bytes", d.ID, len(text), ok, err, len(b.Text))
	}
	outline, ok, err := s.Outline(t.Context(), d.App, d.ID)
	if err != nil || !ok || !reflect.DeepEqual(outline, b.Outline) {
		t.Errorf("Outline(%s): got %+v, %v, %v, want %+v", d.ID, outline, ok, err, b.Outline)
	}
	chunks, err := s.Chunks(t.Context(), d.App, d.ID, 0, len(b.Chunks)+1)
	if err != nil {
		t.Errorf("Chunks(%s): %v", d.ID, err)
	}
	WantChunks(t, d, chunks, b.Chunks)
}

// WantChunks compares chunks, but for their numbers, which must rise.
func WantChunks(t *testing.T, d fairlead.Document, got, want []fairlead.Chunk) {
	t.Helper()
	got = slices.Clone(got)
	last := int64(0)
	for i := range got {
		if got[i].Number <= last || got[i].Document != d.ID {
			t.Errorf("chunk %d has number %d behind %d, and is of %s", i, got[i].Number, last, got[i].Document)
		}
		last, got[i].Number, got[i].Document = got[i].Number, 0, ""
	}
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s has other chunks: got %d, want %d", d.ID, len(got), len(want))
		for i := range min(len(got), len(want)) {
			if got[i] != want[i] {
				t.Errorf("the first of them:\ngot  %+v\nwant %+v", got[i], want[i])
				break
			}
		}
	}
}

// WantUnread checks that nothing of the document can be read.
func WantUnread(t *testing.T, s Store, app fairlead.AppID, id fairlead.DocumentID) {
	t.Helper()
	if text, ok, err := s.Text(t.Context(), app, id, fairlead.TextSpan{End: 10}); ok || err != nil || text != nil {
		t.Errorf("Text(%s, %s): got %q, %v, %v, want none", app, id, text, ok, err)
	}
	if o, ok, err := s.Outline(t.Context(), app, id); ok || err != nil || o.Pages != nil {
		t.Errorf("Outline(%s, %s): got %+v, %v, %v, want none", app, id, o, ok, err)
	}
}

// WantNoChunks checks that the document has no chunks for anyone.
func WantNoChunks(t *testing.T, s Store, app fairlead.AppID, id fairlead.DocumentID) {
	t.Helper()
	if chunks, err := s.Chunks(t.Context(), app, id, 0, 10); err != nil || len(chunks) != 0 {
		t.Errorf("Chunks(%s, %s): got %d, %v, want none", app, id, len(chunks), err)
	}
}
