package documenttest

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/storagetest/sample"
)

func wantJobs(t *testing.T, s sample.Store, waiting, running int) {
	t.Helper()
	w, r, err := s.CountJobs(t.Context())
	if w != waiting || r != running || err != nil {
		t.Errorf("CountJobs: %d waiting, %d running, %v, want %d and %d", w, r, err, waiting, running)
	}
}

// wantLost checks that the job is of no use any more.
func wantLost(t *testing.T, s sample.Store, job fairlead.DocumentJob) {
	t.Helper()
	sample.WantKind(t, "RenewJob", s.RenewJob(t.Context(), &job, sample.Lease), fairlead.Gone, "job_lost")
	sample.WantKind(t, "AddContent", s.AddContent(t.Context(), &job, fairlead.DocumentContent{Text: []byte("x")}), fairlead.Gone, "job_lost")
	sample.WantKind(t, "ReleaseJob", s.ReleaseJob(t.Context(), &job, fairlead.JobRelease{}), fairlead.Gone, "job_lost")
	job.Document.Status = fairlead.DocumentReady
	sample.WantKind(t, "FinishJob", s.FinishJob(t.Context(), &job), fairlead.Gone, "job_lost")
}

func testJobs(t *testing.T, p sample.Place) {
	s := p.Open()
	sample.WantNoJob(t, s)
	want := sample.Add(t, s, sample.Document("a", 1))
	wantJobs(t, s, 1, 0)
	job := sample.Claim(t, s, want.ID)
	if job.Owner != "worker" || job.Attempt != 1 || job.Document.Number != want.Number || job.Document.Name != want.Name {
		t.Errorf("claimed %+v", job)
	}
	sample.WantNoJob(t, s)
	sample.WantNoJob(t, p.Open())
	wantJobs(t, s, 0, 1)
	job.Document.Status, job.Document.Pages, job.Document.PagesDone = fairlead.DocumentExtracting, 20, 7
	job.Document.MediaType, job.Document.Reason = "text/plain", "not to be stored yet"
	if err := s.RenewJob(t.Context(), job, sample.Lease); err != nil {
		t.Fatal(err)
	}
	want.Status, want.Pages, want.PagesDone, want.MediaType = fairlead.DocumentExtracting, 20, 7, "text/plain"
	sample.WantDocument(t, s, want)

	end := fairlead.Document{
		ID: want.ID, App: "a", Number: 99, Name: "x", Bytes: 7, Metadata: map[string]any{"x": "y"}, // which stay as they were
		Purpose: want.Purpose, SHA256: want.SHA256, Created: want.Created,
		MediaType: "application/pdf", Status: fairlead.DocumentReady, Reason: "why", Code: "which", Pages: 21, PagesDone: 21,
		Chunks: 3, TextBytes: 1000, EmbeddingPending: true,
		About: fairlead.About{Title: "T", Language: "de", Company: "C", Period: "FY2018"},
	}
	finished := *job
	finished.Document = end
	if err := s.FinishJob(t.Context(), &finished); err != nil {
		t.Fatal(err)
	}
	end.Number, end.Name, end.Bytes, end.Metadata = want.Number, want.Name, want.Bytes, want.Metadata
	sample.WantDocument(t, s, end)
	sample.WantNoJob(t, s)
	wantJobs(t, s, 0, 0)
	wantLost(t, s, *job)
	sample.WantDocument(t, s, end)
}

