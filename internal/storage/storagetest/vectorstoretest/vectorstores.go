// Package vectorstoretest is the contract of the root's interfaces of vector stores, of
// what is in them, and of their batches: what they promise beyond their signatures, as tests that each
// implementation runs over itself. Start with Run.
package vectorstoretest

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/storagetest/sample"
)

// Run runs the contract; newPlace is as with documenttest.Run.
func Run(t *testing.T, newPlace func(t *testing.T) (open func(now func() time.Time) sample.Store)) {
	t.Helper()
	sample.Run(t, newPlace, []sample.Test{
		{Name: "VectorStores", Run: testVectorStores},
		{Name: "VectorStoreFiles", Run: testVectorStoreFiles},
		{Name: "VectorStoreFileLists", Run: testVectorStoreFileLists},
		{Name: "ReadWhileFilesLeave", Run: testReadWhileFilesLeave},
		{Name: "Attributes", Run: testAttributes},
		{Name: "AttributesConcurrent", Run: testAttributesConcurrent},
		{Name: "Batches", Run: testBatches},
		{Name: "BatchesOverlap", Run: testBatchesOverlap},
		{Name: "BatchesOfDeleted", Run: testBatchesOfDeleted},
		{Name: "BatchesCancelled", Run: testBatchesCancelled},
		{Name: "AppsApart", Run: testAppsApart},
		{Name: "Swept", Run: testSwept},
	})
}

func storeID(n int) fairlead.VectorStoreID {
	return fairlead.VectorStoreID(fmt.Sprintf("vs_%024d", n))
}

func vectorStore(app fairlead.AppID, n int) fairlead.VectorStore {
	return fairlead.VectorStore{
		ID: storeID(n), App: app, Name: "Berichte 'x\"", Metadata: map[string]string{"a": "1", "ü": ""},
		Created: sample.Moment(n), Active: sample.Moment(n + 1), ExpiresAfter: 7 * 24 * time.Hour,
	}
}

func putStore(t *testing.T, s sample.Store, v fairlead.VectorStore) {
	t.Helper()
	if err := s.PutVectorStore(t.Context(), v); err != nil {
		t.Fatalf("PutVectorStore(%s): %v", v.ID, err)
	}
}

func wantStore(t *testing.T, s sample.Store, want fairlead.VectorStore) {
	t.Helper()
	if got, ok, err := s.VectorStore(t.Context(), want.App, want.ID); !ok || err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v, %v\nwant %+v", got, ok, err, want)
	}
}

func wantNoStore(t *testing.T, s sample.Store, app fairlead.AppID, id fairlead.VectorStoreID) {
	t.Helper()
	if got, ok, err := s.VectorStore(t.Context(), app, id); ok || err != nil {
		t.Errorf("VectorStore(%s, %s): got %+v, %v, %v, want none", app, id, got, ok, err)
	}
}

func testVectorStores(t *testing.T, p sample.Place) {
	s := p.Open()
	for n := 1; n <= 5; n++ {
		putStore(t, s, vectorStore("a", n))
	}
	other := vectorStore("b", 3) // an id of its own
	other.Name = "b's"
	putStore(t, s, other)
	changed := fairlead.VectorStore{ID: storeID(2), App: "a", Created: sample.Moment(2), ExpiresAfter: 1500 * time.Millisecond}
	putStore(t, s, changed)
	for _, s := range []sample.Store{s, p.Open()} {
		wantStore(t, s, vectorStore("a", 3))
		wantStore(t, s, changed)
		wantStore(t, s, other)
	}
	wantNoStore(t, s, "b", storeID(1))
	list := func(after int, limit int, newest bool) string {
		t.Helper()
		at := fairlead.After{Limit: limit, Newest: newest}
		if after > 0 {
			at.ID = string(storeID(after))
		}
		stores, err := s.ListVectorStores(t.Context(), "a", at)
		if err != nil {
			t.Error(err)
		}
		var got []string
		for i := range stores {
			got = append(got, strings.TrimLeft(string(stores[i].ID)[3:], "0"))
		}
		return strings.Join(got, " ")
	}
	for _, tt := range []struct{ got, want string }{
		{list(0, 2, false), "1 2"},
		{list(2, 9, false), "3 4 5"},
		{list(5, 9, false), ""},
		{list(0, 2, true), "5 4"},
		{list(4, 9, true), "3 2 1"},
		{list(1, 9, true), ""},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
	for _, wantOK := range []bool{true, false} {
		if ok, err := s.DeleteVectorStore(t.Context(), "a", storeID(3)); ok != wantOK || err != nil {
			t.Errorf("DeleteVectorStore: %v, %v, want ok %v", ok, err, wantOK)
		}
	}
	wantNoStore(t, s, "a", storeID(3))
	wantStore(t, s, other)
	_, err := s.ListVectorStores(t.Context(), "a", fairlead.After{ID: string(storeID(3)), Limit: 2})
	sample.WantKind(t, "a cursor that is not there", err, fairlead.NotFound, "cursor_not_found")
}

func file(store int, d fairlead.Document, batch string) fairlead.VectorStoreFile {
	return fairlead.VectorStoreFile{
		Store: storeID(store), Document: d, Attributes: map[string]any{"n": 1.5, "s": "x", "b": false}, Added: sample.Moment(7),
		Batch: batch, Chunking: []byte(`{"type":"auto"}`),
	}
}

func putFiles(t *testing.T, s sample.Store, files ...fairlead.VectorStoreFile) {
	t.Helper()
	if err := s.PutVectorStoreFiles(t.Context(), files[0].Document.App, files); err != nil {
		t.Fatalf("PutVectorStoreFiles: %v", err)
	}
}

func wantFile(t *testing.T, s sample.Store, want fairlead.VectorStoreFile) {
	t.Helper()
	got, ok, err := s.VectorStoreFile(t.Context(), want.Document.App, want.Store, want.Document.ID)
	if want.Number == 0 {
		want.Number = got.Number
	}
	if !ok || err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v, %v\nwant %+v", got, ok, err, want)
	}
}

