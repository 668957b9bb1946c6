package documents_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/blob/disk"
	"github.com/fairleadhq/fairlead/internal/storage/documents"
)

// smallDisk is a directory on a disk of 4 MiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("no disk to fill: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func wantFull(t *testing.T, doing string, err error) {
	t.Helper()
	e := fairlead.AsError(err)
	if e == nil || e.Kind != fairlead.Busy || e.Code != "storage_full" || e.RetryAfter <= 0 {
		t.Errorf("%s: got %v, want storage_full", doing, err)
	}
}

// A disk that is full refuses what is to be written, leaves what is there, and needs no
// restart when it has room again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t)
	s := open(t, filepath.Join(dir, documents.FileName), documents.Options{})
	blobs, err := disk.Open(filepath.Join(dir, "files"), disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer blobs.Close()
	add := func(n int) error {
		d := fairlead.Document{ID: fairlead.DocumentID(fmt.Sprint("file-", n)), App: "a", SHA256: [32]byte{byte(n), byte(n >> 8)}}
		_, _, err := s.AddDocument(t.Context(), d, fairlead.DocumentRoom{})
		return err
	}
	if err := add(0); err != nil {
		t.Fatal(err)
	}
	job, err := s.ClaimJob(t.Context(), "test", documents.MaxLease)
	if err != nil || job == nil {
		t.Fatal(job, err)
	}
	_, err = blobs.PutBlob(t.Context(), "file-large", bytes.NewReader(make([]byte, 8<<20)))
	wantFull(t, "PutBlob", err)
	ballast := filepath.Join(dir, "ballast")
	fill(t, ballast)
	added := 0
	for err = nil; err == nil && added < 10_000; added++ {
		err = add(1 + added)
	}
	wantFull(t, "AddDocument", err)
	part := fairlead.DocumentContent{Text: make([]byte, 1<<20)}
	wantFull(t, "AddContent", s.AddContent(t.Context(), job, part))
	_, err = blobs.PutBlob(t.Context(), "file-small", bytes.NewReader([]byte("x")))
	wantFull(t, "PutBlob", err)
	if d, ok, err := s.Document(t.Context(), "a", "file-0"); !ok || err != nil || d.Status.Ended() {
		t.Errorf("reading: %+v, %v, %v", d, ok, err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	awaitRoom(t, dir)
	job.Document.Status = fairlead.DocumentReady
	_, err = blobs.PutBlob(t.Context(), "file-small", bytes.NewReader([]byte("x")))
	if err := errors.Join(err, add(20_000), s.AddContent(t.Context(), job, part), s.FinishJob(t.Context(), job)); err != nil {
		t.Errorf("when there is room again: %v", err)
	}
	list, err := s.ListDocuments(t.Context(), "a", fairlead.After{Limit: 1 << 30}, "")
	if err != nil || len(list) != added+1 {
		t.Errorf("%d documents, %v, want %d", len(list), err, added+1)
	}
}

// awaitRoom waits until a file that was deleted is gone: a process that is just being
// started by another test may have it open for a moment.
func awaitRoom(t *testing.T, dir string) {
	t.Helper()
	const enough = 2 << 20
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ; t.Context().Err() == nil; <-tick.C {
		var s syscall.Statfs_t
		if err := syscall.Statfs(dir, &s); err != nil {
			t.Fatal(err)
		}
		if s.Bavail*uint64(s.Bsize) >= enough {
			return
		}
	}
}

// fill takes all room that is left.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 64 << 10; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			size /= 2
		}
	}
}