// The app with the fewest jobs under way is next, then the document that waits longest.
func testJobsInTurn(t *testing.T, p sample.Place) {
	s := p.Open()
	for n := 1; n <= 4; n++ {
		sample.Add(t, s, sample.Document("a", n))
	}
	sample.Add(t, s, sample.Document("b", 1))
	sample.Add(t, s, sample.Document("b", 2))
	sample.Add(t, s, sample.Document("c", 1))
	var got []string
	jobs := make(map[string]*fairlead.DocumentJob)
	next := func() {
		job, err := s.ClaimJob(t.Context(), "w"+strconv.Itoa(len(got)), sample.Lease)
		if err != nil || job == nil {
			t.Fatalf("ClaimJob: %v, %v", job, err)
		}
		name := string(job.Document.App) + strings.TrimLeft(string(job.Document.ID)[6:], "0")
		got, jobs[name] = append(got, name), job
	}
	for range 5 {
		next()
	}
	sample.Finish(t, s, jobs["a1"], fairlead.DocumentReady)
	sample.Finish(t, s, jobs["a2"], fairlead.DocumentReady)
	next()
	next()
	if g := strings.Join(got, " "); g != "a1 b1 c1 a2 b2 a3 a4" {
		t.Errorf("claimed %s, want a1 b1 c1 a2 b2 a3 a4", g)
	}
	sample.WantNoJob(t, s)
}

func testJobsReleased(t *testing.T, p sample.Place) {
	s := p.Open()
	d := sample.Add(t, s, sample.Document("a", 1))
	attempt := func(want int) *fairlead.DocumentJob {
		t.Helper()
		job := sample.Claim(t, s, d.ID)
		if job.Attempt != want || job.Document.Status != fairlead.DocumentQueued || job.Document.PagesDone != 0 {
			t.Errorf("got attempt %d of %+v, want attempt %d, queued", job.Attempt, job.Document, want)
		}
		job.Document.Status, job.Document.PagesDone = fairlead.DocumentIndexing, 5
		if err := s.RenewJob(t.Context(), job, sample.Lease); err != nil {
			t.Fatal(err)
		}
		return job
	}
	release := func(job *fairlead.DocumentJob, r fairlead.JobRelease) {
		t.Helper()
		if err := s.ReleaseJob(t.Context(), job, r); err != nil {
			t.Fatal(err)
		}
		wantLost(t, s, *job)
	}
	release(attempt(1), fairlead.JobRelease{})
	release(attempt(2), fairlead.JobRelease{NotBefore: p.Clock.Now().Add(time.Hour)})
	sample.WantNoJob(t, s)
	wantJobs(t, s, 1, 0)
	p.Clock.Add(time.Hour - time.Microsecond)
	sample.WantNoJob(t, s)
	p.Clock.Add(time.Microsecond)
	release(attempt(3), fairlead.JobRelease{Undone: true})
	first := attempt(3)
	release(first, fairlead.JobRelease{})
	last := attempt(4)
	wantLost(t, s, *first)
	sample.Finish(t, s, last, fairlead.DocumentFailed)
}

func testLeaseEnds(t *testing.T, p sample.Place) {
	s, other := p.Open(), p.Open()
	d := sample.Add(t, s, sample.Document("a", 1))
	first := sample.Claim(t, s, d.ID)
	p.Clock.Add(sample.Lease - time.Second)
	if err := s.RenewJob(t.Context(), first, sample.Lease); err != nil {
		t.Fatal(err)
	}
	p.Clock.Add(sample.Lease - time.Second)
	sample.WantNoJob(t, other)
	p.Clock.Add(time.Second)
	wantJobs(t, s, 1, 0)
	if err := s.RenewJob(t.Context(), first, sample.Lease); err != nil {
		t.Errorf("a sample.Lease that ended, and is nobody's yet: %v", err)
	}
	sample.WantNoJob(t, other)
	for attempt := 2; attempt <= 5; attempt++ { // one that kills whoever takes it is counted
		p.Clock.Add(sample.Lease)
		job := sample.Claim(t, other, d.ID)
		if job.Attempt != attempt {
			t.Errorf("got attempt %d, want %d", job.Attempt, attempt)
		}
		wantLost(t, s, *first)
		first = job
	}
	sample.WantDocument(t, s, d)
}

