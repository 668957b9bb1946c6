package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/ingest"
)

// ended waits for a document, at most five minutes.
func ended(t *testing.T, in *ingest.Ingester, id fairlead.DocumentID) fairlead.Document {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	d, err := in.Wait(ctx, "a", id)
	if err != nil {
		t.Fatalf("Wait: %v", err)
	}
	return d
}

func TestDocumentBecomesReady(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDesk()
		in, stop := start(t, s, plain)
		synctest.Wait()
		began := time.Now()
		s.add("file-1")
		in.Kick()
		d := ended(t, in, "file-1")
		if d.Status != fairlead.DocumentReady || d.Chunks != 1 || d.MediaType != "text/plain" || d.Pages != 1 {
			t.Errorf("got %+v", d)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("a kick took %v", took)
		}
		if s.index[1] != "text of file-1" {
			t.Errorf("got %q indexed", s.index[1])
		}
		s.add("file-2") // nobody tells
		if ended(t, in, "file-2"); time.Since(began) > 3*time.Second {
			t.Errorf("it took %v to find a job", time.Since(began))
		}
		stop()
		if got := in.Stats(); got.Running != 0 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestOtherEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDesk()
		in, stop := start(t, s, func(_ context.Context, d *fairlead.Document, _ fairlead.DocumentSink) error {
			d.Status, d.Code = fairlead.DocumentEncrypted, "encrypted"
			return nil
		})
		defer stop()
		s.add("file-1")
		s.add("file-lost")
		if d := ended(t, in, "file-1"); d.Status != fairlead.DocumentEncrypted || d.Code != "encrypted" {
			t.Errorf("got %+v", d)
		}
		if d := ended(t, in, "file-lost"); d.Status != fairlead.DocumentFailed || d.Code != "file_missing" {
			t.Errorf("got %+v", d)
		}
		if len(s.index) != 0 {
			t.Errorf("got %v indexed", s.index)
		}
	})
}

// TestLeaseIsKept reads a document for an hour without a word.
func TestLeaseIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDesk()
		var attempts atomic.Int32
		in, stop := start(t, s, func(ctx context.Context, d *fairlead.Document, to fairlead.DocumentSink) error {
			attempts.Add(1)
			select {
			case <-time.After(time.Hour):
			case <-ctx.Done():
				return ctx.Err()
			}
			return plain(ctx, d, to)
		})
		defer stop()
		s.add("file-1")
		<-time.After(30 * time.Minute)
		if got := s.get("file-1").Status; got != fairlead.DocumentExtracting {
			t.Errorf("got %s", got)
		}
		<-time.After(31 * time.Minute)
		if d := ended(t, in, "file-1"); d.Status != fairlead.DocumentReady || attempts.Load() != 1 {
			t.Errorf("got %+v after %d attempts", d, attempts.Load())
		}
		if s.renewals > 200 {
			t.Errorf("the lease was renewed %d times in an hour", s.renewals)
		}
	})
}

func TestProgressIsStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDesk()
		_, stop := start(t, s, func(ctx context.Context, d *fairlead.Document, to fairlead.DocumentSink) error {
			for page := 1; page <= 100; page++ {
				for range 100 { // now and then is not this often
					d.Pages, d.PagesDone, d.MediaType = 100, page, "application/pdf"
					if err := to.Progress(*d); err != nil {
						return err
					}
				}
				<-time.After(100 * time.Millisecond)
			}
			d.Status = fairlead.DocumentReady
			return ctx.Err()
		})
		defer stop()
		s.add("file-1")
		<-time.After(7 * time.Second)
		if d := s.get("file-1"); d.PagesDone < 35 || d.Pages != 100 || d.MediaType != "application/pdf" {
			t.Errorf("got %+v", d)
		}
		if s.renewals > 9 {
			t.Errorf("got %d renewals in 7 s", s.renewals)
		}
	})
}

