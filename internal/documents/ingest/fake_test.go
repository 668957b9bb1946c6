package ingest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/ingest"
)

// desk is a store of documents and jobs, their files and an index, all in memory.
type desk struct {
	mu        sync.Mutex
	documents map[fairlead.DocumentID]*row
	numbers   int64
	index     map[int64]string // what is indexed: the content of then
	asked     int              // how often a document was looked up
	claims    int
	renewals  int
	swept     int
	refuse    func(doing string) error // what is to fail
}

type row struct {
	d         fairlead.Document
	job       bool
	owner     string
	attempt   int
	lease     time.Time
	notBefore time.Time
	content   []byte
}

func newDesk() *desk {
	return &desk{documents: make(map[fairlead.DocumentID]*row), index: make(map[int64]string)}
}

// add stores a document to be ingested.
func (s *desk) add(id fairlead.DocumentID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.numbers++
	s.documents[id] = &row{d: fairlead.Document{ID: id, App: "a", Number: s.numbers, Status: fairlead.DocumentQueued}, job: true}
}

func (s *desk) get(id fairlead.DocumentID) fairlead.Document {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.documents[id]; r != nil {
		return r.d
	}
	return fairlead.Document{}
}

func (s *desk) delete(id fairlead.DocumentID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.documents, id)
}

func (s *desk) fails(doing string) error {
	if s.refuse == nil {
		return nil
	}
	return s.refuse(doing)
}

func (s *desk) Document(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID) (fairlead.Document, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if r := s.documents[id]; r != nil && r.d.App == app {
		return r.d, true, ctx.Err()
	}
	return fairlead.Document{}, false, ctx.Err()
}

func (s *desk) ClaimJob(ctx context.Context, owner string, lease time.Duration) (*fairlead.DocumentJob, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims++
	if err := errors.Join(ctx.Err(), s.fails("claim")); err != nil {
		return nil, err
	}
	var next *row
	for _, r := range s.documents {
		if r.job && !time.Now().Before(r.lease) && !time.Now().Before(r.notBefore) && (next == nil || r.d.Number < next.d.Number) {
			next = r
		}
	}
	if next == nil {
		return nil, nil
	}
	next.owner, next.lease, next.content = owner, time.Now().Add(lease), nil
	next.attempt++
	next.d.Status = fairlead.DocumentQueued
	return &fairlead.DocumentJob{Document: next.d, Owner: owner, Attempt: next.attempt}, nil
}

// held is the row of a job whose lease is still its owner's.
func (s *desk) held(ctx context.Context, doing string, job *fairlead.DocumentJob) (*row, error) {
	if err := errors.Join(ctx.Err(), s.fails(doing)); err != nil {
		return nil, err
	}
	r := s.documents[job.Document.ID]
	if r == nil || !r.job || r.owner != job.Owner || r.attempt != job.Attempt {
		return nil, &fairlead.Error{Kind: fairlead.Gone, Code: "job_lost"}
	}
	return r, nil
}

func (s *desk) RenewJob(ctx context.Context, job *fairlead.DocumentJob, lease time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renewals++
	r, err := s.held(ctx, "renew", job)
	if err != nil {
		return err
	}
	if job.Document.Status.Ended() {
		return errors.New("a job under way has ended")
	}
	r.lease = time.Now().Add(lease)
	r.d.Status, r.d.Pages, r.d.PagesDone, r.d.MediaType = job.Document.Status, job.Document.Pages, job.Document.PagesDone, job.Document.MediaType
	return nil
}

func (s *desk) FinishJob(ctx context.Context, job *fairlead.DocumentJob) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.held(ctx, "finish", job)
	if err != nil {
		return err
	}
	if !job.Document.Status.Ended() {
		return errors.New("a job ends as " + string(job.Document.Status))
	}
	if job.Document.Status == fairlead.DocumentReady && s.index[r.d.Number] != string(r.content) {
		return errors.New("a document is ready before it is indexed")
	}
	r.d, r.job = job.Document, false
	return nil
}

func (s *desk) ReleaseJob(ctx context.Context, job *fairlead.DocumentJob, release fairlead.JobRelease) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.held(ctx, "release", job)
	if err != nil {
		return err
	}
	r.lease, r.owner, r.notBefore, r.content = time.Time{}, "", release.NotBefore, nil
	if release.Undone {
		r.attempt--
	}
	r.d.Status = fairlead.DocumentQueued
	return nil
}