func testJobOfDeletedDocument(t *testing.T, p sample.Place) {
	s := p.Open()
	b := sample.NewBook(1, 50_000)
	d := sample.Add(t, s, sample.Document("a", 1))
	job := sample.Claim(t, s, d.ID)
	sample.Write(t, s, job, b.Parts...)
	if _, ok, err := p.Open().DeleteDocument(t.Context(), "a", d.ID); !ok || err != nil {
		t.Fatal(ok, err)
	}
	wantLost(t, s, *job)
	wantJobs(t, s, 0, 0)
	sample.WantNoDocument(t, s, "a", d.ID)
	sample.WantNoChunks(t, s, "a", d.ID)
	p.Clock.Add(time.Hour)
	sample.WantNoJob(t, s)
	waiting := sample.Add(t, s, sample.Document("a", 2))
	if _, ok, err := s.DeleteDocument(t.Context(), "a", waiting.ID); !ok || err != nil {
		t.Fatal(ok, err)
	}
	sample.WantNoJob(t, s)
}

func testStatusesOfJobs(t *testing.T, p sample.Place) {
	s := p.Open()
	d := sample.Add(t, s, sample.Document("a", 1))
	job := sample.Claim(t, s, d.ID)
	job.Document.Status = fairlead.DocumentReady
	sample.WantKind(t, "RenewJob of an end", s.RenewJob(t.Context(), job, sample.Lease), fairlead.Internal, "")
	job.Document.Status = fairlead.DocumentIndexing
	sample.WantKind(t, "FinishJob of no end", s.FinishJob(t.Context(), job), fairlead.Internal, "")
	sample.WantDocument(t, s, d)
	foreign := *job
	foreign.Document.App = "b"
	wantLost(t, s, foreign)
	foreign = *job
	foreign.Owner = "thief"
	wantLost(t, s, foreign)
	sample.Finish(t, s, job, fairlead.DocumentUnsupported)
}

// A sample.Lease that was given while the clock was far ahead does not last that long.
func testClockGoesBack(t *testing.T, p sample.Place) {
	s := p.Open()
	d := sample.Add(t, s, sample.Document("a", 1))
	p.Clock.Add(24 * time.Hour)
	job := sample.Claim(t, s, d.ID)
	p.Clock.Add(-24 * time.Hour)
	wantJobs(t, s, 1, 0)
	again := sample.Claim(t, s, d.ID)
	if again.Attempt != 2 {
		t.Errorf("got attempt %d, want 2", again.Attempt)
	}
	wantLost(t, s, *job)
}

// Several workers of two processes never have the same job, whoever crashes.
func testClaimsConcurrent(t *testing.T, p sample.Place) {
	stores := []sample.Store{p.Open(), p.Open()}
	const documents, workers = 24, 4
	for n := range documents {
		sample.Add(t, stores[0], sample.Document(fairlead.AppID("ab"[n%2:n%2+1]), n))
	}
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		seen = make(map[fairlead.DocumentID]int)
	)
	for worker := range workers {
		wg.Go(func() {
			s, owner := stores[worker%len(stores)], "worker-"+strconv.Itoa(worker)
			for {
				job, err := takeAndFinish(t.Context(), s, owner)
				if err != nil {
					t.Error(err)
				}
				if job == nil {
					return
				}
				mu.Lock()
				seen[job.Document.ID]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for id, times := range seen {
		if times != 1 {
			t.Errorf("%s was handed out %d times", id, times)
		}
	}
	if len(seen) != documents {
		t.Errorf("%d documents were handed out, want %d", len(seen), documents)
	}
	wantJobs(t, stores[0], 0, 0)
}

// takeAndFinish claims a job, if there is one, and does what there is to do.
func takeAndFinish(ctx context.Context, s sample.Store, owner string) (*fairlead.DocumentJob, error) {
	job, err := s.ClaimJob(ctx, owner, sample.Lease)
	if job == nil || err != nil {
		return nil, err
	}
	err = s.RenewJob(ctx, job, sample.Lease)
	job.Document.Status = fairlead.DocumentReady
	return job, errors.Join(err, s.FinishJob(ctx, job))
}
