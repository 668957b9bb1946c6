package vectorstoretest

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"sync"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/storagetest/sample"
)

// counts are how many files a batch has: waiting, ready, failed, and withdrawn; and
// whether it was cancelled.
type counts struct {
	waiting, ready, failed, withdrawn int
	cancelled                         bool
}

// wantBatch checks a batch of a's first store.
func wantBatch(t *testing.T, s sample.Store, id string, want counts) {
	t.Helper()
	got, ok, err := s.VectorStoreBatch(t.Context(), "a", storeID(1), id)
	if !ok || err != nil {
		t.Fatalf("batch %s: %v, %v", id, ok, err)
	}
	sameBatch(t, got, id, want)
}

func sameBatch(t *testing.T, got fairlead.VectorStoreBatch, id string, want counts) {
	t.Helper()
	whole := fairlead.VectorStoreBatch{
		ID: id, Store: storeID(1), Created: sample.Moment(7), Cancelled: want.cancelled, Withdrawn: want.withdrawn,
		ByStatus: map[fairlead.DocumentStatus]int{
			fairlead.DocumentQueued: want.waiting, fairlead.DocumentReady: want.ready, fairlead.DocumentFailed: want.failed,
		},
	}
	maps.DeleteFunc(whole.ByStatus, func(_ fairlead.DocumentStatus, n int) bool { return n == 0 })
	if !reflect.DeepEqual(got, whole) {
		t.Errorf("got  %+v\nwant %+v", got, whole)
	}
}

func wantNoBatch(t *testing.T, s sample.Store, app fairlead.AppID, store fairlead.VectorStoreID, id string) {
	t.Helper()
	if got, ok, err := s.VectorStoreBatch(t.Context(), app, store, id); ok || err != nil || !reflect.DeepEqual(got, fairlead.VectorStoreBatch{}) {
		t.Errorf("VectorStoreBatch(%s, %s, %s): got %+v, %v, %v, want none", app, store, id, got, ok, err)
	}
	if got, ok, err := s.CancelVectorStoreBatch(t.Context(), app, store, id); ok || err != nil || !reflect.DeepEqual(got, fairlead.VectorStoreBatch{}) {
		t.Errorf("CancelVectorStoreBatch(%s, %s, %s): got %+v, %v, %v, want none", app, store, id, got, ok, err)
	}
}

// cancel cancels a batch of a's first store.
func cancel(t *testing.T, s sample.Store, id string, want counts) {
	t.Helper()
	got, ok, err := s.CancelVectorStoreBatch(t.Context(), "a", storeID(1), id)
	if !ok || err != nil {
		t.Fatalf("cancel batch %s: %v, %v", id, ok, err)
	}
	sameBatch(t, got, id, want)
	wantBatch(t, s, id, want)
}

func remove(t *testing.T, s sample.Store, d fairlead.Document) {
	t.Helper()
	if ok, err := s.RemoveVectorStoreFile(t.Context(), "a", storeID(1), d.ID); !ok || err != nil {
		t.Fatal(ok, err)
	}
}

// newDocuments makes a store of a's with nothing in it, and documents of which the first is
// ready, the second failed, and the others wait.
func newDocuments(t *testing.T, s sample.Store, n int) (all []fairlead.Document) {
	t.Helper()
	putStore(t, s, vectorStore("a", 1))
	for i := range n {
		d := sample.Add(t, s, sample.Document("a", i+1))
		switch i {
		case 0:
			d = sample.Finish(t, s, sample.Claim(t, s, d.ID), fairlead.DocumentReady)
		case 1:
			d = sample.Finish(t, s, sample.Claim(t, s, d.ID), fairlead.DocumentUnsupported)
		}
		all = append(all, d)
	}
	return all
}

// batchIDs are the files that a batch lists.
func batchIDs(t *testing.T, s sample.Store, id string) string {
	t.Helper()
	files, err := s.ListVectorStoreFiles(t.Context(), "a", storeID(1), fairlead.VectorStoreFileList{After: fairlead.After{Limit: 9}, Batch: id})
	if err != nil {
		t.Error(err)
	}
	var documents []fairlead.Document
	for i := range files {
		documents = append(documents, files[i].Document)
	}
	return sample.IDs(documents)
}