// TestLostLease has another take the job: the first one drops it, quietly and at once.
func TestLostLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDesk()
		var ended atomic.Int32
		_, stop := start(t, s, func(ctx context.Context, _ *fairlead.Document, _ fairlead.DocumentSink) error {
			<-ctx.Done()
			ended.Add(1)
			return ctx.Err()
		})
		defer stop()
		s.add("file-1")
		<-time.After(5 * time.Second)
		s.mu.Lock()
		s.documents["file-1"].owner, s.documents["file-1"].attempt = "another", 2
		s.documents["file-1"].lease = time.Now().Add(time.Hour)
		s.mu.Unlock()
		<-time.After(time.Minute)
		if ended.Load() != 1 {
			t.Errorf("got %d readings ended", ended.Load())
		}
		if r := s.documents["file-1"]; r.owner != "another" || r.attempt != 2 || !r.job {
			t.Errorf("got %+v", r)
		}
	})
}

// TestStoreThatIsSilent loses the job before another can have it.
func TestStoreThatIsSilent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDesk()
		var lost atomic.Int64
		began := time.Now()
		_, stop := start(t, s, func(ctx context.Context, _ *fairlead.Document, _ fairlead.DocumentSink) error {
			<-ctx.Done()
			lost.CompareAndSwap(0, int64(time.Since(began)))
			return ctx.Err()
		})
		defer stop()
		s.add("file-1")
		<-time.After(5 * time.Second)
		s.mu.Lock()
		s.refuse = func(string) error { return errors.New("no connection") }
		s.mu.Unlock()
		<-time.After(3 * time.Minute)
		if at := time.Duration(lost.Load()); at < 30*time.Second || at > 90*time.Second {
			t.Errorf("the job was lost after %v", at)
		}
	})
}

func TestPoison(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]reader{
		"the reader dies": func(context.Context, *fairlead.Document, fairlead.DocumentSink) error {
			return &fairlead.Error{Kind: fairlead.Internal, Code: "extractor_crashed"}
		},
		"the reader panics": func(context.Context, *fairlead.Document, fairlead.DocumentSink) error { panic("at the disco") },
		"the reader forgets": func(context.Context, *fairlead.Document, fairlead.DocumentSink) error {
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newDesk()
				began, attempts := time.Now(), 0
				in, stop := start(t, s, func(ctx context.Context, d *fairlead.Document, to fairlead.DocumentSink) error {
					attempts++
					return fail(ctx, d, to)
				})
				defer stop()
				s.add("file-1")
				d := ended(t, in, "file-1")
				if d.Status != fairlead.DocumentFailed || d.Code != "poison_document" || d.Reason == "" || attempts != 3 {
					t.Errorf("got %+v after %d attempts", d, attempts)
				}
				if took := time.Since(began); took < 30*time.Second || took > time.Minute {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// TestFaultOfTheService: whatever goes wrong that is not the document's doing, the document
// is read when it is over, however long that took.
func TestFaultOfTheService(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]error{
		"reader: extractor_failed":    &fairlead.Error{Kind: fairlead.Internal, Code: "extractor_failed"},
		"reader: extractor_start":     &fairlead.Error{Kind: fairlead.Internal, Code: "extractor_start"},
		"reader: extractor_late":      &fairlead.Error{Kind: fairlead.Late, Code: "extractor_late"},
		"reader: some error":          errors.New("input/output error"),
		"index: some error":           errors.New("too many open files"),
		"index: search_index_damaged": &fairlead.Error{Kind: fairlead.Internal, Code: "search_index_damaged"},
		"content: some error":         errors.New("input/output error"),
		"finish: some error":          errors.New("input/output error"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { faultFor2h(t, name, fault) })
		})
	}
}

func faultFor2h(t *testing.T, name string, fault error) {
	t.Helper()
	at, _, _ := strings.Cut(name, ":")
	s := newDesk()
	over := time.Now().Add(2 * time.Hour)
	var attempts atomic.Int32
	s.refuse = func(doing string) error {
		if doing == at && time.Now().Before(over) {
			return fault
		}
		return nil
	}
	in, stop := start(t, s, func(ctx context.Context, d *fairlead.Document, to fairlead.DocumentSink) error {
		attempts.Add(1)
		if err := s.refuse("reader"); err != nil {
			return err
		}
		return plain(ctx, d, to)
	})
	defer stop()
	s.add("file-7")
	<-time.After(2 * time.Hour)
	if d := s.get("file-7"); d.Status.Ended() {
		t.Fatalf("got %+v", d)
	}
	if got := attempts.Load(); got < 20 || got > 30 { // every five minutes in the end
		t.Errorf("got %d attempts in two hours", got)
	}
	if d := ended(t, in, "file-7"); d.Status != fairlead.DocumentReady {
		t.Errorf("got %+v", d)
	}
	if got := s.documents["file-7"].attempt; got != 1 {
		t.Errorf("got %d attempts counted", got)
	}
}