func wantNoFile(t *testing.T, s sample.Store, app fairlead.AppID, store fairlead.VectorStoreID, id fairlead.DocumentID) {
	t.Helper()
	if got, ok, err := s.VectorStoreFile(t.Context(), app, store, id); ok || err != nil {
		t.Errorf("VectorStoreFile(%s, %s, %s): got %+v, %v, want none", app, store, id, got, err)
	}
}

func testVectorStoreFiles(t *testing.T, p sample.Place) {
	s := p.Open()
	putStore(t, s, vectorStore("a", 1))
	putStore(t, s, vectorStore("a", 2))
	one, two := sample.Add(t, s, sample.Document("a", 1)), sample.Add(t, s, sample.Document("a", 2))
	full, bare := file(1, one, "batch_1"), fairlead.VectorStoreFile{Store: storeID(1), Document: two, Added: sample.Moment(1)}
	elsewhere := file(2, one, "")
	putFiles(t, s, full, bare, elsewhere)
	if err := s.PutVectorStoreFiles(t.Context(), "a", nil); err != nil {
		t.Error(err)
	}
	for _, s := range []sample.Store{s, p.Open()} {
		wantFile(t, s, full)
		wantFile(t, s, bare)
		wantFile(t, s, elsewhere)
	}
	changed := full
	changed.Attributes, changed.Added, changed.Batch, changed.Chunking = map[string]any{"only": "this"}, sample.Moment(99), "", nil
	putFiles(t, s, changed)
	full.Attributes, full.Batch = changed.Attributes, "" // it is there by itself by now
	wantFile(t, s, full)
	again := bare
	again.Batch, again.Chunking = "batch_2", []byte("{}")
	putFiles(t, s, again)
	bare.Chunking = again.Chunking
	wantFile(t, s, bare)
	three := sample.Add(t, s, sample.Document("a", 3))
	for _, bad := range []struct {
		file fairlead.VectorStoreFile
		code string
	}{{file(1, sample.Document("a", 99), ""), "document_not_found"}, {file(9, three, ""), "vector_store_not_found"}} {
		err := s.PutVectorStoreFiles(t.Context(), "a", []fairlead.VectorStoreFile{file(1, three, ""), bad.file})
		sample.WantKind(t, "what is not there", err, fairlead.NotFound, bad.code)
		wantNoFile(t, s, "a", storeID(1), three.ID)
	}
	for _, wantOK := range []bool{true, false} {
		if ok, err := s.RemoveVectorStoreFile(t.Context(), "a", storeID(1), two.ID); ok != wantOK || err != nil {
			t.Errorf("RemoveVectorStoreFile: %v, %v, want ok %v", ok, err, wantOK)
		}
	}
	wantNoFile(t, s, "a", storeID(1), two.ID)
	sample.WantDocument(t, s, two)
	if ok, err := s.DeleteVectorStore(t.Context(), "a", storeID(2)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	wantNoFile(t, s, "a", storeID(2), one.ID)
	sample.WantDocument(t, s, one)
	putStore(t, s, vectorStore("a", 2)) // a new one, with nothing in it
	wantNoFile(t, s, "a", storeID(2), one.ID)
	if _, ok, err := s.DeleteDocument(t.Context(), "a", one.ID); !ok || err != nil {
		t.Fatal(ok, err)
	}
	wantNoFile(t, s, "a", storeID(1), one.ID)
	files, err := s.ListVectorStoreFiles(t.Context(), "a", storeID(1), fairlead.VectorStoreFileList{After: fairlead.After{Limit: 9}})
	if err != nil || len(files) != 0 {
		t.Errorf("the files of documents that are gone: %+v, %v", files, err)
	}
}

func testVectorStoreFileLists(t *testing.T, p sample.Place) {
	s := p.Open()
	putStore(t, s, vectorStore("a", 1))
	for n := 1; n <= 6; n++ {
		d := sample.Add(t, s, sample.Document("a", n))
		switch n {
		case 1, 2:
			d = sample.Finish(t, s, sample.Claim(t, s, d.ID), fairlead.DocumentReady)
		case 3:
			d = sample.Finish(t, s, sample.Claim(t, s, d.ID), fairlead.DocumentFailed)
		}
		batch := ""
		if n%2 == 0 {
			batch = "batch"
		}
		putFiles(t, s, file(1, d, batch))
	}
	list := func(after int, which fairlead.VectorStoreFileList) string {
		t.Helper()
		if after > 0 {
			which.After.ID = string(sample.DocumentID("a", after))
		}
		files, err := s.ListVectorStoreFiles(t.Context(), "a", storeID(1), which)
		if err != nil {
			t.Error(err)
		}
		var documents []fairlead.Document
		for i := range files {
			documents = append(documents, files[i].Document)
		}
		return sample.IDs(documents)
	}
	up, down := fairlead.After{Limit: 3}, fairlead.After{Limit: 3, Newest: true}
	queued := []fairlead.DocumentStatus{fairlead.DocumentQueued, fairlead.DocumentFailed}
	for _, tt := range []struct{ got, want string }{
		{list(0, fairlead.VectorStoreFileList{After: up}), "1 2 3"},
		{list(3, fairlead.VectorStoreFileList{After: up}), "4 5 6"},
		{list(0, fairlead.VectorStoreFileList{After: down}), "6 5 4"},
		{list(3, fairlead.VectorStoreFileList{After: down}), "2 1"},
		{list(0, fairlead.VectorStoreFileList{After: up, Batch: "batch"}), "2 4 6"},
		{list(5, fairlead.VectorStoreFileList{After: down, Batch: "batch"}), "4 2"},
		{list(0, fairlead.VectorStoreFileList{After: up, Batch: "other"}), ""},
		{list(0, fairlead.VectorStoreFileList{After: up, Statuses: queued}), "3 4 5"},
		{list(0, fairlead.VectorStoreFileList{After: down, Statuses: queued, Batch: "batch"}), "6 4"},
		{list(0, fairlead.VectorStoreFileList{After: up, Statuses: []fairlead.DocumentStatus{}}), ""},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
	outside := sample.Add(t, s, sample.Document("a", 7))
	_, err := s.ListVectorStoreFiles(t.Context(), "a", storeID(1), fairlead.VectorStoreFileList{After: fairlead.After{ID: string(outside.ID), Limit: 1}})
	sample.WantKind(t, "a cursor that is not in the store", err, fairlead.NotFound, "cursor_not_found")
	_, err = s.ListVectorStoreFiles(t.Context(), "a", storeID(9), fairlead.VectorStoreFileList{After: up})
	sample.WantKind(t, "a store that is not there", err, fairlead.NotFound, "vector_store_not_found")
	want := map[fairlead.DocumentStatus]int{fairlead.DocumentReady: 2, fairlead.DocumentFailed: 1, fairlead.DocumentQueued: 3}
	if got, err := s.CountVectorStoreFiles(t.Context(), "a", storeID(1)); err != nil || !maps.Equal(got.ByStatus, want) || got.Bytes != 6021 {
		t.Errorf("got %+v, %v, want %v", got, err, want)
	}
	if got, err := s.CountVectorStoreFiles(t.Context(), "a", storeID(9)); err != nil || len(got.ByStatus) != 0 {
		t.Errorf("a store that is not there has %+v, %v", got, err)
	}
}
