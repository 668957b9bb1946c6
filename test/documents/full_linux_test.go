package documents_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// smallDisk is a file system of that many MiB; the test is left out where it can't be made.
func smallDisk(t *testing.T, mebibytes int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", mebibytes)); err != nil {
		t.Skipf("left out: no small file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// ballast fills a directory's file system up to so many bytes.
func ballast(t *testing.T, dir string, left int64) (remove func()) {
	t.Helper()
	name := filepath.Join(dir, "ballast")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	size := int64(0)
	for block := make([]byte, 4096); err == nil; {
		var n int
		n, err = file.Write(block)
		size += int64(n)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := file.Truncate(max(0, size-left)); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Error(err)
		}
	}
}

// prose is text of about so many bytes, with a word that is nowhere else.
func prose(word string, size int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Report of %s\n\n", word)
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "Paragraph %d of %s tells that sales in region %d were %d, and that nothing else is known.\n\n", i, word, i%17, i*7919%100_003)
	}
	return b.Bytes()
}

// TestFullDisk: uploads are refused with 507, all else goes on, and when there is room
// again uploads work without a restart.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, 32)
	s := newServiceAt(t, dir, "")
	first := s.ready(t, keyA, "first.md", prose("walrus", 20_000))
	free := ballast(t, dir, 0)
	for i := range 3 {
		s.refuses(t, "/documents/upload", fmt.Appendf(nil, "small %d", i))
		s.refuses(t, "/v1/files", fmt.Appendf(nil, "small too %d", i))
		s.refuses(t, "/documents/upload", prose(fmt.Sprint("large", i), 1<<20))
		s.chat(t)
		s.finds(t, "walrus", first)
	}
	if n := len(s.list(t)); n != 1 {
		t.Errorf("%d documents are listed, want the first alone", n)
	}
	free()
	second := s.ready(t, keyA, "second.md", prose("narwhal", 20_000))
	s.finds(t, "narwhal", second)
	s.finds(t, "walrus", first)
}

// TestProofFullDiskWhileReading: a document for which there is room, and none for its
// text, is not lost: it is read when there is room again, half a minute later at most.
func TestProofFullDiskWhileReading(t *testing.T) {
	if !proof() {
		t.Skip("left out: set FAIRLEAD_PROOF=1")
	}
	dir := smallDisk(t, 32)
	s := newServiceAt(t, dir, "")
	first := s.ready(t, keyA, "first.md", prose("walrus", 20_000))
	data := prose("narwhal", 2<<20)
	free := ballast(t, dir, int64(len(data))+1<<20)
	a, err := s.send(t.Context(), keyA, "/documents/upload", "second.md", data)
	if err != nil || a.status != http.StatusCreated {
		t.Fatal(err, a)
	}
	var second document
	if err := json.Unmarshal(a.body, &second); err != nil {
		t.Fatal(err)
	}
	await(t, "the reading to fail", func() bool {
		return strings.Contains(s.log.String(), "storage_full") || strings.Contains(s.log.String(), "no room")
	})
	s.chat(t)
	s.finds(t, "walrus", first)
	if d := s.list(t)[second.ID]; d.ended() {
		t.Errorf("the document for which there is no room ended as %+v", d)
	}
	if found := s.search(t, "narwhal"); len(found) > 0 {
		t.Errorf("a document is found before it is ready: %v", found[0])
	}
	free()
	await(t, "the document to be ready", func() bool {
		s.want(t, keyA, "GET /documents/"+second.ID, "", &second)
		return second.ended()
	})
	if second.Status != "ready" {
		t.Errorf("the document ended as %+v", second)
	}
	s.finds(t, "narwhal", &second)
}

// refuses sends a file for which there is no room.
func (s *service) refuses(t *testing.T, path string, data []byte) {
	t.Helper()
	a, err := s.send(t.Context(), keyA, path, "file.txt", data)
	if err != nil {
		t.Fatal(err)
	}
	var told struct {
		Success *bool           `json:"success"`
		Code    string          `json:"code"`
		Error   json.RawMessage `json:"error"`
	}
	var openai struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(a.body, &told); err != nil {
		t.Fatalf("%s: %v", path, a)
	}
	if strings.HasPrefix(path, "/v1/") {
		if err := json.Unmarshal(told.Error, &openai); err != nil {
			t.Fatalf("%s: %v", path, a)
		}
		told.Code = openai.Code
	} else if told.Success == nil || *told.Success {
		t.Errorf("%s: a refusal that is none: %v", path, a)
	}
	if a.status != http.StatusInsufficientStorage || told.Code != "storage_full" || a.header.Get("Retry-After") == "" {
		t.Errorf("%s: %v with Retry-After %q, want 507 and storage_full", path, a, a.header.Get("Retry-After"))
	}
}

// finds searches for a word, which must be in that document alone, and where it is told.
func (s *service) finds(t *testing.T, word string, d *document) {
	t.Helper()
	found := s.search(t, word)
	if len(found) == 0 {
		t.Errorf("%s is not found", word)
		return
	}
	text := s.content(t, keyA, d.ID)
	for _, p := range found {
		if p.Document != d.ID || p.End > int64(len(text)) || text[p.Start:p.End] != p.Text {
			t.Errorf("%s: %+v is not in %s", word, p, d.ID)
		}
	}
}
