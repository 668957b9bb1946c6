package fairlead

import (
	"context"
	"io"
	"time"
)

// DocumentRoom is what one app may store. Zero values are no limit.
type DocumentRoom struct {
	Documents int
	Bytes     int64
}

// After is where a page of a list begins: behind the item with that id, or at the start
// where it is "". Items come in the order of their making; Newest turns it round. Limit
// is at least 1.
type After struct {
	ID     string
	Limit  int
	Newest bool
}

// DocumentStore keeps Documents, each for its app alone: an id of another app's is an id
// that is not there. Its methods block on storage. Errors are of Kind Internal, and Busy
// with Code "storage_full" where there is no room on the disk.
type DocumentStore interface {
	// AddDocument stores d, with a job to ingest it; both are on disk when it returns.
	// Where the app has a document of the same SHA256 that has not failed, it stores
	// nothing and returns that one, added false. An app that has no room gets an error of
	// Kind Limited with Code "documents_full".
	AddDocument(ctx context.Context, d Document, room DocumentRoom) (kept Document, added bool, err error)
	// Document returns the app's document with that id; ok is false if there is none.
	Document(ctx context.Context, app AppID, id DocumentID) (d Document, ok bool, err error)
	// ListDocuments returns a page of the app's documents. purpose, if not "", is that
	// of all of them. An After.ID that is not there is an error of Kind NotFound.
	ListDocuments(ctx context.Context, app AppID, after After, purpose string) ([]Document, error)
	// DeleteDocument deletes it with all that was derived from it, and takes it out of
	// its vector stores; ok is false if there was none.
	DeleteDocument(ctx context.Context, app AppID, id DocumentID) (d Document, ok bool, err error)
}

// DocumentSelector finds documents by what is known of them.
type DocumentSelector interface {
	// ReadyDocuments returns those of the app's documents that are ready, by their
	// Numbers, from after on; limit is the most that it returns.
	ReadyDocuments(ctx context.Context, app AppID, after int64, limit int) ([]Document, error)
	// DocumentsByID returns those that there are, of the app's, in any order and status.
	DocumentsByID(ctx context.Context, app AppID, ids []DocumentID) ([]Document, error)
	// DocumentApps returns the apps that have documents.
	DocumentApps(ctx context.Context) ([]AppID, error)
	// PendingEmbeddings returns ready documents whose EmbeddingPending is set, of all apps in
	// turn: the first of each, then the second of each, and so on. It may return fewer.
	PendingEmbeddings(ctx context.Context, limit int) ([]Document, error)
}

// DocumentJob is the right to ingest a document, until its lease ends.
type DocumentJob struct {
	Document Document
	// Owner is who has the lease; Attempt counts from 1.
	Owner   string
	Attempt int
}

// DocumentJobs hands out the work of ingesting. Whoever has a lease renews it before it
// ends; a job whose lease has ended is handed out again. Methods that take a job fail
// with Kind Gone where its lease is another's by now, or its document was deleted.
type DocumentJobs interface {
	// ClaimJob hands out the job that is due, of the app that has the fewest under way;
	// nil if there is none. Content of earlier attempts is gone when it returns.
	ClaimJob(ctx context.Context, owner string, lease time.Duration) (*DocumentJob, error)
	// RenewJob keeps the lease for that much longer, and notes how far the work has come:
	// Status, Pages, PagesDone and MediaType of job.Document.
	RenewJob(ctx context.Context, job *DocumentJob, lease time.Duration) error
	// FinishJob ends the job, with what has become of the document: all that job.Document
	// says but its ID, App, Number, Name, Metadata and Bytes. A document that is ready is
	// found from then on; the content of another one is deleted.
	FinishJob(ctx context.Context, job *DocumentJob) error
	// ReleaseJob gives the job back, to be handed out again; its content is deleted.
	ReleaseJob(ctx context.Context, job *DocumentJob, release JobRelease) error
}

// JobRelease is how a job is given back.
type JobRelease struct {
	NotBefore time.Time
	// Undone says that the attempt failed through no fault of the document's, and does
	// not count.
	Undone bool
}

// DocumentContent is a part of what was read from a document, in order: parts make the
// whole when they are put one behind the other.
type DocumentContent struct {
	Text     []byte // of the canonical text; Offset is where it begins
	Offset   int64
	Pages    []Page
	Sections []Section
	Tables   []Table
	Chunks   []Chunk // Text and Document are not set: they are in the canonical text
}

// DocumentText keeps canonical texts and what is known of them. What is added is seen
// only when its job is finished and the document ready. Readers get ok false, or nothing,
// for a document that is not there, not ready, or another app's.
type DocumentText interface {
	// AddContent adds a part to what the job's document has.
	AddContent(ctx context.Context, job *DocumentJob, part DocumentContent) error
	// Text returns bytes [start, end) of the canonical text, cut at its end.
	Text(ctx context.Context, app AppID, id DocumentID, at TextSpan) (text []byte, ok bool, err error)
	// Outline returns the pages, sections and tables.
	Outline(ctx context.Context, app AppID, id DocumentID) (o DocumentOutline, ok bool, err error)
}

