//go:build linux

package worker

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/extract/pdf/pdftest"
)

// TestProofFigures prints what children cost: their start with and without the cache, and
// what real files take.
func TestProofFigures(t *testing.T) {
	if os.Getenv("FAIRLEAD_PROOF") == "" {
		t.Skip("FAIRLEAD_PROOF is not set")
	}
	r := runner(t, Command, Limits{})
	r.config.CacheDir = t.TempDir()
	begin := time.Now()
	if err := r.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("fill the cache of compiled code: %v", time.Since(begin).Round(time.Millisecond))
	median := func(data []byte) time.Duration {
		var all []time.Duration
		for range 15 {
			all = append(all, ending(t, r, data).wall)
		}
		slices.Sort(all)
		return all[len(all)/2].Round(100 * time.Microsecond)
	}
	text, onePage := median([]byte("a small text")), median(pdftest.Report(1))
	t.Logf("a child for a small text: %v; for a PDF of one page: %v (medians of 15)", text, onePage)
	t.Logf("%-24s %6s %9s %8s %8s", "file", "pages", "pages/s", "cpu", "RSS MB")
	for _, path := range []string{
		"/usr/share/doc/gnuplot/gnuplot.pdf", "/usr/share/R/doc/manual/fullrefman.pdf", "/usr/share/R/doc/manual/R-exts.pdf",
	} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Logf("left out: %v", err)
			continue
		}
		o := ending(t, r, data)
		t.Logf("%-24s %6d %9.0f %8v %8d", path[len(path)-14:], o.document.Pages, float64(o.document.Pages)/o.cpu.Seconds(), o.cpu.Round(time.Millisecond), o.child>>20)
	}
}