// TestIndexPanics: that may be the document's doing, and ends neither the service nor the
// other documents.
func TestIndexPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDesk()
		first := true
		s.refuse = func(doing string) error {
			if doing == "index" && (first || s.documents["file-2"] == nil) {
				first = false
				panic("at the disco")
			}
			return nil
		}
		in, stop := start(t, s, plain)
		defer stop()
		s.add("file-1")
		if d := ended(t, in, "file-1"); d.Code != "poison_document" {
			t.Errorf("got %+v", d)
		}
		s.add("file-2")
		if d := ended(t, in, "file-2"); d.Status != fairlead.DocumentReady {
			t.Errorf("got %+v", d)
		}
	})
}

// TestIndexerDies: that may be the document's doing. It is left with a reason when it was
// tried a few times, and the others are read.
func TestIndexerDies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDesk()
		attempts := 0
		s.refuse = func(doing string) error {
			if doing == "index" && s.documents["file-2"] == nil {
				attempts++
				died := &fairlead.Error{Kind: fairlead.Internal, Code: "indexer_crashed"}
				return errors.Join(fmt.Errorf("put a document: %w", died), errors.New("and another"))
			}
			return nil
		}
		in, stop := start(t, s, plain)
		defer stop()
		began := time.Now()
		s.add("file-1")
		d := ended(t, in, "file-1")
		if d.Status != fairlead.DocumentFailed || d.Code != "poison_document" || d.Reason == "" || d.Chunks != 0 || attempts != 3 {
			t.Errorf("got %+v after %d attempts", d, attempts)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("it took %v", took)
		}
		if len(s.index) != 0 {
			t.Errorf("got %v indexed", s.index)
		}
		s.add("file-2")
		if d := ended(t, in, "file-2"); d.Status != fairlead.DocumentReady {
			t.Errorf("got %+v", d)
		}
	})
}

// TestPauseBegunAnew: a fault long ago makes no pause long.
func TestPauseBegunAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDesk()
		attempts := 0
		crashes := 6 // the sixth attempt, behind pauses of 30 s to 5 min
		in, stop := start(t, s, func(ctx context.Context, d *fairlead.Document, to fairlead.DocumentSink) error {
			switch attempts++; attempts {
			case crashes:
				return &fairlead.Error{Kind: fairlead.Internal, Code: "extractor_crashed"}
			case crashes + 2:
				return plain(ctx, d, to)
			}
			return &fairlead.Error{Kind: fairlead.Internal, Code: "extractor_start"}
		})
		defer stop()
		s.add("file-1")
		<-time.After((30 + 60 + 120 + 240 + 300 + 10) * time.Second)
		began := time.Now()
		if d := ended(t, in, "file-1"); d.Status != fairlead.DocumentReady || time.Since(began) > time.Minute {
			t.Errorf("got %+v after %v", d, time.Since(began))
		}
	})
}

// TestDiedOver is a document over which the whole service died ten times.
func TestDiedOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDesk()
		s.add("file-1")
		s.documents["file-1"].attempt = 10
		in, stop := start(t, s, func(context.Context, *fairlead.Document, fairlead.DocumentSink) error {
			t.Error("it is read again")
			return nil
		})
		defer stop()
		if d := ended(t, in, "file-1"); d.Code != "poison_document" {
			t.Errorf("got %+v", d)
		}
	})
}

// TestKilledBefore is a document that was being read when the service was killed, a few
// times.
func TestKilledBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDesk()
		s.add("file-1")
		s.documents["file-1"].attempt = 9
		in, stop := start(t, s, plain)
		defer stop()
		if d := ended(t, in, "file-1"); d.Status != fairlead.DocumentReady {
			t.Errorf("got %+v", d)
		}
	})
}