func (s *desk) AddContent(ctx context.Context, job *fairlead.DocumentJob, part fairlead.DocumentContent) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.held(ctx, "content", job)
	if err != nil {
		return err
	}
	r.content = append(r.content, part.Text...)
	return nil
}

func (s *desk) Add(ctx context.Context, d fairlead.Document) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := errors.Join(ctx.Err(), s.fails("index")); err != nil {
		return err
	}
	if r := s.documents[d.ID]; r != nil {
		s.index[d.Number] = string(r.content)
	}
	return nil
}

func (s *desk) Remove(ctx context.Context, _ fairlead.AppID, number int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.index, number)
	return ctx.Err()
}

func (s *desk) Sweep(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.swept++
	return nil
}

func (s *desk) CountJobs(context.Context) (waiting, running int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.documents {
		if r.job {
			waiting++
		}
	}
	return waiting, 0, nil
}

// selector are the desk's documents by app.
type selector struct{ *desk }

func (s selector) DocumentApps(context.Context) ([]fairlead.AppID, error) {
	return []fairlead.AppID{"a", "b"}, nil
}

func (s selector) DocumentsByID(_ context.Context, app fairlead.AppID, ids []fairlead.DocumentID) (list []fairlead.Document, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, r := range s.documents {
		if r.d.App == app && slices.Contains(ids, id) {
			list = append(list, r.d)
		}
	}
	return list, nil
}

func (s selector) ReadyDocuments(context.Context, fairlead.AppID, int64, int) ([]fairlead.Document, error) {
	return nil, nil
}

func (s selector) PendingEmbeddings(context.Context, int) ([]fairlead.Document, error) {
	return nil, nil
}

// files are blobs: every document has one, but for those called "file-lost".
type files struct {
	mu     sync.Mutex
	kept   []bool // what a sweep was told of "file-1", "file-2"
	sweeps int
}

type file struct{ *bytes.Reader }

func (file) Close() error { return nil }

func (f *files) PutBlob(context.Context, fairlead.DocumentID, io.Reader) (fairlead.BlobSum, error) {
	return fairlead.BlobSum{}, nil
}

func (f *files) OpenBlob(_ context.Context, id fairlead.DocumentID) (fairlead.Blob, error) {
	if id == "file-lost" {
		return nil, &fairlead.Error{Kind: fairlead.NotFound, Code: "no_blob"}
	}
	return file{bytes.NewReader([]byte(id))}, nil
}

func (f *files) DeleteBlob(context.Context, fairlead.DocumentID) error { return nil }

func (f *files) SweepBlobs(_ context.Context, keep func(ids []fairlead.DocumentID) ([]bool, error)) error {
	kept, err := keep([]fairlead.DocumentID{"file-1", "file-2"})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sweeps, f.kept = f.sweeps+1, kept
	return err
}

// swept is how many sweeps there were, and what the last one was told.
func (f *files) swept() (sweeps int, kept []bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sweeps, f.kept
}

// reader reads documents as it is told to.
type reader func(ctx context.Context, d *fairlead.Document, to fairlead.DocumentSink) error

func (r reader) ReadDocument(ctx context.Context, _ fairlead.Blob, d *fairlead.Document, to fairlead.DocumentSink) error {
	return r(ctx, d, to)
}

// plain is how most documents are read.
func plain(_ context.Context, d *fairlead.Document, to fairlead.DocumentSink) error {
	d.MediaType, d.Pages, d.PagesDone = "text/plain", 1, 1
	if err := to.Content(fairlead.DocumentContent{Text: []byte("text of " + string(d.ID))}); err != nil {
		return err
	}
	if err := to.Progress(*d); err != nil {
		return err
	}
	d.Status, d.Chunks, d.TextBytes = fairlead.DocumentReady, 1, 8
	return nil
}

// start runs an Ingester over the desk, until stop is called.
func start(t *testing.T, s *desk, read reader) (in *ingest.Ingester, stop func()) {
	t.Helper()
	in = ingest.New(ingest.Config{
		Jobs: s, Documents: s, Contents: s, Blobs: &files{}, Reader: read, Index: s, Counts: s, Sweeper: s, Workers: 2,
		Logger: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		if err := in.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	stopped := sync.OnceFunc(func() {
		cancel()
		group.Wait()
	})
	t.Cleanup(stopped)
	return in, stopped
}
