//go:build linux

package worker

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/fairleadhq/fairlead"
)

// The processor time that a child may take to read, and what one takes to prepare that is
// slow: more.
const (
	mayRead   = 2 * time.Second
	preparing = 2500 * time.Millisecond
)

// spin takes processor time.
func spin(most time.Duration) error {
	for {
		var used syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
			return err
		}
		if time.Duration(used.Utime.Nano()+used.Stime.Nano()) >= most {
			return nil
		}
	}
}

// misprepare prepares as its name says, and leaves a file in the cache that tells of it.
func misprepare(name, cache string) error {
	f, err := os.CreateTemp(cache, "began-*")
	if err != nil {
		return err
	}
	defer f.Close()
	switch name {
	case "cache-slow":
		return spin(preparing)
	case "cache-naps":
		<-time.After(time.Second)
		return nil
	case "cache-panics":
		panic("at the disco")
	}
	return errors.New("no such code")
}

// cached is a Runner of such children, and how many have prepared.
func cached(t *testing.T, child string) (r *Runner, begun func() int) {
	t.Helper()
	r = runner(t, child, Limits{CPU: mayRead})
	dir := t.TempDir()
	r.config.CacheDir = dir
	return r, func() int {
		files, err := filepath.Glob(filepath.Join(dir, "began-*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
}

// reads has a file read, and returns the code of the error or of the document.
func reads(ctx context.Context, t *testing.T, r *Runner, text string) string {
	t.Helper()
	var to collected
	var d fairlead.Document
	err := r.ReadDocument(ctx, blob(t, []byte(text)), &d, &to)
	if e, ok := errors.AsType[*fairlead.Error](err); ok {
		return e.Code
	}
	if err != nil {
		t.Error(err)
	}
	return d.Code
}

const (
	aPDF  = "\n%PDF-1.7\nand so on"
	aText = "a text\n"
)

// TestSeveralWaitForOneCache: the first PDFs wait for one child that prepares, which has
// limits of its own; other files do not wait, and who is called off leaves at once.
func TestSeveralWaitForOneCache(t *testing.T) {
	defer goleak.VerifyNone(t)
	r, begun := cached(t, "cache-slow")
	var group sync.WaitGroup
	var read atomic.Int32
	for range 4 {
		group.Go(func() {
			if got := reads(t.Context(), t, r, aPDF); got != "" {
				t.Errorf("a PDF ended as %q", got)
			}
			read.Add(1)
		})
	}
	group.Go(func() {
		for begun() == 0 && read.Load() == 0 {
			<-time.After(10 * time.Millisecond)
		}
		called, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if got := reads(called, t, r, aPDF); got != "client_left" {
			t.Errorf("what was called off ended as %q", got)
		}
		if got := reads(t.Context(), t, r, aText); got != "" {
			t.Errorf("a text ended as %q", got)
		}
		if read.Load() != 0 {
			t.Error("it waited for PDFs")
		}
	})
	group.Wait()
	if got := begun(); got != 1 {
		t.Errorf("%d children have prepared", got)
	}
	if reads(t.Context(), t, r, aPDF); begun() != 1 {
		t.Error("it is prepared again")
	}
}

// TestCalledOffWhilePreparing: another takes over.
func TestCalledOffWhilePreparing(t *testing.T) {
	t.Parallel()
	r, begun := cached(t, "cache-naps")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var group sync.WaitGroup
	group.Go(func() {
		if got := reads(ctx, t, r, aPDF); got != "client_left" {
			t.Errorf("what was called off ended as %q", got)
		}
	})
	for begun() == 0 && ctx.Err() == nil {
		<-time.After(10 * time.Millisecond)
	}
	group.Go(func() {
		if got := reads(t.Context(), t, r, aPDF); got != "" {
			t.Errorf("the other ended as %q", got)
		}
	})
	<-time.After(50 * time.Millisecond)
	cancel()
	group.Wait()
	if got := begun(); got != 2 {
		t.Errorf("%d children have prepared", got)
	}
}

// TestNoCache: where it can't be had, that is not held against a PDF, and texts are read.
func TestNoCache(t *testing.T) {
	t.Parallel()
	for _, child := range []string{"cache-fails", "cache-panics"} {
		r, begun := cached(t, child)
		if got := reads(t.Context(), t, r, aText); got != "" || begun() != 0 {
			t.Errorf("%s: a text ended as %q, %d have prepared", child, got, begun())
		}
		for want := 1; want <= 2; want++ {
			if got := reads(t.Context(), t, r, aPDF); got != "extractor_failed" || begun() != want {
				t.Errorf("%s: a PDF ended as %q, %d have prepared", child, got, begun())
			}
		}
	}
}
