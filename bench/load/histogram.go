package load

import (
	"math"
	"math/bits"
	"time"
)

const (
	// subBits make 128 buckets of each power of two: no value is told more
	// than 1/128 too high.
	subBits = 7
	// maxBits bounds the values: 2^40 ns are 18 minutes.
	maxBits = 40
	buckets = (maxBits - subBits + 1) << subBits
)

// Histogram counts times in buckets whose width grows with the time: linear
// within a power of two, logarithmic over them, as in HdrHistogram. Its size is
// constant. The zero value is empty.
type Histogram struct {
	counts [buckets]int64
	total  int64
	most   time.Duration
}

// Record counts a time; one below 0 counts as 0.
func (h *Histogram) Record(d time.Duration) {
	d = max(d, 0)
	h.counts[bucketOf(d)]++
	h.total++
	h.most = max(h.most, d)
}

// Count is how many times were recorded.
func (h *Histogram) Count() int64 { return h.total }

// Quantile is the time that the part q of the recorded ones does not exceed:
// the highest of its bucket, and never more than the longest recorded. It is 0
// if there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := min(max(int64(math.Ceil(q*float64(h.total))), 1), h.total)
	for i := range h.counts {
		if rank -= h.counts[i]; rank <= 0 {
			return min(highest(i), h.most)
		}
	}
	return h.most
}

// bucketOf is the bucket of a time.
func bucketOf(d time.Duration) int {
	v := uint64(min(d, 1<<maxBits-1)) //nolint:gosec // G115: it is not negative
	shift := max(bits.Len64(v)-subBits-1, 0)
	return shift<<subBits + int(v>>shift) //nolint:gosec // G115: at most 2^8
}

// highest is the longest time of a bucket.
func highest(bucket int) time.Duration {
	if bucket < 1<<subBits {
		return time.Duration(bucket)
	}
	shift := bucket>>subBits - 1
	return time.Duration(bucket-shift<<subBits+1)<<shift - 1
}
