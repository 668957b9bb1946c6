// Package blobtest is the contract of the stores of files: what fairlead.BlobStore
// promises beyond its signatures, as tests that each implementation runs over itself.
// Start with Run.
package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/fairleadhq/fairlead"
)

// Run runs the contract. newPlace makes an empty place for the blobs of one test and
// returns what opens a store there, as another process would.
func Run(t *testing.T, newPlace func(t *testing.T) (open func() fairlead.BlobStore)) {
	t.Helper()
	tests := []struct {
		name string
		run  func(t *testing.T, open func() fairlead.BlobStore)
	}{
		{"RoundTrip", testRoundTrip},
		{"Replaced", testReplaced},
		{"Missing", testMissing},
		{"Deleted", testDeleted},
		{"FromFails", testFromFails},
		{"Canceled", testCanceled},
		{"Swept", testSwept},
		{"SweepFails", testSweepFails},
		{"SweptWhilePutting", testSweptWhilePutting},
		{"Concurrent", testConcurrent},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, newPlace(t)) })
	}
}

// id is one as documents have it; a few end alike.
func id(n int) fairlead.DocumentID {
	return fairlead.DocumentID(fmt.Sprintf("file-%024d", n))
}

// content is n bytes that no other seed gives.
func content(seed uint64, n int) []byte {
	b := make([]byte, n)
	random := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	_, _ = random.Read(b)
	return b
}

func put(t *testing.T, s fairlead.BlobStore, id fairlead.DocumentID, blob []byte) {
	t.Helper()
	sum, err := s.PutBlob(t.Context(), id, bytes.NewReader(blob))
	if err != nil {
		t.Fatalf("PutBlob(%s): %v", id, err)
	}
	if want := (fairlead.BlobSum{Bytes: int64(len(blob)), SHA256: sha256.Sum256(blob)}); sum != want {
		t.Errorf("PutBlob(%s): got %+v, want %+v", id, sum, want)
	}
}

func wantBlob(t *testing.T, s fairlead.BlobStore, id fairlead.DocumentID, want []byte) {
	t.Helper()
	blob, err := s.OpenBlob(t.Context(), id)
	if err != nil {
		t.Errorf("OpenBlob(%s): %v", id, err)
		return
	}
	defer blob.Close()
	got, err := io.ReadAll(blob)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s has %d bytes, error %v, want the %d that were put", id, len(got), err, len(want))
	}
}

func wantNone(t *testing.T, s fairlead.BlobStore, id fairlead.DocumentID) {
	t.Helper()
	blob, err := s.OpenBlob(t.Context(), id)
	if err == nil {
		blob.Close()
	}
	if e := fairlead.AsError(err); e == nil || e.Kind != fairlead.NotFound || e.Message != fairlead.NoDocument {
		t.Errorf("OpenBlob(%s): got %v, want the error of a document that is not there", id, err)
	}
}

func testRoundTrip(t *testing.T, open func() fairlead.BlobStore) {
	s := open()
	for n, size := range []int{0, 1, 4096, 256 << 10, 256<<10 + 1, 3 << 20} {
		blob := content(uint64(n), size)
		put(t, s, id(n), blob)
		wantBlob(t, s, id(n), blob)
		wantBlob(t, open(), id(n), blob)
	}
	blob, err := s.OpenBlob(t.Context(), id(5))
	if err != nil {
		t.Fatal(err)
	}
	defer blob.Close()
	want := content(5, 3<<20)
	part := make([]byte, 100)
	if n, err := blob.ReadAt(part, 2<<20); n != len(part) || err != nil || !bytes.Equal(part, want[2<<20:][:len(part)]) {
		t.Errorf("ReadAt: %d bytes, %v", n, err)
	}
	if at, err := blob.Seek(-50, io.SeekEnd); at != 3<<20-50 || err != nil {
		t.Errorf("Seek: at %d, %v", at, err)
	}
	if rest, err := io.ReadAll(blob); err != nil || !bytes.Equal(rest, want[3<<20-50:]) {
		t.Errorf("after Seek: %d bytes, %v", len(rest), err)
	}
	for _, slow := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader} {
		sum, err := s.PutBlob(t.Context(), id(9), slow(bytes.NewReader(want[:70_000])))
		if err != nil || sum.Bytes != 70_000 || sum.SHA256 != sha256.Sum256(want[:70_000]) {
			t.Errorf("by an odd reader: %+v, %v", sum, err)
		}
		wantBlob(t, s, id(9), want[:70_000])
	}
}