// TextSpan is bytes [Start, End) of a canonical text.
type TextSpan struct{ Start, End int64 }

// DocumentOutline is how a document is laid out, each list in the text's order.
type DocumentOutline struct {
	Pages    []Page
	Sections []Section
	Tables   []Table
}

// DocumentChunks reads chunks.
type DocumentChunks interface {
	// Chunks returns the app's document's chunks, in order, from the one with that Seq
	// on; limit is the most that it returns. It reads the chunks of a document whose job
	// is under way too.
	Chunks(ctx context.Context, app AppID, id DocumentID, from, limit int) ([]Chunk, error)
	// ChunksByNumber returns those that there are, of the app's ready documents, in any
	// order.
	ChunksByNumber(ctx context.Context, app AppID, numbers []int64) ([]Chunk, error)
}

// Embedding is the vector of a chunk.
type Embedding struct {
	Chunk  int64 // its Number
	Vector []float32
}

// Embeddings keeps the vectors of chunks. space names the model that made them, and how
// long they are: vectors of two spaces can't be compared.
type Embeddings interface {
	// PutEmbeddings stores vectors of chunks of the app's document.
	PutEmbeddings(ctx context.Context, app AppID, id DocumentID, space string, vectors []Embedding) error
	// DocumentEmbeddings returns those of the app's document, in the order of its chunks,
	// from the one behind that Number on; limit is the most that it returns.
	DocumentEmbeddings(ctx context.Context, app AppID, id DocumentID, of EmbeddingRange) ([]Embedding, error)
	// EmbeddingsByNumber returns those that there are, of the app's chunks, in any order.
	EmbeddingsByNumber(ctx context.Context, app AppID, space string, numbers []int64) ([]Embedding, error)
	// SetEmbeddingPending notes whether vectors of the document are still to be made.
	SetEmbeddingPending(ctx context.Context, app AppID, id DocumentID, pending EmbeddingState) error
}

// EmbeddingRange is a part of a document's vectors.
type EmbeddingRange struct {
	Space string
	After int64
	Limit int
}

// EmbeddingState is whether vectors of a document are still to be made, and if so not
// before when.
type EmbeddingState struct {
	Pending   bool
	NotBefore time.Time
}

// VectorStoreID names a vector store: "vs_" and 24 characters.
type VectorStoreID string

// VectorStore is a set of an app's documents that is searched as one, as OpenAI's API
// has it.
type VectorStore struct {
	ID       VectorStoreID
	App      AppID
	Name     string
	Metadata map[string]string
	// Created and Active are when it was made, and last used. It expires ExpiresAfter
	// after Active, if that is not 0.
	Created, Active time.Time
	ExpiresAfter    time.Duration
}

// Expired reports whether it is searched no more at now.
func (s *VectorStore) Expired(now time.Time) bool {
	return s.ExpiresAfter > 0 && !now.Before(s.Active.Add(s.ExpiresAfter))
}

// VectorStoreFile is a document in a vector store.
type VectorStoreFile struct {
	// Number is its place in the store, given by whoever keeps it: those that were put
	// there later have higher ones.
	Number   int64
	Store    VectorStoreID
	Document Document
	// Attributes are what filters see in this store: strings, float64s and bools.
	Attributes map[string]any
	Added      time.Time
	// Batch is the id of the batch with which it came; "" if it was put there by itself.
	Batch string
	// Chunking is the chunking strategy that was asked for, as JSON; nil if none was.
	Chunking []byte
}

// VectorStores keeps vector stores, each for its app alone.
type VectorStores interface {
	// PutVectorStore inserts the store, or replaces the app's one with the same ID. An app
	// has a bounded number: beyond it is an error of Kind Limited, vector_stores_full.
	PutVectorStore(ctx context.Context, s VectorStore) error
	VectorStore(ctx context.Context, app AppID, id VectorStoreID) (s VectorStore, ok bool, err error)
	ListVectorStores(ctx context.Context, app AppID, after After) ([]VectorStore, error)
	// DeleteVectorStore deletes it; its documents stay.
	DeleteVectorStore(ctx context.Context, app AppID, id VectorStoreID) (ok bool, err error)
}

// VectorStoreFiles changes which documents are in a vector store.
type VectorStoreFiles interface {
	// PutVectorStoreFiles puts documents of the app's into a store of the app's, or
	// changes their Attributes there. Those that name a Batch are counted by it; one that
	// is not there is made. Documents that are not there are an error of Kind NotFound, more
	// than a store holds one of Kind Limited, vector_stores_full; then nothing is changed.
	PutVectorStoreFiles(ctx context.Context, app AppID, files []VectorStoreFile) error
	// SetVectorStoreFileAttributes changes what filters see of a file that is in a store; ok
	// is false if it is not.
	SetVectorStoreFileAttributes(ctx context.Context, app AppID, store VectorStoreID, id DocumentID, attributes map[string]any) (
		f VectorStoreFile, ok bool, err error)
	// RemoveVectorStoreFile takes a document out of a store; the document stays.
	RemoveVectorStoreFile(ctx context.Context, app AppID, store VectorStoreID, id DocumentID) (ok bool, err error)
}

