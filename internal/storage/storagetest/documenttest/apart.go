package documenttest

import (
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/storagetest/sample"
)

// What an app names by an id or number of another's is not there.
func testAppsApart(t *testing.T, p sample.Place) {
	s := p.Open()
	b := sample.NewBook(1, 20_000)
	sample.Add(t, s, sample.Document("b", 100)) // so that b is no stranger
	sample.Finish(t, s, sample.Claim(t, s, sample.DocumentID("b", 100)), fairlead.DocumentReady)
	d := sample.Ready(t, s, sample.Document("a", 1), b.Parts...)
	chunks, err := s.Chunks(t.Context(), "a", d.ID, 0, 3)
	if err != nil {
		t.Fatal(err)
	}
	vectors := []fairlead.Embedding{{Chunk: chunks[0].Number, Vector: []float32{1}}}
	if err := s.PutEmbeddings(t.Context(), "a", d.ID, "m", vectors); err != nil {
		t.Fatal(err)
	}

	sample.WantNoDocument(t, s, "b", d.ID)
	for _, newest := range []bool{false, true} {
		list, err := s.ListDocuments(t.Context(), "b", fairlead.After{Limit: 9, Newest: newest}, "")
		if err != nil || sample.IDs(list) != "100" {
			t.Errorf("b lists %s, %v", sample.IDs(list), err)
		}
	}
	if list, err := s.ReadyDocuments(t.Context(), "b", d.Number-1, 9); err != nil || len(list) != 0 {
		t.Errorf("b has ready %s, %v", sample.IDs(list), err)
	}
	if list, err := s.DocumentsByID(t.Context(), "b", []fairlead.DocumentID{d.ID}); err != nil || len(list) != 0 {
		t.Errorf("b finds %s, %v", sample.IDs(list), err)
	}
	of := d
	of.App = "b"
	wantUnseen(t, s, of, chunks[0].Number, chunks[1].Number)
	sample.WantNoChunks(t, s, "b", d.ID)
	err = s.PutEmbeddings(t.Context(), "b", d.ID, "m", vectors)
	sample.WantKind(t, "a's document gets vectors of b", err, fairlead.NotFound, "document_not_found")
	err = s.SetEmbeddingPending(t.Context(), "b", d.ID, fairlead.EmbeddingState{Pending: true})
	sample.WantKind(t, "a's document needs vectors for b", err, fairlead.NotFound, "document_not_found")
	if _, ok, err := s.DeleteDocument(t.Context(), "b", d.ID); ok || err != nil {
		t.Errorf("b deletes: %v, %v", ok, err)
	}
	sample.WantDocument(t, s, d)
	sample.WantBook(t, s, d, b)
	if got, err := s.EmbeddingsByNumber(t.Context(), "a", "m", []int64{chunks[0].Number}); err != nil || len(got) != 1 {
		t.Errorf("a's vectors: %v, %v", got, err)
	}
}

// Sweeping changes nothing that anyone sees.
func testSwept(t *testing.T, p sample.Place) {
	s := p.Open()
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := sample.NewBook(1, 100_000)
	kept := sample.Ready(t, s, sample.Document("a", 1), b.Parts...)
	gone := sample.Ready(t, s, sample.Document("a", 2), b.Parts...)
	if _, ok, err := s.DeleteDocument(t.Context(), "a", gone.ID); !ok || err != nil {
		t.Fatal(ok, err)
	}
	sample.Add(t, s, sample.Document("a", 3))
	under := sample.Claim(t, s, sample.DocumentID("a", 3))
	sample.Write(t, s, under, b.Parts[:1]...)
	for range 2 {
		if err := p.Open().Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	sample.Write(t, s, under, b.Parts[1:]...)
	under.Document.TextBytes, under.Document.Chunks = int64(len(b.Text)), len(b.Chunks)
	sample.WantBook(t, s, sample.Finish(t, s, under, fairlead.DocumentReady), b)
	sample.WantBook(t, s, kept, b)
	sample.WantNoDocument(t, s, "a", gone.ID)
}
