//go:build linux

package worker

import (
	"errors"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/child"
	"github.com/fairleadhq/fairlead/internal/extract/pdf/pdftest"
)

// mostParent is how much the parent's memory may move by, whatever its children read.
const mostParent = 64 << 20

// outcome is what became of a file.
type outcome struct {
	document fairlead.Document
	code     string // of the document or of the error
	text     int64
	child    int64 // the most memory of the child
	cpu      time.Duration
	wall     time.Duration
}

// ending reads a file in a child.
func ending(t *testing.T, r *Runner, data []byte) outcome {
	t.Helper()
	var o outcome
	var to counted
	file := blob(t, data)
	r.ended = func(c *run) {
		o.child = c.peak.Load()
		o.cpu = c.cmd.ProcessState.UserTime() + c.cmd.ProcessState.SystemTime()
	}
	begin := time.Now()
	err := r.ReadDocument(t.Context(), file, &o.document, &to)
	o.wall, o.text, o.code = time.Since(begin), to.text, o.document.Code
	if e, ok := errors.AsType[*fairlead.Error](err); ok {
		o.code = e.Code
	} else if err != nil {
		t.Fatal(err)
	}
	if err == nil && o.document.Status == fairlead.DocumentReady && (o.text == 0 || o.text != o.document.TextBytes) {
		t.Errorf("ready, with %d bytes of %d", o.text, o.document.TextBytes)
	}
	if err == nil && o.document.Status != fairlead.DocumentReady && (o.document.Code == "" || o.document.Reason == "") {
		t.Errorf("it ended as %q without a reason", o.document.Status)
	}
	return o
}

// counted is a sink that counts.
type counted struct{ text int64 }

func (c *counted) Progress(fairlead.Document) error { return nil }

func (c *counted) Content(part fairlead.DocumentContent) error {
	c.text += int64(len(part.Text))
	return nil
}

// parentMemory watches this process's memory until stop is called, which returns by how
// much it grew.
func parentMemory(t *testing.T) (stop func() int64) {
	t.Helper()
	debug.FreeOSMemory()
	before := child.Resident(os.Getpid())
	var most atomic.Int64
	over := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			most.Store(max(most.Load(), child.Resident(os.Getpid())))
			select {
			case <-over:
				return
			case <-tick.C:
			}
		}
	})
	return func() int64 {
		close(over)
		group.Wait()
		return most.Load() - before
	}
}

// TestHostileFiles: each ends as it should, within the limits, and its parent does not
// feel it.
func TestHostileFiles(t *testing.T) {
	if child.Instrumented {
		t.Skip("the race detector needs more memory than a child may have: run without it")
	}
	hostile(t, pdftest.Small)
}

// TestProofHostileFiles: the same at full size.
func TestProofHostileFiles(t *testing.T) {
	if os.Getenv("FAIRLEAD_PROOF") == "" {
		t.Skip("FAIRLEAD_PROOF is not set")
	}
	hostile(t, pdftest.Full)
}

func hostile(t *testing.T, size pdftest.Size) {
	t.Helper()
	r := runner(t, Command, Limits{})
	if child.Instrumented {
		r = runner(t, Command, Limits{Memory: 2 << 30})
	}
	if err := r.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	limit := r.config.Limits.Memory
	t.Logf("%-28s %9s %-20s %8s %8s %8s %8s", "file", "bytes", "ends as", "child MB", "parent MB", "cpu", "wall")
	for _, f := range pdftest.Hostile(size) {
		data := f.Make()
		stop := parentMemory(t)
		o := ending(t, r, data)
		grew := stop()
		t.Logf("%-28s %9d %-20s %8d %8d %8v %8v", f.Name, len(data), o.code, o.child>>20, grew>>20, o.cpu.Round(time.Millisecond), o.wall.Round(time.Millisecond))
		if !slices.Contains(f.Codes, o.code) {
			t.Errorf("%s ended as %q, want one of %q", f.Name, o.code, f.Codes)
		}
		if o.child > limit+limit/8 {
			t.Errorf("%s: the child had %d MB", f.Name, o.child>>20)
		}
		if grew > mostParent {
			t.Errorf("%s: the parent grew by %d MB", f.Name, grew>>20)
		}
	}
}

// TestMutants: damaged files end as damaged, or are read as far as they go.
func TestMutants(t *testing.T) {
	if child.Instrumented {
		t.Skip("the race detector makes a child's start slow: run without it")
	}
	n := 100
	if testing.Short() {
		n = 10
	}
	mutants(t, pdftest.Report(12), n)
}

// TestProofMutants: 300 mutants of a real file.
func TestProofMutants(t *testing.T) {
	if os.Getenv("FAIRLEAD_PROOF") == "" {
		t.Skip("FAIRLEAD_PROOF is not set")
	}
	data, err := os.ReadFile("/usr/share/R/doc/manual/R-FAQ.pdf")
	if err != nil {
		t.Skip("left out: no R-FAQ.pdf (apt install r-doc-pdf)")
	}
	mutants(t, data, 300)
}

func mutants(t *testing.T, data []byte, n int) {
	t.Helper()
	r := runner(t, Command, Limits{CPU: 30 * time.Second, Wall: 2 * time.Minute})
	if child.Instrumented {
		r.config.Limits.Memory = 2 << 30
	}
	if err := r.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop := parentMemory(t)
	ends := map[string]int{}
	for seed := range n {
		o := ending(t, r, pdftest.Mutant(data, uint64(seed)))
		ends[o.code]++
		if !slices.Contains([]string{"", "document_broken", "document_encrypted", "no_text"}, o.code) && !strings.HasPrefix(o.code, "limit_") {
			t.Errorf("mutant %d ended as %q (%s)", seed, o.code, o.document.Status)
		}
	}
	if grew := stop(); grew > mostParent {
		t.Errorf("the parent grew by %d MB", grew>>20)
	}
	t.Logf("%d mutants ended as %v (\"\" is read)", n, ends)
}
