package documenttest

import (
	"bytes"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/storagetest/sample"
)

func testContent(t *testing.T, p sample.Place) {
	s := p.Open()
	one, two := sample.NewBook(1, 100_000), sample.NewBook(2, 30_000)
	a := sample.Ready(t, s, sample.Document("a", 1), one.Parts...)
	b := sample.Ready(t, s, sample.Document("a", 2), two.Parts...)
	empty := sample.Ready(t, s, sample.Document("a", 3))
	for _, s := range []sample.Store{s, p.Open()} {
		sample.WantBook(t, s, a, one)
		sample.WantBook(t, s, b, two)
		sample.WantBook(t, s, empty, sample.Book{Text: []byte{}})
	}
	chunks, err := s.Chunks(t.Context(), "a", a.ID, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ from, limit int }{{0, 1}, {1, 3}, {len(chunks) - 1, 5}, {len(chunks), 5}, {0, 0}} {
		got, err := s.Chunks(t.Context(), "a", a.ID, tt.from, tt.limit)
		if err != nil {
			t.Fatal(err)
		}
		sample.WantChunks(t, a, got, one.Chunks[tt.from:min(tt.from+tt.limit, len(chunks))])
	}
	others, err := s.Chunks(t.Context(), "a", b.ID, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := []fairlead.Chunk{chunks[7], chunks[3], others[0]}
	got, err := s.ChunksByNumber(t.Context(), "a", []int64{chunks[7].Number, 1 << 40, -1, chunks[3].Number, chunks[7].Number, others[0].Number})
	if err != nil {
		t.Fatal(err)
	}
	sortChunks(got)
	sortChunks(want)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("ChunksByNumber: got  %+v\nwant %+v", got, want)
	}
	if got, err := s.ChunksByNumber(t.Context(), "a", nil); err != nil || len(got) != 0 {
		t.Errorf("no numbers: %v, %v", got, err)
	}
}

func sortChunks(chunks []fairlead.Chunk) {
	slices.SortFunc(chunks, func(a, b fairlead.Chunk) int { return int(a.Number - b.Number) })
}

// wantUnseen checks that the document is found by none of those who look for ready ones.
func wantUnseen(t *testing.T, s sample.Store, d fairlead.Document, numbers ...int64) {
	t.Helper()
	sample.WantUnread(t, s, d.App, d.ID)
	if chunks, err := s.ChunksByNumber(t.Context(), d.App, numbers); err != nil || len(chunks) != 0 {
		t.Errorf("ChunksByNumber(%v): got %d, %v, want none", numbers, len(chunks), err)
	}
	if vectors, err := s.EmbeddingsByNumber(t.Context(), d.App, "m", numbers); err != nil || len(vectors) != 0 {
		t.Errorf("EmbeddingsByNumber(%v): got %d, %v, want none", numbers, len(vectors), err)
	}
	vectors, err := s.DocumentEmbeddings(t.Context(), d.App, d.ID, fairlead.EmbeddingRange{Space: "m", Limit: 9})
	if err != nil || len(vectors) != 0 {
		t.Errorf("DocumentEmbeddings(%s): got %d, %v, want none", d.ID, len(vectors), err)
	}
	documents, err := s.ReadyDocuments(t.Context(), d.App, d.Number-1, 1)
	if err != nil || len(documents) > 0 && documents[0].ID == d.ID {
		t.Errorf("ReadyDocuments: got %s, %v", sample.IDs(documents), err)
	}
}

