package analyze_test

import (
	"fmt"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/analyze"
)

// BenchmarkOffline64MiB analyses the longest text that there is.
func BenchmarkOffline64MiB(b *testing.B) {
	pages := make([]page, 0, 1<<16)
	for size := 0; size < 64<<20; {
		p := page{[]string{"# Chapter " + fmt.Sprint(len(pages)), filler("Acme", len(pages), 40), "In millions | 2018 | 2017\nRevenue | 10 | 9\nNet income | 2 | 1"}}
		for _, block := range p.blocks {
			size += len(block)
		}
		pages = append(pages, p)
	}
	bed := newBed(analyze.Limits{}, &model{}, build(fairlead.Document{ID: "file-long", App: "portal", Status: fairlead.DocumentReady}, pages))
	b.ResetTimer()
	b.ReportAllocs()
	for b.Loop() {
		got, err := bed.analyzer.Analyze(b.Context(), bed.call, analyze.Request{Document: "file-long", Type: "investment", Model: "local/offline"}, nil)
		if err != nil || len(got.Findings) == 0 {
			b.Fatal(err)
		}
		b.ReportMetric(float64(got.PagesRead), "pages_read")
	}
}
