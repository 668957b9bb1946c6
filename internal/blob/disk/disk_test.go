package disk

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/blob/blobtest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(t *testing.T) func() fairlead.BlobStore {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "a", "blobs")
		return func() fairlead.BlobStore { return open(t, dir, Options{Grace: -1}) }
	})
}

func open(t *testing.T, dir string, options Options) *Store {
	t.Helper()
	s, err := Open(dir, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// files are the names of all files below dir.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, strings.TrimPrefix(path, dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestPrivateFiles(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no file modes on Windows")
	}
	dir := filepath.Join(t.TempDir(), "blobs")
	s := open(t, dir, Options{Grace: -1})
	if _, err := s.PutBlob(t.Context(), "file-abcdef", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	blob, err := s.OpenBlob(t.Context(), "file-abcdef")
	if err != nil {
		t.Fatal(err)
	}
	defer blob.Close()
	if _, ok := blob.(*os.File); !ok {
		t.Errorf("a blob is a %T, want an *os.File", blob)
	}
	for name, want := range map[string]fs.FileMode{"": 0o700, "incoming": 0o700, "ef": 0o700, "ef/file-abcdef": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("mode of %q: got %o, want %o", name, got, want)
		}
	}
}

// Whatever goes wrong while a blob is written, nothing of it is left.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, Options{Grace: -1})
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT} {
		writes := 0
		s.write = func(f *os.File, p []byte) (int, error) {
			if writes++; writes == 2 {
				return 0, &os.PathError{Op: "write", Path: f.Name(), Err: full}
			}
			return f.Write(p)
		}
		_, err := s.PutBlob(t.Context(), "file-1234", bytes.NewReader(make([]byte, 3*copyBytes)))
		e := fairlead.AsError(err)
		if e == nil || e.Kind != fairlead.Busy || e.Code != "storage_full" || e.RetryAfter <= 0 || !errors.Is(err, full) {
			t.Errorf("got %+v, want storage_full", e)
		}
		if left := files(t, dir); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
	}
	s.write = func(*os.File, []byte) (int, error) { return 0, errors.New("broken") }
	if _, err := s.PutBlob(t.Context(), "file-1234", strings.NewReader("x")); !fairlead.IsKind(err, fairlead.Internal) {
		t.Errorf("got %v, want an error of Kind Internal", err)
	}
	s.write = (*os.File).Write
	if _, err := s.PutBlob(t.Context(), "file-1234", strings.NewReader("x")); err != nil {
		t.Errorf("when there is room again: %v", err)
	}
	if left := files(t, dir); len(left) != 1 {
		t.Errorf("got files %v, want one", left)
	}
}

// A sweep takes what a process that was killed has left, and keeps its hands off what
// does not look like ours.
func TestSweepOfLeftovers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, Options{Grace: -1})
	if _, err := s.PutBlob(t.Context(), "file-1234", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"incoming/file-99.AAAA", "34/README.txt", "34/file-5678", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := s.SweepBlobs(t.Context(), func(ids []fairlead.DocumentID) ([]bool, error) { return make([]bool, len(ids)), nil })
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(files(t, dir), " ")
	if want := "/34/README.txt /34/file-5678 /notes.txt"; got != want {
		t.Errorf("left: %s, want %s", got, want)
	}
}

func TestGrace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, Options{})
	for _, id := range []fairlead.DocumentID{"file-old", "file-new"} {
		if _, err := s.PutBlob(t.Context(), id, strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
	}
	past := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "ld/file-old"), past, past); err != nil {
		t.Fatal(err)
	}
	err := s.SweepBlobs(t.Context(), func(ids []fairlead.DocumentID) ([]bool, error) { return make([]bool, len(ids)), nil })
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(files(t, dir), " "); got != "/ew/file-new" {
		t.Errorf("left: %s, want the new one", got)
	}
}

// BenchmarkPutBlob stores files of 64 MiB.
func BenchmarkPutBlob(b *testing.B) {
	s, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	blob := make([]byte, 64<<20)
	b.SetBytes(int64(len(blob)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.PutBlob(b.Context(), "file-1234", bytes.NewReader(blob)); err != nil {
			b.Fatal(err)
		}
	}
}