// A document is seen whole from the moment on that its job is finished, and not before;
// what an attempt leaves that did not come to an end is never seen.
func testContentIsSeenWhenReady(t *testing.T, p sample.Place) {
	s, reader := p.Open(), p.Open()
	b := sample.NewBook(3, 60_000)
	d := sample.Add(t, s, sample.Document("a", 1))
	wantUnseen(t, reader, d)
	sample.WantNoChunks(t, reader, "a", d.ID)
	var numbers []int64
	under := func(job *fairlead.DocumentJob) {
		t.Helper()
		chunks, err := reader.Chunks(t.Context(), "a", d.ID, 0, 1000) // which sees it
		if err != nil {
			t.Fatal(err)
		}
		sample.WantChunks(t, d, chunks, b.Chunks)
		if len(numbers) > 0 && chunks[0].Number <= numbers[len(numbers)-1] {
			t.Errorf("chunk %d comes behind %d", chunks[0].Number, numbers[len(numbers)-1])
		}
		for _, c := range chunks {
			numbers = append(numbers, c.Number)
		}
		vectors := []fairlead.Embedding{{Chunk: chunks[0].Number, Vector: []float32{1}}}
		if err := s.PutEmbeddings(t.Context(), "a", job.Document.ID, "m", vectors); err != nil {
			t.Fatal(err)
		}
		wantUnseen(t, reader, d, numbers...)
	}
	crashed := sample.Claim(t, s, d.ID)
	sample.Write(t, s, crashed, b.Parts...)
	under(crashed)
	p.Clock.Add(sample.Lease)
	released := sample.Claim(t, s, d.ID)
	sample.WantNoChunks(t, reader, "a", d.ID)
	sample.Write(t, s, released, b.Parts...)
	under(released)
	if err := s.ReleaseJob(t.Context(), released, fairlead.JobRelease{}); err != nil {
		t.Fatal(err)
	}
	sample.WantNoChunks(t, reader, "a", d.ID)
	wantUnseen(t, reader, d, numbers...)
	last := sample.Claim(t, s, d.ID)
	sample.Write(t, s, last, b.Parts...)
	under(last)
	sample.Finish(t, s, last, fairlead.DocumentReady)
	sample.WantBook(t, reader, d, b)
	if chunks, err := reader.ChunksByNumber(t.Context(), "a", numbers); err != nil || len(chunks) != len(b.Chunks) {
		t.Errorf("ChunksByNumber: got %d, %v, want %d", len(chunks), err, len(b.Chunks))
	}

	bad := sample.Add(t, s, sample.Document("a", 2))
	job := sample.Claim(t, s, bad.ID)
	sample.Write(t, s, job, b.Parts...)
	sample.Finish(t, s, job, fairlead.DocumentLimitHit)
	wantUnseen(t, reader, bad)
	sample.WantNoChunks(t, reader, "a", bad.ID)
}

func testContentInOrder(t *testing.T, p sample.Place) {
	s := p.Open()
	d := sample.Add(t, s, sample.Document("a", 1))
	job := sample.Claim(t, s, d.ID)
	first := fairlead.DocumentContent{Text: []byte("0123456789")}
	sample.Write(t, s, job, first)
	sample.WantKind(t, "the same part again", s.AddContent(t.Context(), job, first), fairlead.Internal, "")
	overlap := fairlead.DocumentContent{Text: []byte("x"), Offset: 9}
	sample.WantKind(t, "an overlap", s.AddContent(t.Context(), job, overlap), fairlead.Internal, "")
	gap := fairlead.DocumentContent{Text: []byte("x"), Offset: 11, Chunks: []fairlead.Chunk{{End: 3}}}
	sample.WantKind(t, "a gap", s.AddContent(t.Context(), job, gap), fairlead.Internal, "")
	twice := fairlead.DocumentContent{Chunks: []fairlead.Chunk{{End: 3}, {End: 4}}}
	sample.WantKind(t, "a chunk twice", s.AddContent(t.Context(), job, twice), fairlead.Internal, "")
	sample.WantNoChunks(t, s, "a", d.ID) // whole or not at all
	chunks := []fairlead.Chunk{{End: 12}, {Seq: 1, Start: 12, End: 12}, {Seq: 2, Start: 8, End: 20}}
	second := fairlead.DocumentContent{Text: []byte("ab"), Offset: 10, Chunks: chunks}
	sample.Write(t, s, job, second, fairlead.DocumentContent{})
	job.Document.TextBytes = 12
	sample.Finish(t, s, job, fairlead.DocumentReady)
	got, err := s.Chunks(t.Context(), "a", d.ID, 0, 9)
	if err != nil {
		t.Fatal(err)
	}
	chunks[0].Text, chunks[2].Text = "0123456789ab", "89ab"
	sample.WantChunks(t, d, got, chunks)
}

