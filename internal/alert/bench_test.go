package alert

import (
	"fmt"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
)

func TestRecordDoesNotAllocate(t *testing.T) {
	c := seedConfig()
	c.Window = time.Second // so that buckets come and go
	m := newMonitor(t, c)
	failing, fine := record("crm", failure("upstream_error")), record("erp", nil)
	refused := record("erp", &fairlead.Error{Kind: fairlead.Limited, Code: "rate_limit_requests"})
	record := func() {
		m.Record(failing)
		m.Record(fine)
		m.Record(refused)
	}
	for range 100 {
		record()
	}
	if got := testing.AllocsPerRun(10_000, record); got != 0 {
		t.Errorf("got %v allocations, want 0", got)
	}
}

func BenchmarkRecord(b *testing.B) {
	for name, err := range map[string]*fairlead.Error{
		"fine":    nil,
		"failed":  failure("upstream_error"),
		"refused": {Kind: fairlead.Limited, Code: "rate_limit_requests"},
	} {
		b.Run(name, func(b *testing.B) {
			m := newMonitor(b, seedConfig())
			records := make([]*fairlead.Record, 1000)
			for i := range records {
				records[i] = record(fairlead.AppID(fmt.Sprintf("app-%d", i)), err)
			}
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					m.Record(records[i%len(records)])
				}
			})
		})
	}
}