func testReplaced(t *testing.T, open func() fairlead.BlobStore) {
	s := open()
	first, second := content(1, 10_000), content(2, 500)
	put(t, s, id(1), first)
	blob, err := s.OpenBlob(t.Context(), id(1))
	if err != nil {
		t.Fatal(err)
	}
	defer blob.Close()
	put(t, s, id(1), second)
	wantBlob(t, s, id(1), second)
	if got, err := io.ReadAll(blob); err != nil || !bytes.Equal(got, first) {
		t.Errorf("the blob that was open changed: %d bytes, %v", len(got), err)
	}
}

// Names that lead elsewhere are names of nothing.
func testMissing(t *testing.T, open func() fairlead.BlobStore) {
	s := open()
	put(t, s, id(1), content(1, 10))
	for _, name := range []fairlead.DocumentID{
		id(2), "", "f", "..", "../..", "/etc/passwd", id(1) + "/", "./" + id(1), "file-\x00", fairlead.DocumentID(bytes.Repeat([]byte("a"), 5000)),
	} {
		wantNone(t, s, name)
		if err := s.DeleteBlob(t.Context(), name); err != nil {
			t.Errorf("DeleteBlob(%.40q): %v", name, err)
		}
	}
	for _, name := range []fairlead.DocumentID{"", "../../x", "a/b", "file-\x00"} {
		if _, err := s.PutBlob(t.Context(), name, bytes.NewReader(nil)); !fairlead.IsKind(err, fairlead.Internal) {
			t.Errorf("PutBlob(%q): got %v, want an error of Kind Internal", name, err)
		}
	}
	wantBlob(t, s, id(1), content(1, 10))
}

func testDeleted(t *testing.T, open func() fairlead.BlobStore) {
	s := open()
	put(t, s, id(1), content(1, 10))
	put(t, s, id(2), content(2, 10))
	for range 2 {
		if err := s.DeleteBlob(t.Context(), id(1)); err != nil {
			t.Errorf("DeleteBlob: %v", err)
		}
		wantNone(t, s, id(1))
	}
	wantBlob(t, s, id(2), content(2, 10))
}

func testFromFails(t *testing.T, open func() fairlead.BlobStore) {
	s := open()
	put(t, s, id(1), content(1, 10))
	broken := errors.New("the client left")
	for _, want := range []error{broken, io.ErrUnexpectedEOF, fmt.Errorf("cut: %w", io.EOF)} {
		for _, size := range []int{0, 5, 256 << 10, 700_000} {
			from := io.MultiReader(bytes.NewReader(content(3, size)), iotest.ErrReader(want))
			for _, name := range []fairlead.DocumentID{id(1), id(2)} {
				if _, err := s.PutBlob(t.Context(), name, from); err != want { //nolint:errorlint // as it is
					t.Errorf("after %d bytes: got %v, want %v as it is", size, err, want)
				}
			}
		}
	}
	wantBlob(t, s, id(1), content(1, 10))
	wantNone(t, s, id(2))
}

