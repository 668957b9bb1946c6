package vectorstoretest

import (
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/storagetest/sample"
)

// What an app names by an id of another's is not there.
func testAppsApart(t *testing.T, p sample.Place) {
	s := p.Open()
	as, bs := sample.Add(t, s, sample.Document("a", 1)), sample.Add(t, s, sample.Document("b", 2))
	putStore(t, s, vectorStore("a", 1))
	putStore(t, s, vectorStore("b", 2))
	putFiles(t, s, file(1, as, "batch"))
	wantNoStore(t, s, "b", storeID(1))
	wantNoFile(t, s, "b", storeID(1), as.ID)
	wantNoFile(t, s, "b", storeID(2), as.ID)
	wantNoFile(t, s, "b", storeID(1), bs.ID)
	if list, err := s.ListVectorStores(t.Context(), "b", fairlead.After{Limit: 9}); err != nil || len(list) != 1 || list[0].ID != storeID(2) {
		t.Errorf("b lists the stores %+v, %v", list, err)
	}
	_, err := s.ListVectorStores(t.Context(), "b", fairlead.After{ID: string(storeID(1)), Limit: 9})
	sample.WantKind(t, "a's store as b's cursor", err, fairlead.NotFound, "cursor_not_found")
	census, err := s.CountVectorStoreFiles(t.Context(), "b", storeID(1))
	if err != nil || len(census.ByStatus) != 0 || census.Bytes != 0 {
		t.Errorf("b counts %+v, %v", census, err)
	}
	wantNoBatch(t, s, "b", storeID(1), "batch")
	wantNoBatch(t, s, "b", storeID(2), "batch")
	if _, ok, err := s.SetVectorStoreFileAttributes(t.Context(), "b", storeID(1), as.ID, nil); ok || err != nil {
		t.Errorf("b changes a file of a's: %v, %v", ok, err)
	}
	which := fairlead.VectorStoreFileList{After: fairlead.After{Limit: 9}}
	_, err = s.ListVectorStoreFiles(t.Context(), "b", storeID(1), which)
	sample.WantKind(t, "b lists a store of a's", err, fairlead.NotFound, "vector_store_not_found")
	err = s.PutVectorStoreFiles(t.Context(), "b", []fairlead.VectorStoreFile{file(2, bs, ""), file(2, as, "")})
	sample.WantKind(t, "a's document in b's store", err, fairlead.NotFound, "document_not_found")
	err = s.PutVectorStoreFiles(t.Context(), "b", []fairlead.VectorStoreFile{file(1, bs, "")})
	sample.WantKind(t, "b's document in a's store", err, fairlead.NotFound, "vector_store_not_found")
	if ok, err := s.DeleteVectorStore(t.Context(), "b", storeID(1)); ok || err != nil {
		t.Errorf("b deletes a's store: %v, %v", ok, err)
	}
	if ok, err := s.RemoveVectorStoreFile(t.Context(), "b", storeID(1), as.ID); ok || err != nil {
		t.Errorf("b takes a's document out of a's store: %v, %v", ok, err)
	}
	stray := vectorStore("b", 1) // the same id is another store
	stray.Name = "stray"
	putStore(t, s, stray)
	wantNoFile(t, s, "b", storeID(1), as.ID)
	wantStore(t, s, vectorStore("a", 1))
	wantNoBatch(t, s, "b", storeID(1), "batch")
	wantFile(t, s, file(1, as, "batch"))
	wantBatch(t, s, "batch", counts{waiting: 1})
}

// Sweeping takes the files of a store that is gone, and no others.
func testSwept(t *testing.T, p sample.Place) {
	s := p.Open()
	d := sample.Add(t, s, sample.Document("a", 1))
	putStore(t, s, vectorStore("a", 1))
	putStore(t, s, vectorStore("a", 2))
	putFiles(t, s, file(1, d, "kept"), file(2, d, "old"))
	if ok, err := s.DeleteVectorStore(t.Context(), "a", storeID(2)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	putStore(t, s, vectorStore("a", 2))
	putFiles(t, s, file(2, d, "new"))
	wantNoBatch(t, s, "a", storeID(2), "old")
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantFile(t, s, file(1, d, "kept"))
	wantBatch(t, s, "kept", counts{waiting: 1})
	wantFile(t, s, file(2, d, "new"))
}
