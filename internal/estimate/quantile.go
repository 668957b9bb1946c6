package estimate

import (
	"math"
	"sync"
)

const (
	// accuracy is the relative error of a quantile: 5 %.
	accuracy = 0.05
	// growth is how much larger a bucket's values are than those of the one
	// below, so that its middle is off by accuracy at most.
	growth = (1 + accuracy) / (1 - accuracy)
	// lnGrowth is the natural logarithm of growth.
	lnGrowth = 0.10008345855698263
	// quantileBuckets cover eight powers of ten.
	quantileBuckets = 185
	// enough is how many values there must be before a quantile is told.
	enough = 8
	// newer is how much more each value weighs than the one before it: the 256th
	// root of 2, so that one has half the weight of a new one after 256.
	newer = 1.0027112750502025
	// heaviest is the weight at which all are made lighter again.
	heaviest = 256
	// negligible is the weight at which a bucket counts as empty.
	negligible = 1.0 / 1024
)

// Quantile learns the quantiles of a stream of positive numbers, in fixed
// memory (0.8 KB), with a relative error of at most 5 %. What came lately
// weighs more: a value has half its weight after 256 others. It may be used by
// several goroutines at once.
//
// Values are counted in buckets that grow by a constant factor, as in DDSketch
// (Masson, Rim and Lee, VLDB 2019). They age by forward decay (Cormode,
// Shkapenyuk, Srivastava and Xu, ICDE 2009): not the old are made lighter but
// the new heavier, so that a value costs constant time.
type Quantile struct {
	mu     sync.Mutex
	sketch sketch
}

// NewQuantile returns a Quantile for values from lowest, which must be positive,
// to 10^8 times that. Values beyond are taken for the nearest of that range.
func NewQuantile(lowest float64) *Quantile {
	return &Quantile{sketch: newSketch(lowest)}
}

// Add learns a value. NaN is ignored.
func (q *Quantile) Add(x float64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sketch.add(x)
}

// Quantile returns the value below which the fraction p of the values lies; p
// is from 0 to 1. It is not ok before there were 8 values. It takes time in
// proportion to the logarithm of the largest value by the smallest.
func (q *Quantile) Quantile(p float64) (value float64, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.sketch.quantile(p)
}

// sketch is a Quantile without the lock.
type sketch struct {
	lowest  float64
	weight  float64 // of the next value
	total   float64
	values  int // up to enough
	low, up int // the buckets that are not empty are in [low, up)
	buckets [quantileBuckets]float32
}

func newSketch(lowest float64) sketch {
	return sketch{lowest: lowest, weight: 1, low: quantileBuckets}
}

func (s *sketch) add(x float64) {
	if math.IsNaN(x) {
		return
	}
	i := s.bucket(x)
	s.low, s.up = min(s.low, i), max(s.up, i+1)
	s.buckets[i] += float32(s.weight)
	s.total += s.weight
	s.values = min(s.values+1, enough)
	s.weight *= newer
	if s.weight > heaviest {
		s.lighten()
	}
}

// bucket i holds the values from lowest*growth^i on.
func (s *sketch) bucket(x float64) int {
	ratio := x / s.lowest
	if !(ratio > 1) {
		return 0
	}
	// Compared as a float: that of +Inf is no int.
	return int(min(math.Log(ratio)/lnGrowth, quantileBuckets-1))
}

// lighten divides all weights, and forgets those that are nothing beside the
// next. It is done every 2048 values.
func (s *sketch) lighten() {
	low, up, total := quantileBuckets, 0, 0.0
	for i := s.low; i < s.up; i++ {
		lighter := s.buckets[i] / heaviest
		if lighter < negligible {
			lighter = 0
		} else {
			low, up = min(low, i), i+1
		}
		s.buckets[i] = lighter
		total += float64(lighter)
	}
	s.low, s.up, s.total = low, up, total
	s.weight /= heaviest
}

func (s *sketch) quantile(p float64) (value float64, ok bool) {
	if s.values < enough {
		return 0, false
	}
	rank, below := p*s.total, 0.0
	i := s.low
	for ; i < s.up-1; i++ {
		below += float64(s.buckets[i])
		if below >= rank {
			break
		}
	}
	// The value that is off by the same factor from both ends of the bucket.
	return s.lowest * math.Exp(float64(i)*lnGrowth) * (2 * growth / (1 + growth)), true
}