func testCanceled(t *testing.T, open func() fairlead.BlobStore) {
	s := open()
	put(t, s, id(1), content(1, 10))
	ctx, cancel := context.WithCancel(t.Context())
	endless := readerFunc(func(p []byte) (int, error) {
		cancel()
		return len(p), nil
	})
	canceled := func(name string, err error) {
		t.Helper()
		if !errors.Is(err, context.Canceled) || !fairlead.IsKind(err, fairlead.Internal) {
			t.Errorf("%s: got %v, want context.Canceled of Kind Internal", name, err)
		}
	}
	_, err := s.PutBlob(ctx, id(2), endless)
	canceled("PutBlob", err)
	_, err = s.OpenBlob(ctx, id(1))
	canceled("OpenBlob", err)
	canceled("DeleteBlob", s.DeleteBlob(ctx, id(1)))
	canceled("SweepBlobs", s.SweepBlobs(ctx, func(ids []fairlead.DocumentID) ([]bool, error) { return make([]bool, len(ids)), nil }))
	wantBlob(t, s, id(1), content(1, 10))
	wantNone(t, s, id(2))
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// even keeps every second blob, and gathers those that it is asked about.
func even(asked map[fairlead.DocumentID]int) func(ids []fairlead.DocumentID) ([]bool, error) {
	return func(ids []fairlead.DocumentID) ([]bool, error) {
		kept := make([]bool, len(ids))
		for i, id := range ids {
			asked[id]++
			kept[i] = id[len(id)-1]%2 == 0
		}
		return kept, nil
	}
}

func testSwept(t *testing.T, open func() fairlead.BlobStore) {
	s := open()
	asked := make(map[fairlead.DocumentID]int)
	if err := s.SweepBlobs(t.Context(), even(asked)); err != nil || len(asked) != 0 {
		t.Errorf("an empty store: asked about %v, %v", asked, err)
	}
	const many = 120
	for n := range many {
		put(t, s, id(n), content(uint64(n), n))
	}
	if err := open().SweepBlobs(t.Context(), even(asked)); err != nil {
		t.Fatal(err)
	}
	for n := range many {
		if asked[id(n)] != 1 {
			t.Errorf("%s: asked %d times", id(n), asked[id(n)])
		}
		if n%2 == 0 {
			wantBlob(t, s, id(n), content(uint64(n), n))
		} else {
			wantNone(t, s, id(n))
		}
	}
	if len(asked) != many {
		t.Errorf("asked about %d blobs, want %d", len(asked), many)
	}
}

func testSweepFails(t *testing.T, open func() fairlead.BlobStore) {
	s := open()
	put(t, s, id(1), content(1, 10))
	broken := errors.New("no answer")
	err := s.SweepBlobs(t.Context(), func([]fairlead.DocumentID) ([]bool, error) { return nil, broken })
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	wantBlob(t, s, id(1), content(1, 10))
}

// What is being put while a sweep is under way is left alone, whether or not it was begun
// before.
func testSweptWhilePutting(t *testing.T, open func() fairlead.BlobStore) {
	s := open()
	put(t, s, id(1), content(1, 10))
	reader, writer := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := s.PutBlob(t.Context(), id(3), reader)
		done <- err
	}()
	if _, err := writer.Write([]byte("begun")); err != nil {
		t.Fatal(err)
	}
	err := s.SweepBlobs(t.Context(), func(ids []fairlead.DocumentID) ([]bool, error) {
		put(t, s, id(5), content(5, 10))
		return make([]bool, len(ids)), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wantNone(t, s, id(1))
	wantBlob(t, s, id(5), content(5, 10))
	if err := open().SweepBlobs(t.Context(), even(make(map[fairlead.DocumentID]int))); err != nil { // another process
		t.Fatal(err)
	}
	writer.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	wantBlob(t, s, id(3), []byte("begun"))
}

func testConcurrent(t *testing.T, open func() fairlead.BlobStore) {
	s := open()
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for n := range 20 {
				mine, shared, blob := id(100*worker+n), id(1000+n), content(uint64(n), 5000)
				_, err1 := s.PutBlob(t.Context(), mine, bytes.NewReader(blob))
				_, err2 := s.PutBlob(t.Context(), shared, bytes.NewReader(blob))
				wantBlob(t, s, mine, blob)
				wantBlob(t, s, shared, blob)
				if err := errors.Join(err1, err2, s.DeleteBlob(t.Context(), mine)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 5 {
		err := s.SweepBlobs(t.Context(), func(ids []fairlead.DocumentID) ([]bool, error) {
			kept := make([]bool, len(ids))
			for i := range kept {
				kept[i] = true
			}
			return kept, nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}
