package documenttest

import (
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"reflect"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/storagetest/sample"
)

func testDocument(t *testing.T, p sample.Place) {
	s := p.Open()
	sample.WantNoDocument(t, s, "a", sample.DocumentID("a", 1))
	want := sample.Document("a", 1)
	kept := sample.Add(t, s, want)
	if kept.Number <= 0 {
		t.Errorf("got number %d", kept.Number)
	}
	want.Number = kept.Number
	if !reflect.DeepEqual(kept, want) {
		t.Errorf("kept %+v\nwant %+v", kept, want)
	}
	sample.WantDocument(t, s, want)
	sample.WantDocument(t, p.Open(), want) // another process sees it too
	bare := fairlead.Document{ID: "file-bare", App: "a", Status: fairlead.DocumentQueued}
	sample.Add(t, s, bare)
	sample.WantDocument(t, s, bare)
	if _, _, err := s.AddDocument(t.Context(), fairlead.Document{ID: want.ID, App: "b"}, fairlead.DocumentRoom{}); err == nil {
		t.Error("an id was given twice")
	}
	for _, wantOK := range []bool{true, false} {
		d, ok, err := s.DeleteDocument(t.Context(), "a", want.ID)
		if ok != wantOK || err != nil || ok && !reflect.DeepEqual(d, want) {
			t.Errorf("DeleteDocument: got %+v, %v, %v, want ok %v", d, ok, err, wantOK)
		}
		sample.WantNoDocument(t, s, "a", want.ID)
	}
	sample.WantDocument(t, s, bare)
}

func testDedupe(t *testing.T, p sample.Place) {
	s := p.Open()
	first := sample.Add(t, s, sample.Document("a", 1))
	again := sample.Document("a", 1)
	again.ID, again.Name = "file-again", "other"
	wantSame := func(want fairlead.Document) {
		t.Helper()
		kept, added, err := s.AddDocument(t.Context(), again, fairlead.DocumentRoom{Documents: 1, Bytes: 1})
		if added || err != nil || !reflect.DeepEqual(kept, want) {
			t.Errorf("got %+v, %v, %v, want %+v", kept, added, err, want)
		}
		sample.WantNoDocument(t, s, "a", again.ID)
	}
	wantSame(first)
	other := sample.Document("b", 1) // another app's file is none of a's business
	other.SHA256 = first.SHA256
	sample.Add(t, s, other)
	job := sample.Claim(t, s, first.ID)
	wantSame(job.Document)
	wantSame(sample.Finish(t, s, job, fairlead.DocumentNoText))
	if _, ok, err := s.DeleteDocument(t.Context(), "a", first.ID); !ok || err != nil {
		t.Fatal(ok, err)
	}
	sample.Add(t, s, again)
	sample.Finish(t, s, sample.Claim(t, s, other.ID), fairlead.DocumentReady)
	sample.Finish(t, s, sample.Claim(t, s, again.ID), fairlead.DocumentFailed)
	third := sample.Document("a", 1)
	third.ID = "file-third"
	sample.Add(t, s, third)
	sample.Finish(t, s, sample.Claim(t, s, third.ID), fairlead.DocumentFailed) // twice failed is no clash
	sample.WantDocument(t, s, whenReady(other))
}

// whenReady is the document as it is when it is ready.
func whenReady(d fairlead.Document) fairlead.Document {
	d.Status = fairlead.DocumentReady
	return d
}

