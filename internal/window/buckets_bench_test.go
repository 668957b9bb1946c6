package window_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/window"
)

// The time of each must be about the same for every limit and however many
// buckets there are, and no memory taken.

// fullBuckets has entries that count for 1, as many as limit, over a minute.
func fullBuckets(limit int) *window.Buckets {
	buckets := window.NewBuckets(limit, minute)
	for i := range limit {
		buckets.Take(time.Duration(i)*minute/time.Duration(limit), 1)
	}
	return buckets
}

func BenchmarkBucketsTake(b *testing.B) {
	for _, limit := range limits() {
		b.Run(strconv.Itoa(limit), func(b *testing.B) {
			buckets := fullBuckets(limit)
			b.ReportAllocs()
			now := minute + width
			step := minute/time.Duration(limit) + width/time.Duration(limit) + 1
			for b.Loop() {
				if _, _, ok := buckets.Take(now, 1); !ok {
					b.Fatal("refused")
				}
				now += step
			}
		})
	}
}

func BenchmarkBucketsRefuse(b *testing.B) {
	for _, limit := range limits() {
		b.Run(strconv.Itoa(limit), func(b *testing.B) {
			buckets := fullBuckets(limit)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, ok := buckets.Take(minute-1, 1); ok {
					b.Fatal("admitted")
				}
			}
		})
	}
}

// BenchmarkBucketsTakeCorrectState is what a call costs a window of tokens.
func BenchmarkBucketsTakeCorrectState(b *testing.B) {
	for _, limit := range limits() {
		b.Run(strconv.Itoa(limit), func(b *testing.B) {
			buckets := fullBuckets(limit)
			b.ReportAllocs()
			now := minute + width
			step := minute/time.Duration(limit) + width/time.Duration(limit) + 1
			for b.Loop() {
				entry, _, ok := buckets.Take(now, 1)
				if !ok {
					b.Fatal("refused")
				}
				buckets.State(now)
				buckets.Correct(entry, 0)
				now += step
			}
		})
	}
}

func BenchmarkBucketsTakeAndUndo(b *testing.B) {
	for _, limit := range limits() {
		b.Run(strconv.Itoa(limit), func(b *testing.B) {
			buckets := fullBuckets(limit)
			b.ReportAllocs()
			now := minute + width
			for b.Loop() {
				entry, _, ok := buckets.Take(now, 1)
				if !ok {
					b.Fatal("refused")
				}
				buckets.Undo(entry)
			}
		})
	}
}

// BenchmarkBucketsAfterRest is the worst case of laziness: 601 buckets have left
// at once.
func BenchmarkBucketsAfterRest(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		buckets := fullBuckets(10_000)
		b.StartTimer()
		buckets.Take(3*minute, 1)
	}
}