func TestStorageFull(t *testing.T) {
	t.Parallel()
	for _, doing := range []string{"content", "index", "finish", "renew", "claim"} {
		t.Run(doing, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { fullWhile(t, doing) })
		})
	}
}

// fullWhile has the disk be full for ten minutes, for one part of the work.
func fullWhile(t *testing.T, doing string) {
	t.Helper()
	s := newDesk()
	full := true
	s.refuse = func(at string) error {
		if full && at == doing {
			return &fairlead.Error{Kind: fairlead.Busy, Code: "storage_full"}
		}
		return nil
	}
	in, stop := start(t, s, plain)
	defer stop()
	s.add("file-1")
	<-time.After(10 * time.Minute) // many attempts
	if d := s.get("file-1"); d.Status.Ended() {
		t.Fatalf("got %+v", d)
	}
	if s.claims > 700 {
		t.Errorf("got %d claims", s.claims)
	}
	s.mu.Lock()
	full = false
	s.mu.Unlock()
	if d := ended(t, in, "file-1"); d.Status != fairlead.DocumentReady {
		t.Errorf("got %+v", d)
	}
	if got := s.documents["file-1"].attempt; got != 1 {
		t.Errorf("got %d attempts counted", got)
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDesk()
		s.add("file-1")
		s.add("file-2")
		_, stop := start(t, s, func(ctx context.Context, _ *fairlead.Document, to fairlead.DocumentSink) error {
			if err := to.Content(fairlead.DocumentContent{Text: []byte("half")}); err != nil {
				return err
			}
			<-ctx.Done()
			return ctx.Err()
		})
		<-time.After(time.Second)
		began := time.Now()
		stop()
		if took := time.Since(began); took != 0 {
			t.Errorf("the drain took %v", took)
		}
		for id, r := range s.documents {
			if r.attempt != 0 || r.owner != "" || r.content != nil || r.d.Status != fairlead.DocumentQueued {
				t.Errorf("%s is %+v", id, r)
			}
		}
		// Another process finds them at once.
		in, stop := start(t, s, plain)
		defer stop()
		if d := ended(t, in, "file-2"); d.Status != fairlead.DocumentReady || time.Since(began) > 3*time.Second {
			t.Errorf("got %+v after %v", d, time.Since(began))
		}
	})
}

func TestDeleteWhileItIsRead(t *testing.T) {
	t.Parallel()
	for _, told := range []string{"told", "not told"} {
		t.Run(told, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newDesk()
				var stopped atomic.Bool
				in, stop := start(t, s, func(ctx context.Context, _ *fairlead.Document, _ fairlead.DocumentSink) error {
					<-ctx.Done()
					stopped.Store(true)
					return ctx.Err()
				})
				defer stop()
				s.add("file-1")
				var group sync.WaitGroup
				group.Go(func() {
					if _, err := in.Wait(t.Context(), "a", "file-1"); !fairlead.IsKind(err, fairlead.NotFound) {
						t.Errorf("Wait: got %v", err)
					}
				})
				<-time.After(5 * time.Second)
				s.delete("file-1")
				if told == "told" {
					in.Deleted("a", "file-1")
					synctest.Wait()
				} else {
					<-time.After(30 * time.Second)
				}
				if !stopped.Load() {
					t.Error("it is still read")
				}
				group.Wait()
			})
		})
	}
}

// TestDeleteWhileItIsIndexed leaves nothing in the index.
func TestDeleteWhileItIsIndexed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDesk()
		s.refuse = func(doing string) error {
			if doing == "finish" {
				delete(s.documents, "file-1")
			}
			return nil
		}
		_, stop := start(t, s, plain)
		defer stop()
		s.add("file-1")
		<-time.After(5 * time.Second)
		if len(s.index) != 0 {
			t.Errorf("got %v indexed", s.index)
		}
	})
}