// A batch counts its files for good, also those that have left the store.
func testBatches(t *testing.T, p sample.Place) {
	s := p.Open()
	d := newDocuments(t, s, 4)
	wantNoBatch(t, s, "a", storeID(1), "batch")
	putFiles(t, s, file(1, d[2], "batch"), file(1, d[0], "batch"), file(1, d[3], "batch"), file(1, d[2], "batch"))
	d[2] = sample.Finish(t, s, sample.Claim(t, s, d[2].ID), fairlead.DocumentReady)
	for _, s := range []sample.Store{s, p.Open()} {
		wantBatch(t, s, "batch", counts{waiting: 1, ready: 2})
	}
	if got := batchIDs(t, s, "batch"); got != "3 1 4" {
		t.Errorf("it lists %s", got)
	}
	remove(t, s, d[0])
	remove(t, s, d[3])
	wantBatch(t, s, "batch", counts{ready: 2, withdrawn: 1})
	putFiles(t, s, file(1, d[0], "other")) // it is not the batch's any more
	wantBatch(t, s, "batch", counts{ready: 2, withdrawn: 1})
	wantBatch(t, s, "other", counts{ready: 1})
	if got := batchIDs(t, s, "batch"); got != "3" {
		t.Errorf("it lists %s", got)
	}
	remove(t, s, d[2])
	wantBatch(t, s, "batch", counts{ready: 2, withdrawn: 1})
	cancel(t, s, "batch", counts{ready: 2, withdrawn: 1}) // too late
	if ok, err := s.DeleteVectorStore(t.Context(), "a", storeID(1)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	wantNoBatch(t, s, "a", storeID(1), "batch")
	putStore(t, s, vectorStore("a", 1))
	wantNoBatch(t, s, "a", storeID(1), "batch")
}

// A file can be in several batches: each counts it, and what one of them still wants
// stays when another is cancelled.
func testBatchesOverlap(t *testing.T, p sample.Place) {
	s := p.Open()
	d := newDocuments(t, s, 5)
	putFiles(t, s, file(1, d[2], "one"), file(1, d[0], "one"), file(1, d[3], "one"))
	putFiles(t, s, file(1, d[2], "two"), file(1, d[0], "two"))
	putFiles(t, s, file(1, d[4], "")) // by itself
	putFiles(t, s, file(1, d[4], "two"))
	wantBatch(t, s, "one", counts{waiting: 2, ready: 1})
	wantBatch(t, s, "two", counts{waiting: 2, ready: 1})
	cancel(t, s, "one", counts{ready: 1, withdrawn: 2, cancelled: true})
	wantBatch(t, s, "two", counts{waiting: 2, ready: 1})
	wantNoFile(t, s, "a", storeID(1), d[3].ID)
	if one, two := batchIDs(t, s, "one"), batchIDs(t, s, "two"); one != "1" || two != "3 1 5" {
		t.Errorf("they list %q and %q", one, two)
	}
	cancel(t, s, "two", counts{ready: 1, withdrawn: 2, cancelled: true})
	wantNoFile(t, s, "a", storeID(1), d[2].ID)
	wantFile(t, s, file(1, d[4], ""))
}

// A document that is deleted was what it was.
func testBatchesOfDeleted(t *testing.T, p sample.Place) {
	s := p.Open()
	d := newDocuments(t, s, 3)
	putFiles(t, s, file(1, d[0], "batch"), file(1, d[1], "batch"), file(1, d[2], "batch"))
	for _, d := range d {
		if _, ok, err := s.DeleteDocument(t.Context(), "a", d.ID); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	wantBatch(t, s, "batch", counts{ready: 1, failed: 1, withdrawn: 1})
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantBatch(t, s, "batch", counts{ready: 1, failed: 1, withdrawn: 1})
}

// A batch that is cancelled stays so, and is there as before.
func testBatchesCancelled(t *testing.T, p sample.Place) {
	s := p.Open()
	d := newDocuments(t, s, 4)
	putFiles(t, s, file(1, d[0], "batch"), file(1, d[2], "batch"), file(1, d[3], "batch"))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, ok, err := s.CancelVectorStoreBatch(t.Context(), "a", storeID(1), "batch"); !ok || err != nil {
				t.Error(ok, err)
			}
		})
	}
	wg.Wait()
	for _, s := range []sample.Store{s, p.Open()} {
		wantBatch(t, s, "batch", counts{ready: 1, withdrawn: 2, cancelled: true})
	}
	if got := batchIDs(t, s, "batch"); got != "1" {
		t.Errorf("it lists %s", got)
	}
	wantNoFile(t, s, "a", storeID(1), d[2].ID)
	sample.WantDocument(t, s, d[2])
	remove(t, s, d[0])
	wantBatch(t, s, "batch", counts{ready: 1, withdrawn: 2, cancelled: true})
}

