//go:build linux

package worker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/child"
	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/pdf/pdftest"
)

// cacheDir is where all tests have PDFium's compiled code: making it takes seconds.
var cacheDir = filepath.Join(os.TempDir(), "fairlead-test-pdfium")

// collected is a sink that keeps what it is given.
type collected struct {
	text     bytes.Buffer
	pages    []fairlead.Page
	chunks   []fairlead.Chunk
	progress []fairlead.Document
	err      error
	began    chan struct{} // if not nil, is closed with the first progress
}

func (c *collected) Progress(d fairlead.Document) error {
	c.progress = append(c.progress, d)
	if c.began != nil && len(c.progress) == 1 {
		close(c.began)
	}
	return nil
}

func (c *collected) Content(part fairlead.DocumentContent) error {
	if c.err != nil {
		return c.err
	}
	c.text.Write(part.Text)
	c.pages = append(c.pages, part.Pages...)
	c.chunks = append(c.chunks, part.Chunks...)
	return nil
}

// blob is a file with these bytes.
func blob(t *testing.T, data []byte) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "blob")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func runner(t *testing.T, what string, l Limits) *Runner {
	t.Helper()
	c := Config{Command: []string{"/proc/self/exe", what}, Limits: l}
	if what == Command {
		if err := os.MkdirAll(cacheDir, 0o700); err != nil {
			t.Fatal(err)
		}
		c.CacheDir = cacheDir
	}
	return New(c)
}

// TestReadsPDF: the whole way, with a file on the disk and with one that is not.
func TestReadsPDF(t *testing.T) {
	defer goleak.VerifyNone(t)
	data := pdftest.Report(5)
	for name, file := range map[string]fairlead.Blob{"file": blob(t, data), "remote": remote{bytes.NewReader(data)}} {
		var to collected
		d := fairlead.Document{Name: "report.pdf"}
		if err := runner(t, Command, Limits{}).ReadDocument(t.Context(), file, &d, &to); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d.Status != fairlead.DocumentReady || d.Pages != 5 || d.MediaType != "application/pdf" || d.About.Title != "Annual report" {
			t.Errorf("%s: %+v", name, d)
		}
		if int64(to.text.Len()) != d.TextBytes || len(to.pages) != 5 || !strings.Contains(to.text.String(), "Revenue | 32,765 | 31,657") {
			t.Errorf("%s: %d bytes of %d, %d pages", name, to.text.Len(), d.TextBytes, len(to.pages))
		}
		if len(to.progress) == 0 || to.progress[0].MediaType != "application/pdf" {
			t.Errorf("%s: progress %+v", name, to.progress)
		}
	}
}

// remote is a blob that is no file.
type remote struct{ *bytes.Reader }

func (remote) Close() error { return nil }

// TestMisbehaviour: whatever a child does, the call ends in its time, with the right
// judgement, and quotes nothing.
func TestMisbehaviour(t *testing.T) {
	t.Parallel()
	limits := Limits{Memory: 300 << 20, CPU: 2 * time.Second, Wall: 20 * time.Second, Document: extract.Limits{Text: 1 << 20}}
	if child.Instrumented {
		limits.Memory = 600 << 20
	}
	quick := limits
	quick.Wall = time.Second
	for _, test := range []struct {
		child  string
		limits Limits
		// status is that of the document, or code that of the error.
		status, code string
	}{
		{child: "read", limits: limits, status: ""},
		{child: "panic", limits: limits, code: "extractor_crashed"},
		{child: "stack", limits: limits, code: "extractor_crashed|limit_memory"},
		{child: "spin", limits: limits, status: "limit_time"},
		{child: "hang", limits: quick, code: "extractor_late"},
		{child: "eat", limits: limits, status: "limit_memory"},
		{child: "eat at once", limits: limits, status: "limit_memory"},
		{child: "flood", limits: limits, status: "limit_text"},
		{child: "error", limits: limits, code: "extractor_crashed"},
		{child: "system", limits: limits, code: "extractor_failed"},
		{child: "raw-thread", limits: limits, code: "extractor_start"},
		{child: "unsupported", limits: limits, status: "document_unsupported"},
		{child: "raw-nonsense", limits: limits, code: "extractor_crashed"},
		{child: "raw-endless", limits: quick, code: "extractor_late|limit_time"},
		{child: "raw-huge", limits: limits, code: "extractor_crashed"},
		{child: "raw-cut", limits: limits, code: "extractor_crashed"},
		{child: "raw-gap", limits: limits, code: "extractor_crashed"},
		{child: "raw-outside", limits: limits, code: "extractor_crashed"},
		{child: "raw-count", limits: limits, code: "extractor_crashed"},
		{child: "raw-silent", limits: limits, code: "extractor_crashed"},
		{child: "raw-lingers", limits: limits, status: "no_text"},
	} {
		t.Run(test.child, func(t *testing.T) {
			t.Parallel()
			want := test.status
			if test.code != "" {
				want = test.code
			}
			misbehaves(t, test.child, test.limits, want)
		})
	}
}