func testTextSpans(t *testing.T, p sample.Place) {
	s := p.Open()
	b := sample.NewBook(4, 200_000)
	d := sample.Ready(t, s, sample.Document("a", 1), b.Parts...)
	length := int64(len(b.Text))
	wantSpan := func(start, end int64) {
		t.Helper()
		text, ok, err := s.Text(t.Context(), "a", d.ID, fairlead.TextSpan{Start: start, End: end})
		from := min(max(start, 0), length)
		if want := b.Text[from:max(min(end, length), from)]; err != nil || !ok || !bytes.Equal(text, want) {
			t.Errorf("Text(%d, %d): got %d bytes, %v, %v, want %d", start, end, len(text), ok, err, len(want))
		}
	}
	for _, at := range [][2]int64{
		{0, 0},
		{0, length},
		{0, math.MaxInt64},
		{math.MinInt64, math.MaxInt64},
		{-5, 5},
		{length - 1, length + 1},
		{length, length + 1},
		{math.MaxInt64 - 1, math.MaxInt64},
		{10, 5},
		{10, -5},
	} {
		wantSpan(at[0], at[1])
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		start := random.Int64N(length)
		wantSpan(start, start+random.Int64N(40_000))
	}
}

// More numbers than a statement of some databases has places for.
func testManyChunks(t *testing.T, p sample.Place) {
	s := p.Open()
	const many = 12_000
	part := fairlead.DocumentContent{Text: bytes.Repeat([]byte("0123456789"), many)}
	for n := range many {
		part.Chunks = append(part.Chunks, fairlead.Chunk{Seq: n, Start: int64(10 * n), End: int64(10*n + 10)})
	}
	d := sample.Ready(t, s, sample.Document("a", 1), part)
	first, err := s.Chunks(t.Context(), "a", d.ID, 0, 1)
	if err != nil || len(first) != 1 {
		t.Fatal(first, err)
	}
	numbers := make([]int64, many)
	for n := range numbers {
		numbers[n] = first[0].Number + int64(n)
	}
	chunks, err := s.ChunksByNumber(t.Context(), "a", numbers)
	if err != nil || len(chunks) != many {
		t.Fatalf("got %d, %v, want %d", len(chunks), err, many)
	}
	for _, c := range chunks {
		if c.Text != "0123456789" {
			t.Fatalf("chunk %d has text %q", c.Seq, c.Text)
		}
	}
}

