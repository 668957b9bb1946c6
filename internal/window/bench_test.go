package window_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/window"
)

// The time of each must be the same for every limit, and no memory taken.

func full(limit int) *window.Ring {
	ring := window.New(limit, time.Duration(limit))
	for i := range limit {
		ring.Admit(time.Duration(i))
	}
	return ring
}

func limits() []int { return []int{200, 10_000, 1_000_000} }

func BenchmarkAdmit(b *testing.B) {
	for _, limit := range limits() {
		b.Run(strconv.Itoa(limit), func(b *testing.B) {
			ring := full(limit)
			b.ReportAllocs()
			now := time.Duration(limit)
			for b.Loop() {
				if _, _, ok := ring.Admit(now); !ok {
					b.Fatal("refused")
				}
				now++
			}
		})
	}
}

func BenchmarkRefuse(b *testing.B) {
	for _, limit := range limits() {
		b.Run(strconv.Itoa(limit), func(b *testing.B) {
			ring := full(limit)
			b.ReportAllocs()
			now := time.Duration(limit - 1)
			for b.Loop() {
				if _, _, ok := ring.Admit(now); ok {
					b.Fatal("admitted")
				}
			}
		})
	}
}

func BenchmarkAdmitAndUndo(b *testing.B) {
	for _, limit := range limits() {
		b.Run(strconv.Itoa(limit), func(b *testing.B) {
			ring := full(limit)
			b.ReportAllocs()
			now := time.Duration(limit)
			for b.Loop() {
				entry, _, ok := ring.Admit(now)
				if !ok {
					b.Fatal("refused")
				}
				ring.Undo(entry)
			}
		})
	}
}

// BenchmarkAdmitAfterRest is the worst case of laziness: the whole ring has
// left at once.
func BenchmarkAdmitAfterRest(b *testing.B) {
	for _, limit := range limits() {
		b.Run(strconv.Itoa(limit), func(b *testing.B) {
			ring := full(limit)
			b.ReportAllocs()
			now := time.Duration(limit)
			for b.Loop() {
				now += time.Duration(2 * limit)
				if _, _, ok := ring.Admit(now); !ok {
					b.Fatal("refused")
				}
			}
		})
	}
}

func BenchmarkGuard(b *testing.B) {
	guard := window.NewGuard(50, time.Second, time.Minute)
	b.ReportAllocs()
	now := time.Duration(0)
	for b.Loop() {
		now += 30 * time.Millisecond
		if guard.Arrive(now) != 0 {
			b.Fatal("blocked")
		}
	}
}