// misbehaves checks how a child that misbehaves ends: codes of documents or errors,
// parted by "|".
func misbehaves(t *testing.T, child string, l Limits, want string) {
	t.Helper()
	var to collected
	var d fairlead.Document
	begin := time.Now()
	err := runner(t, child, l).ReadDocument(t.Context(), blob(t, []byte("sesame")), &d, &to)
	if took := time.Since(begin); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
	got := d.Code
	if e, ok := errors.AsType[*fairlead.Error](err); ok {
		got = e.Code
		if strings.Contains(e.Error(), "sesame") {
			t.Errorf("the error quotes the document: %v", e)
		}
	}
	if !oneOf(got, want) {
		t.Errorf("ended as %q (%s, %v), want %q", got, d.Status, err, want)
	}
	if err == nil && !d.Status.Ended() {
		t.Errorf("no error, and status %q", d.Status)
	}
}

func oneOf(got, wants string) bool {
	for want := range strings.SplitSeq(wants, "|") {
		if got == want {
			return true
		}
	}
	return false
}

// TestNoEscape: a child has no sockets, no programs, no files to write, no signals and no
// environment.
func TestNoEscape(t *testing.T) {
	keep := filepath.Join(os.TempDir(), "fairlead-keep")
	if err := os.WriteFile(keep, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(keep)
	t.Setenv("FAIRLEAD_SECRET", "x")
	var to collected
	var d fairlead.Document
	if err := runner(t, "escape", Limits{}).ReadDocument(t.Context(), blob(t, []byte("x")), &d, &to); err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(to.text.String()); got != "tried" {
		t.Errorf("a child could %s", got)
	}
}

// TestChildIsLimited: the system holds the child to what it was told.
func TestChildIsLimited(t *testing.T) {
	var to collected
	var d fairlead.Document
	if err := runner(t, "state", Limits{CPU: 77 * time.Second}).ReadDocument(t.Context(), blob(t, []byte("x")), &d, &to); err != nil {
		t.Fatal(err)
	}
	state := strings.Join(strings.Fields(to.text.String()), " ")
	wants := []string{
		"NoNewPrivs: 1", "Seccomp: 2", "Max cpu time 77 77", "Max file size 0 0", "Max core file size 0 0", "Max open files 32 32",
		"1000 <nil> thread: nice 19, policy 5",
	}
	if !child.Instrumented {
		wants = append(wants, "Max data size 1342177280 1342177280")
	}
	for _, want := range wants {
		if !strings.Contains(state, want) {
			t.Errorf("no %q in %s", want, state)
		}
	}
	if n := strings.Count(state, " thread:"); n != strings.Count(state, " thread: nice 19, policy 5") {
		t.Errorf("not all of %d threads yield: %s", n, state)
	}
}

// TestContextEnds: the child is gone, and waited for, as soon as its caller's context
// ends; and so it is where the sink refuses.
func TestContextEnds(t *testing.T) {
	defer goleak.VerifyNone(t)
	ctx, cancel := context.WithCancel(t.Context())
	to := collected{began: make(chan struct{})}
	go func() { <-to.began; cancel() }()
	var d fairlead.Document
	begin := time.Now()
	err := runner(t, "idle", Limits{}).ReadDocument(ctx, blob(t, []byte("x")), &d, &to)
	if !fairlead.IsKind(err, fairlead.Canceled) {
		t.Errorf("%v, want Canceled", err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	if noChildren(t) != nil {
		t.Error("a child is left")
	}
	full := errors.New("full")
	err = runner(t, "flood", Limits{}).ReadDocument(t.Context(), blob(t, []byte("x")), &d, &collected{err: full})
	if !errors.Is(err, full) {
		t.Errorf("%v, want the sink's", err)
	}
	if noChildren(t) != nil {
		t.Error("a child is left")
	}
}

// noChildren is an error if this process has children that end before it looks.
func noChildren(t *testing.T) error {
	t.Helper()
	var status syscall.WaitStatus
	_, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
	if errors.Is(err, syscall.ECHILD) {
		return nil
	}
	return errors.New("there are children")
}

// TestContentFrames: parts of any size come over whole and in order.
func TestContentFrames(t *testing.T) {
	t.Parallel()
	part := fairlead.DocumentContent{Text: bytes.Repeat([]byte("0123456789"), 170_000), Offset: 12}
	for i := range 3000 {
		part.Chunks = append(part.Chunks, fairlead.Chunk{Seq: i, End: 9, Section: strings.Repeat("<", 600), Text: "no"})
		part.Pages = append(part.Pages, fairlead.Page{Number: i + 1})
	}
	var pipe, text bytes.Buffer
	if err := writeContent(&pipe, part); err != nil {
		t.Fatal(err)
	}
	var buffer []byte
	var pages []fairlead.Page
	seq := 0
	for {
		_, data, err := readFrame(&pipe, &buffer)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeContent(data)
		if err != nil {
			t.Fatal(err)
		}
		if got.Offset != 12+int64(text.Len()) {
			t.Fatalf("a part at %d, want %d", got.Offset, 12+text.Len())
		}
		text.Write(got.Text)
		pages = append(pages, got.Pages...)
		for _, c := range got.Chunks {
			if c.Seq != seq || c.Text != "" || len(c.Section) != 600 {
				t.Fatalf("chunk %d is %+v", seq, c)
			}
			seq++
		}
	}
	if !bytes.Equal(text.Bytes(), part.Text) || seq != 3000 || !reflect.DeepEqual(pages, part.Pages) {
		t.Errorf("%d bytes, %d chunks, %d pages", text.Len(), seq, len(pages))
	}
}

// FuzzFrames: no bytes make the parent panic, or take what is beyond the text.
func FuzzFrames(f *testing.F) {
	var good bytes.Buffer
	_ = writeFrame(&good, frameProgress, progress{Pages: 3})
	_ = writeContent(&good, fairlead.DocumentContent{Text: []byte("text"), Chunks: []fairlead.Chunk{{End: 4}}})
	_ = writeFrame(&good, frameResult, result{Status: fairlead.DocumentReady, TextBytes: 4, Chunks: 1})
	f.Add(good.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		var to collected
		var d fairlead.Document
		r := &run{}
		answer, err := r.frames(bytes.NewReader(data), &receiver{document: &d, to: &to})
		for _, c := range to.chunks {
			if c.Start < 0 || c.End > int64(to.text.Len()) {
				t.Errorf("a chunk beyond the text: %+v", c)
			}
		}
		if err == nil && answer.Failure == "" && answer.Status == fairlead.DocumentReady && answer.TextBytes != int64(to.text.Len()) {
			t.Errorf("%d bytes, and the child says %d", to.text.Len(), answer.TextBytes)
		}
	})
}

// TestLimitsHaveWords: whichever limit is passed, the reason says so in words.
func TestLimitsHaveWords(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/documents.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "### Limits")
	codes := regexp.MustCompile("`limit_([a-z_]+)`").FindAllStringSubmatch(table, -1)
	if len(codes) < 20 {
		t.Fatalf("got %d limits: the test is not reading the page", len(codes))
	}
	for _, code := range codes {
		if words := limitWords(code[1]); words == strings.ReplaceAll(code[1], "_", " ") && code[1] != "memory" {
			t.Errorf("got %q for limit_%s", words, code[1])
		}
	}
	if got := limitResult("row_bytes"); got.Code != "limit_row" || got.Reason != "Reading the document takes more than is allowed: one of its rows is too long" {
		t.Errorf("got %+v", got)
	}
	if got := limitWords("odd_things"); got != "odd things" {
		t.Errorf("got %q", got)
	}
}