func testRoom(t *testing.T, p sample.Place) {
	s := p.Open()
	try := func(n int, bytes int64, room fairlead.DocumentRoom) error {
		d := sample.Document("a", n)
		d.Bytes = bytes
		_, _, err := s.AddDocument(t.Context(), d, room)
		return err
	}
	fits := func(err error) {
		t.Helper()
		if err != nil {
			t.Errorf("got %v, want that it has room", err)
		}
	}
	full := func(err error) {
		t.Helper()
		sample.WantKind(t, "no room", err, fairlead.Limited, "documents_full")
	}
	sample.Add(t, s, sample.Document("b", 1)) // another app's documents need no room
	fits(try(1, 60, fairlead.DocumentRoom{Documents: 2, Bytes: 100}))
	full(try(2, 41, fairlead.DocumentRoom{Documents: 2, Bytes: 100}))
	fits(try(3, 40, fairlead.DocumentRoom{Documents: 2, Bytes: 100}))
	full(try(4, 0, fairlead.DocumentRoom{Documents: 2}))
	full(try(5, 1, fairlead.DocumentRoom{Documents: 3, Bytes: 100}))
	fits(try(6, 0, fairlead.DocumentRoom{Documents: 3, Bytes: 100}))
	fits(try(7, 1<<40, fairlead.DocumentRoom{}))
	if _, ok, err := s.DeleteDocument(t.Context(), "a", sample.DocumentID("a", 7)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	full(try(8, 1, fairlead.DocumentRoom{Bytes: 100}))
	if _, ok, err := s.DeleteDocument(t.Context(), "a", sample.DocumentID("a", 1)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	full(try(9, 61, fairlead.DocumentRoom{Bytes: 100}))
	fits(try(10, 60, fairlead.DocumentRoom{Bytes: 100})) // at once, swept or not
	sample.WantNoDocument(t, s, "a", sample.DocumentID("a", 9))
}

func testRoomConcurrent(t *testing.T, p sample.Place) {
	stores := []sample.Store{p.Open(), p.Open()}
	const workers, each, room = 4, 12, 17
	var added atomic.Int64
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			limit := fairlead.DocumentRoom{Documents: room}
			if worker%2 == 0 {
				limit = fairlead.DocumentRoom{Bytes: 10*room + 5}
			}
			for n := range each {
				d := sample.Document("a", worker*each+n)
				d.Bytes = 10
				if n%3 == 0 { // and the same file by all of them
					d.SHA256 = sha256.Sum256([]byte(strconv.Itoa(n)))
				}
				_, ok, err := stores[worker%len(stores)].AddDocument(t.Context(), d, limit)
				if ok {
					added.Add(1)
				} else if err != nil && !fairlead.IsKind(err, fairlead.Limited) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	wantRoom(t, stores[0], room, added.Load())
	list, err := stores[1].ListDocuments(t.Context(), "a", fairlead.After{Limit: 100}, "")
	if err != nil || len(list) != room {
		t.Fatalf("%d documents, %v", len(list), err)
	}
	wantOnce(t, list)
}

// wantRoom checks that all room for that many documents of 10 bytes was taken, and no more.
func wantRoom(t *testing.T, s sample.Store, room int, added int64) {
	t.Helper()
	census, err := s.CountDocuments(t.Context(), "a")
	if err != nil || added != int64(room) || census.ByStatus[fairlead.DocumentQueued] != room || census.Bytes != int64(10*room) {
		t.Errorf("added %d, counted %+v, %v, want exactly %d", added, census, err, room)
	}
}

// wantOnce checks that no file is there twice.
func wantOnce(t *testing.T, list []fairlead.Document) {
	t.Helper()
	sums := make(map[[32]byte]bool)
	for _, d := range list {
		if sums[d.SHA256] {
			t.Error("a file is there twice")
		}
		sums[d.SHA256] = true
	}
}

// Indexes elsewhere name documents and chunks by number: one that was given stands for
// nothing else, even when its bearer was the last and is gone.
func testNumbersAreNotUsedAgain(t *testing.T, p sample.Place) {
	s := p.Open()
	var document, chunk int64
	for n := range 3 {
		b := sample.NewBook(uint64(n), 5000)
		d := sample.Ready(t, s, sample.Document("a", n), b.Parts...)
		chunks, err := s.Chunks(t.Context(), "a", d.ID, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		if d.Number <= document || chunks[0].Number <= chunk {
			t.Errorf("numbers %d and %d came behind %d and %d", d.Number, chunks[0].Number, document, chunk)
		}
		document, chunk = d.Number, chunks[len(chunks)-1].Number
		if _, ok, err := s.DeleteDocument(t.Context(), "a", d.ID); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.Close()
		s = p.Open()
	}
}

func testDocumentLists(t *testing.T, p sample.Place) {
	s := p.Open()
	for n := 1; n <= 9; n++ {
		d := sample.Document("a", n)
		d.Created = sample.Moment(100 - n) // the order is that of adding
		if n%3 == 0 {
			d.Purpose = "user_data"
		}
		sample.Add(t, s, d)
		sample.Add(t, s, sample.Document("b", n))
	}
	list := func(after int, limit int, newest bool, purpose string) string {
		t.Helper()
		at := fairlead.After{Limit: limit, Newest: newest}
		if after > 0 {
			at.ID = string(sample.DocumentID("a", after))
		}
		documents, err := s.ListDocuments(t.Context(), "a", at, purpose)
		if err != nil {
			t.Error(err)
		}
		return sample.IDs(documents)
	}
	for _, tt := range []struct{ got, want string }{
		{list(0, 4, false, ""), "1 2 3 4"},
		{list(4, 4, false, ""), "5 6 7 8"},
		{list(8, 4, false, ""), "9"},
		{list(9, 4, false, ""), ""},
		{list(0, 100, true, ""), "9 8 7 6 5 4 3 2 1"},
		{list(3, 2, true, ""), "2 1"},
		{list(1, 2, true, ""), ""},
		{list(0, 2, false, "user_data"), "3 6"},
		{list(4, 2, false, "user_data"), "6 9"},
		{list(0, 2, true, "user_data"), "9 6"},
		{list(6, 2, true, "user_data"), "3"},
		{list(0, 2, true, "other"), ""},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
	if _, ok, err := s.DeleteDocument(t.Context(), "a", sample.DocumentID("a", 5)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	for _, id := range []fairlead.DocumentID{sample.DocumentID("a", 5), sample.DocumentID("b", 1), "file-unknown"} {
		_, err := s.ListDocuments(t.Context(), "a", fairlead.After{ID: string(id), Limit: 3}, "")
		sample.WantKind(t, "a cursor that is not there", err, fairlead.NotFound, "cursor_not_found")
	}
}

// allReady reads the documents that are ready, page by page.
func allReady(t *testing.T, s sample.Store, app fairlead.AppID) (all []fairlead.Document) {
	t.Helper()
	for after := int64(0); ; {
		page, err := s.ReadyDocuments(t.Context(), app, after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			return all
		}
		all, after = append(all, page...), page[len(page)-1].Number
	}
}

func testSelections(t *testing.T, p sample.Place) {
	s := p.Open()
	if apps, err := s.DocumentApps(t.Context()); err != nil || len(apps) != 0 {
		t.Errorf("apps of an empty store: %v, %v", apps, err)
	}
	for n := 1; n <= 6; n++ {
		d := sample.Add(t, s, sample.Document("a", n))
		status := fairlead.DocumentReady
		if n == 4 {
			status = fairlead.DocumentEncrypted
		}
		if n < 6 {
			sample.Finish(t, s, sample.Claim(t, s, d.ID), status)
		}
	}
	sample.Add(t, s, sample.Document("b", 1))
	if got := allReady(t, s, "a"); sample.IDs(got) != "1 2 3 5" {
		t.Errorf("ready are %s, want 1 2 3 5", sample.IDs(got))
	}
	wanted := []fairlead.DocumentID{sample.DocumentID("b", 1), sample.DocumentID("a", 4), "", "x' OR 1=1", sample.DocumentID("a", 6), sample.DocumentID("a", 4)}
	for n := range 10_000 {
		wanted = append(wanted, sample.DocumentID("a", 1000+n))
	}
	wanted = append(wanted, sample.DocumentID("a", 2))
	found, err := s.DocumentsByID(t.Context(), "a", wanted)
	if err != nil || len(found) != 3 {
		t.Errorf("by id: %s, %v, want 2 4 6", sample.IDs(found), err)
	}
	if found, err := s.DocumentsByID(t.Context(), "a", nil); err != nil || len(found) != 0 {
		t.Errorf("by no id: %s, %v", sample.IDs(found), err)
	}
	if apps, err := s.DocumentApps(t.Context()); err != nil || len(apps) != 2 {
		t.Errorf("apps: %v, %v, want a and b", apps, err)
	}
	if _, ok, err := s.DeleteDocument(t.Context(), "b", sample.DocumentID("b", 1)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if apps, err := s.DocumentApps(t.Context()); err != nil || len(apps) != 1 || apps[0] != "a" {
		t.Errorf("apps: %v, %v, want a", apps, err)
	}
}

func testCanceled(t *testing.T, p sample.Place) {
	s := p.Open()
	want := sample.Ready(t, s, sample.Document("a", 1))
	sample.Add(t, s, sample.Document("a", 2))
	job := sample.Claim(t, s, sample.DocumentID("a", 2))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	canceled := func(name string, err error) {
		t.Helper()
		if !errors.Is(err, context.Canceled) || !fairlead.IsKind(err, fairlead.Internal) {
			t.Errorf("%s: got %v, want context.Canceled of Kind Internal", name, err)
		}
	}
	_, _, err := s.AddDocument(ctx, sample.Document("a", 3), fairlead.DocumentRoom{})
	canceled("AddDocument", err)
	_, _, err = s.Document(ctx, "a", want.ID)
	canceled("Document", err)
	_, err = s.ListDocuments(ctx, "a", fairlead.After{Limit: 1}, "")
	canceled("ListDocuments", err)
	_, _, err = s.DeleteDocument(ctx, "a", want.ID)
	canceled("DeleteDocument", err)
	_, err = s.ClaimJob(ctx, "x", sample.Lease)
	canceled("ClaimJob", err)
	canceled("RenewJob", s.RenewJob(ctx, job, sample.Lease))
	canceled("AddContent", s.AddContent(ctx, job, fairlead.DocumentContent{Text: []byte("x")}))
	canceled("ReleaseJob", s.ReleaseJob(ctx, job, fairlead.JobRelease{}))
	job.Document.Status = fairlead.DocumentReady
	canceled("FinishJob", s.FinishJob(ctx, job))
	_, _, err = s.Text(ctx, "a", want.ID, fairlead.TextSpan{End: 1})
	canceled("Text", err)
	_, _, err = s.Outline(ctx, "a", want.ID)
	canceled("Outline", err)
	_, err = s.Chunks(ctx, "a", want.ID, 0, 1)
	canceled("Chunks", err)
	canceled("PutEmbeddings", s.PutEmbeddings(ctx, "a", want.ID, "m", nil))
	canceled("PutVectorStore", s.PutVectorStore(ctx, fairlead.VectorStore{ID: "vs", App: "a"}))
	canceled("Sweep", s.Sweep(ctx))
	sample.WantDocument(t, s, want)
	p.Clock.Add(time.Second)
	sample.Finish(t, s, job, fairlead.DocumentReady)
}

func testCounts(t *testing.T, p sample.Place) {
	s := p.Open()
	want := map[fairlead.DocumentStatus]int{}
	wantCensus := func(bytes int64) {
		t.Helper()
		got, err := p.Open().CountDocuments(t.Context(), "a")
		if err != nil || !maps.Equal(got.ByStatus, want) || got.Bytes != bytes {
			t.Errorf("got %+v, %v, want %v and %d", got, err, want, bytes)
		}
	}
	wantCensus(0)
	for n := 1; n <= 3; n++ {
		sample.Add(t, s, sample.Document("a", n))
	}
	sample.Add(t, s, sample.Document("b", 1))
	want[fairlead.DocumentQueued] = 3
	wantCensus(3006)
	job := sample.Claim(t, s, sample.DocumentID("a", 1))
	job.Document.Status = fairlead.DocumentIndexing
	if err := s.RenewJob(t.Context(), job, sample.Lease); err != nil {
		t.Fatal(err)
	}
	want[fairlead.DocumentQueued], want[fairlead.DocumentIndexing] = 2, 1
	wantCensus(3006)
	sample.Finish(t, s, job, fairlead.DocumentReady)
	delete(want, fairlead.DocumentIndexing)
	want[fairlead.DocumentReady] = 1
	wantCensus(3006)
	for n := 1; n <= 2; n++ {
		if _, ok, err := s.DeleteDocument(t.Context(), "a", sample.DocumentID("a", n)); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	delete(want, fairlead.DocumentReady)
	want[fairlead.DocumentQueued] = 1
	wantCensus(1003)
}
