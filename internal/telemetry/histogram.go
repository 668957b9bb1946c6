package telemetry

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// bucketCount is the number of upper bounds of a histogram.
const bucketCount = 16

// bounds are the upper bounds of every histogram's buckets: from an answer out
// of memory to the longest operation.
func bounds() [bucketCount]time.Duration {
	return [bucketCount]time.Duration{
		1 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond,
		50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
		1 * time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
		30 * time.Second, 60 * time.Second, 120 * time.Second, 300 * time.Second,
	}
}

// histogram counts durations. The zero histogram is empty.
type histogram struct {
	// counts are of each bucket alone; the last is of what no bound holds.
	counts [bucketCount + 1]atomic.Uint64
	sum    atomic.Int64 // nanoseconds
}

func (h *histogram) observe(d time.Duration) {
	bucket := bucketCount
	for i, bound := range bounds() {
		if d <= bound {
			bucket = i
			break
		}
	}
	h.counts[bucket].Add(1)
	h.sum.Add(int64(d))
}

// collect tells the histogram as it stands. The count is that of the buckets,
// so the two agree even while durations are being added.
func (h *histogram) collect(out chan<- prometheus.Metric, desc *prometheus.Desc, labelValues ...string) {
	sum := time.Duration(h.sum.Load()).Seconds()
	buckets := make(map[float64]uint64, bucketCount)
	var count uint64
	for i, bound := range bounds() {
		count += h.counts[i].Load()
		buckets[bound.Seconds()] = count
	}
	count += h.counts[bucketCount].Load()
	out <- prometheus.MustNewConstHistogram(desc, count, sum, buckets, valid(labelValues)...)
}

// ratioCount is the number of upper bounds of a histogram of ratios.
const ratioCount = 11

// ratioBounds are the upper bounds of the buckets of ratios: from a tenth to ten
// times.
func ratioBounds() [ratioCount]float64 {
	return [ratioCount]float64{0.1, 0.25, 0.5, 0.8, 0.9, 1, 1.1, 1.25, 2, 4, 10}
}

// ratioHistogram counts ratios. The zero ratioHistogram is empty.
type ratioHistogram struct {
	counts [ratioCount + 1]atomic.Uint64
	sum    atomic.Uint64 // in millionths
}

const millionth = 1e6

func (h *ratioHistogram) observe(ratio float64) {
	bucket := ratioCount
	for i, bound := range ratioBounds() {
		if ratio <= bound {
			bucket = i
			break
		}
	}
	h.counts[bucket].Add(1)
	h.sum.Add(uint64(ratio * millionth))
}

func (h *ratioHistogram) collect(out chan<- prometheus.Metric, desc *prometheus.Desc) {
	sum := float64(h.sum.Load()) / millionth
	buckets := make(map[float64]uint64, ratioCount)
	var count uint64
	for i, bound := range ratioBounds() {
		count += h.counts[i].Load()
		buckets[bound] = count
	}
	count += h.counts[ratioCount].Load()
	out <- prometheus.MustNewConstHistogram(desc, count, sum, buckets)
}