// TestWaitersAskTogether has a thousand wait for one document.
func TestWaitersAskTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDesk()
		in, stop := start(t, s, func(ctx context.Context, d *fairlead.Document, to fairlead.DocumentSink) error {
			select {
			case <-time.After(time.Minute):
			case <-ctx.Done():
			}
			return plain(ctx, d, to)
		})
		defer stop()
		s.add("file-1")
		<-time.After(3 * time.Second)
		var group sync.WaitGroup
		var ready, gaveUp atomic.Int32
		for i := range 1000 {
			group.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%2*100+20)*time.Second)
				defer cancel()
				d, err := in.Wait(ctx, "a", "file-1")
				switch {
				case err == nil && d.Status == fairlead.DocumentReady:
					ready.Add(1)
				case errors.Is(err, context.DeadlineExceeded):
					gaveUp.Add(1)
				default:
					t.Errorf("got %+v, %v", d, err)
				}
			})
		}
		group.Wait()
		if ready.Load() != 500 || gaveUp.Load() != 500 {
			t.Errorf("%d saw the end, %d gave up", ready.Load(), gaveUp.Load())
		}
		if s.asked > 600 { // some each time that one who had the turn gives up
			t.Errorf("the store was asked %d times", s.asked)
		}
		if _, err := in.Wait(t.Context(), "b", "file-1"); !fairlead.IsKind(err, fairlead.NotFound) {
			t.Errorf("another app's document: got %v", err)
		}
	})
}

func TestWorkersAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newDesk()
		var running, most atomic.Int32
		in, stop := start(t, s, func(ctx context.Context, d *fairlead.Document, to fairlead.DocumentSink) error {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			<-time.After(4 * time.Second)
			return plain(ctx, d, to)
		})
		defer stop()
		ids := []fairlead.DocumentID{"file-1", "file-2", "file-3", "file-4", "file-5", "file-6", "file-7"}
		for _, id := range ids {
			s.add(id)
		}
		in.Kick()
		<-time.After(6 * time.Second)
		if got := in.Stats(); got.Waiting != 5 || got.Running != 2 {
			t.Errorf("got %+v", got)
		}
		for _, id := range ids {
			if d := ended(t, in, id); d.Status != fairlead.DocumentReady {
				t.Errorf("got %+v", d)
			}
		}
		if most.Load() != 2 {
			t.Errorf("%d were read at the same time", most.Load())
		}
	})
}

func TestSweeps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, f := newDesk(), &files{}
		s.add("file-2")
		in := ingest.New(ingest.Config{
			Jobs: s, Documents: s, Contents: s, Blobs: f, Reader: reader(plain), Index: s, Selector: selector{s}, Sweeper: s,
			Logger: slog.New(slog.DiscardHandler),
		})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute+time.Second)
		defer cancel()
		if err := in.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if len(f.kept) != 2 || f.kept[0] || !f.kept[1] {
			t.Errorf("got %v kept", f.kept)
		}
		if s.swept != 6 {
			t.Errorf("swept %d times", s.swept)
		}
	})
}

// TestFilesAreSweptLater: a file that was too young at the start is asked about again
// while the service runs, as is one that could not be deleted; not often, as all are.
func TestFilesAreSweptLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, f := newDesk(), &files{}
		s.add("file-1")
		s.add("file-2")
		in := ingest.New(ingest.Config{
			Jobs: s, Documents: s, Contents: s, Blobs: f, Reader: reader(plain), Index: s, Selector: selector{s},
			Logger: slog.New(slog.DiscardHandler),
		})
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour+time.Second)
		defer cancel()
		var group sync.WaitGroup
		group.Go(func() {
			if err := in.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		<-time.After(time.Minute)
		if sweeps, kept := f.swept(); sweeps != 1 || !slices.Equal(kept, []bool{true, true}) {
			t.Errorf("got %v kept in %d sweeps", kept, sweeps)
		}
		s.delete("file-1")
		<-time.After(20 * time.Minute)
		if _, kept := f.swept(); !slices.Equal(kept, []bool{false, true}) {
			t.Errorf("got %v kept", kept)
		}
		group.Wait()
		if sweeps, _ := f.swept(); sweeps < 4 || sweeps > 7 {
			t.Errorf("swept %d times in %v", sweeps, time.Since(began))
		}
	})
}