// VectorStoreContents tells which documents are in a vector store.
type VectorStoreContents interface {
	VectorStoreFile(ctx context.Context, app AppID, store VectorStoreID, id DocumentID) (f VectorStoreFile, ok bool, err error)
	// ListVectorStoreFiles returns a page of a store's files; which narrows them.
	ListVectorStoreFiles(ctx context.Context, app AppID, store VectorStoreID, which VectorStoreFileList) ([]VectorStoreFile, error)
	CountVectorStoreFiles(ctx context.Context, app AppID, store VectorStoreID) (DocumentCensus, error)
}

// VectorStoreFileList says which files of a store are listed.
type VectorStoreFileList struct {
	After After
	// Behind, if not 0, is the Number behind which the page begins, instead of After.ID:
	// whoever reads a store to its end goes on there, though that file may be gone.
	Behind int64
	// Batch, if not "", is that of all of them; Statuses, if not nil, are those that
	// they may have.
	Batch    string
	Statuses []DocumentStatus
}

// VectorStoreBatch is files that were put into a vector store together.
type VectorStoreBatch struct {
	ID      string
	Store   VectorStoreID
	Created time.Time
	// Cancelled says that it was cancelled before all its files had been read.
	Cancelled bool
	// ByStatus counts its files. One that has left the store counts as it was then, and
	// one that failed in whatever way and has left as DocumentFailed. Withdrawn are those
	// that left before they had been read.
	ByStatus  map[DocumentStatus]int
	Withdrawn int
}

// VectorStoreBatches keeps batches for as long as their vector store is there. It may
// forget the oldest of a store that has had very many.
type VectorStoreBatches interface {
	VectorStoreBatch(ctx context.Context, app AppID, store VectorStoreID, id string) (b VectorStoreBatch, ok bool, err error)
	// CancelVectorStoreBatch withdraws those files of a batch that have not been read, and
	// returns what the batch is then; it changes nothing if there are none. They leave the
	// store, unless they are there with another batch too or were put there by themselves.
	CancelVectorStoreBatch(ctx context.Context, app AppID, store VectorStoreID, id string) (b VectorStoreBatch, ok bool, err error)
}

// DocumentCensus counts what an app or a store has.
type DocumentCensus struct {
	ByStatus map[DocumentStatus]int
	Bytes    int64
}

// DocumentCounts counts documents.
type DocumentCounts interface {
	CountDocuments(ctx context.Context, app AppID) (DocumentCensus, error)
	// CountJobs counts the jobs of all apps: those that wait and those under way.
	CountJobs(ctx context.Context) (waiting, running int, err error)
}

// DocumentReader makes canonical text and chunks of files. ReadDocument reads the file of
// d from its start, and blocks until it is read or ctx has ended, which ends whatever reads
// it at once. When it returns nil, d says what has become of it: its Status is
// DocumentReady, or the one that tells why there is no text, with Reason and Code; and
// MediaType, Pages, Chunks, TextBytes and About are set. An error means that the file was
// not judged: of Code "extractor_crashed" where whoever read it died, which may be the
// file's doing.
type DocumentReader interface {
	ReadDocument(ctx context.Context, file Blob, d *Document, to DocumentSink) error
}

// DocumentSink takes what is read, in order. An error ends the reading.
type DocumentSink interface {
	// Progress is called now and then with how far the reading has come: MediaType,
	// Pages and PagesDone.
	Progress(d Document) error
	Content(part DocumentContent) error
}

// BlobStore keeps the files of documents. Its methods block on storage; errors are of
// Kind Internal, and Busy with Code "storage_full" where there is no room on the disk.
type BlobStore interface {
	// PutBlob stores what from gives, and returns when it is on disk. An error of from is
	// returned as it is; then nothing is stored.
	PutBlob(ctx context.Context, id DocumentID, from io.Reader) (BlobSum, error)
	// OpenBlob opens a blob for reading. One that is not there is an error of Kind NotFound.
	OpenBlob(ctx context.Context, id DocumentID) (Blob, error)
	// DeleteBlob deletes it; it is no error if there is none.
	DeleteBlob(ctx context.Context, id DocumentID) error
	// SweepBlobs deletes the blobs that keep says false of, and what was left of
	// interrupted PutBlobs. Those that were begun after its call are left alone.
	SweepBlobs(ctx context.Context, keep func(ids []DocumentID) (kept []bool, err error)) error
}

// Blob is an open file of a document. One on the local disk is an *os.File.
type Blob interface {
	io.ReadSeekCloser
	io.ReaderAt
}

// BlobSum is what a blob holds.
type BlobSum struct {
	Bytes  int64
	SHA256 [32]byte
}