func testEmbeddings(t *testing.T, p sample.Place) {
	s := p.Open()
	b := sample.NewBook(5, 40_000)
	d := sample.Ready(t, s, sample.Document("a", 1), b.Parts...)
	other := sample.Ready(t, s, sample.Document("a", 2), b.Parts...)
	chunks, err := s.Chunks(t.Context(), "a", d.ID, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := s.Chunks(t.Context(), "a", other.ID, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	put := func(space string, vectors ...fairlead.Embedding) {
		t.Helper()
		if err := s.PutEmbeddings(t.Context(), "a", d.ID, space, vectors); err != nil {
			t.Fatal(err)
		}
	}
	vector := func(n int, values ...float32) fairlead.Embedding {
		return fairlead.Embedding{Chunk: chunks[n].Number, Vector: values}
	}
	inf := float32(math.Inf(-1))
	put("m", vector(2, 1, 2.5, inf), vector(0, 9, 9, 9), fairlead.Embedding{Chunk: foreign[0].Number, Vector: []float32{7}})
	put("m", vector(0, math.MaxFloat32, -0.1, math.SmallestNonzeroFloat32), vector(1, 0, 0, 1))
	put("n", vector(1, 5))
	want := []fairlead.Embedding{
		vector(0, math.MaxFloat32, -0.1, math.SmallestNonzeroFloat32), vector(1, 0, 0, 1), vector(2, 1, 2.5, inf),
	}
	wantRange := func(of fairlead.EmbeddingRange, want []fairlead.Embedding) {
		t.Helper()
		got, err := s.DocumentEmbeddings(t.Context(), "a", d.ID, of)
		if err != nil || len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("%+v: got %v, %v, want %v", of, got, err, want)
		}
	}
	wantRange(fairlead.EmbeddingRange{Space: "m", Limit: 9}, want)
	wantRange(fairlead.EmbeddingRange{Space: "m", Limit: 2}, want[:2])
	wantRange(fairlead.EmbeddingRange{Space: "m", After: chunks[0].Number, Limit: 9}, want[1:])
	wantRange(fairlead.EmbeddingRange{Space: "m", After: chunks[2].Number, Limit: 9}, nil)
	wantRange(fairlead.EmbeddingRange{Space: "n", Limit: 9}, []fairlead.Embedding{vector(1, 5)})
	wantRange(fairlead.EmbeddingRange{Space: "unknown", Limit: 9}, nil)
	numbers := []int64{chunks[2].Number, foreign[0].Number, 1 << 40, chunks[0].Number, chunks[2].Number}
	got, err := s.EmbeddingsByNumber(t.Context(), "a", "m", numbers)
	slices.SortFunc(got, func(a, b fairlead.Embedding) int { return int(a.Chunk - b.Chunk) })
	if err != nil || !reflect.DeepEqual(got, []fairlead.Embedding{want[0], want[2]}) {
		t.Errorf("by number: %v, %v", got, err)
	}
	err = s.PutEmbeddings(t.Context(), "a", "file-unknown", "m", nil)
	sample.WantKind(t, "vectors of no document", err, fairlead.NotFound, "document_not_found")
}

func testPendingEmbeddings(t *testing.T, p sample.Place) {
	s := p.Open()
	for n := 1; n <= 3; n++ {
		sample.Add(t, s, sample.Document("a", n))
		job := sample.Claim(t, s, sample.DocumentID("a", n))
		job.Document.EmbeddingPending = n != 2
		sample.Finish(t, s, job, fairlead.DocumentReady)
	}
	waits := sample.Add(t, s, sample.Document("b", 4))
	set := func(app fairlead.AppID, id fairlead.DocumentID, state fairlead.EmbeddingState) {
		t.Helper()
		if err := s.SetEmbeddingPending(t.Context(), app, id, state); err != nil {
			t.Error(err)
		}
	}
	wantPending := func(limit int, want string) {
		t.Helper()
		if got, err := s.PendingEmbeddings(t.Context(), limit); err != nil || sample.IDs(got) != want {
			t.Errorf("pending are %q, %v, want %q", sample.IDs(got), err, want)
		}
	}
	wantPending(9, "1 3")
	wantPending(1, "1")
	set("a", sample.DocumentID("a", 1), fairlead.EmbeddingState{Pending: true, NotBefore: p.Clock.Now().Add(time.Minute)})
	set("a", sample.DocumentID("a", 2), fairlead.EmbeddingState{Pending: true})
	set("a", sample.DocumentID("a", 3), fairlead.EmbeddingState{})
	set("b", waits.ID, fairlead.EmbeddingState{Pending: true}) // not ready
	wantPending(9, "2")
	p.Clock.Add(time.Minute)
	wantPending(9, "2 1")
	sample.Finish(t, s, sample.Claim(t, s, waits.ID), fairlead.DocumentFailed)
	// The apps have their turns, however much one of them has.
	for n := 5; n <= 25; n++ {
		app := fairlead.AppID("a")
		if n > 23 {
			app = "b"
		}
		d := sample.Add(t, s, sample.Document(app, n))
		sample.Finish(t, s, sample.Claim(t, s, d.ID), fairlead.DocumentReady)
		set(app, d.ID, fairlead.EmbeddingState{Pending: true, NotBefore: p.Clock.Now()})
	}
	wantPending(5, "2 24 1 25 5")
	wantPending(1, "2")
	d, _, err := s.Document(t.Context(), "a", sample.DocumentID("a", 3))
	if err != nil || d.EmbeddingPending {
		t.Errorf("%+v, %v: still pending", d, err)
	}
	for _, of := range []fairlead.AppID{"b", "a"} {
		err := s.SetEmbeddingPending(t.Context(), of, sample.DocumentID("a", 99), fairlead.EmbeddingState{})
		sample.WantKind(t, "of no document", err, fairlead.NotFound, "document_not_found")
	}
}