func testAttributes(t *testing.T, p sample.Place) {
	s := p.Open()
	d := newDocuments(t, s, 2)
	want := file(1, d[0], "batch")
	putFiles(t, s, want)
	for _, attributes := range []map[string]any{{"only": "this"}, nil} {
		want.Attributes = attributes
		got, ok, err := s.SetVectorStoreFileAttributes(t.Context(), "a", storeID(1), d[0].ID, attributes)
		if want.Number = got.Number; !ok || err != nil || got.Number == 0 || !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v, %v, %v\nwant %+v", got, ok, err, want)
		}
		wantFile(t, s, want)
	}
	for _, of := range []struct {
		store fairlead.VectorStoreID
		id    fairlead.DocumentID
	}{{storeID(1), d[1].ID}, {storeID(9), d[0].ID}, {storeID(1), "file-none"}} {
		if got, ok, err := s.SetVectorStoreFileAttributes(t.Context(), "a", of.store, of.id, nil); ok || err != nil {
			t.Errorf("%+v: got %+v, %v", of, got, err)
		}
		wantNoFile(t, s, "a", of.store, of.id)
	}
}

// What is taken out of a store stays out, whatever is changed at the time.
func testAttributesConcurrent(t *testing.T, p sample.Place) {
	s := p.Open()
	d := newDocuments(t, s, 1)[0]
	for i := range 50 {
		putFiles(t, s, file(1, d, ""))
		var wg sync.WaitGroup
		wg.Go(func() {
			_, _, err := s.SetVectorStoreFileAttributes(t.Context(), "a", storeID(1), d.ID, map[string]any{"i": i})
			if err != nil {
				t.Error(err)
			}
		})
		remove(t, s, d)
		wg.Wait()
		wantNoFile(t, s, "a", storeID(1), d.ID)
	}
}

// Whoever reads a store by the numbers of its files comes to its end, though files leave
// and come while it does.
func testReadWhileFilesLeave(t *testing.T, p sample.Place) {
	s := p.Open()
	d := newDocuments(t, s, 5)
	for i := range d {
		putFiles(t, s, file(1, d[i], ""))
	}
	which := fairlead.VectorStoreFileList{After: fairlead.After{Limit: 2}}
	var read []string
	for range 4 {
		files, err := s.ListVectorStoreFiles(t.Context(), "a", storeID(1), which)
		if err != nil {
			t.Fatal(err)
		}
		for i := range files {
			which.Behind = files[i].Number
			read = append(read, sample.IDs([]fairlead.Document{files[i].Document}))
		}
		if len(read) == 2 { // the one at the edge goes, and comes again
			remove(t, s, d[1])
			putFiles(t, s, file(1, d[1], ""))
		}
	}
	if got := fmt.Sprint(read); got != "[1 2 3 4 5 2]" {
		t.Errorf("got %s", got)
	}
	which = fairlead.VectorStoreFileList{After: fairlead.After{Limit: 9, Newest: true}, Behind: which.Behind}
	files, err := s.ListVectorStoreFiles(t.Context(), "a", storeID(1), which)
	if err != nil || len(files) != 4 || files[0].Document.ID != d[4].ID {
		t.Error(errors.Join(err, fmt.Errorf("got %+v", files)))
	}
}
