// Package measure is the arithmetic of queues: quantiles, means over time, an
// index of fairness, and the shares of scarce slots to which weights entitle.
//
// Start with Entitle.
package measure

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// The parts of 1 that reports tell quantiles of.
const (
	P10 = 0.10
	P50 = 0.50
	P90 = 0.90
	P99 = 0.99
	Max = 1.0
)

// Quantile is the smallest of the sorted values that a part q of them does not
// exceed; the zero value if there are none.
func Quantile[T any](sorted []T, q float64) T {
	var none T
	if len(sorted) == 0 {
		return none
	}
	return sorted[max(int(math.Ceil(q*float64(len(sorted)))), 1)-1]
}

// Level is a number that changes in time, with its integral. The zero Level is 0
// from time 0 on.
type Level struct {
	N    int
	area int64 // N times nanoseconds
	at   time.Duration
}

// Add changes the number by n at now.
func (l *Level) Add(now time.Duration, n int) {
	l.Area(now)
	l.N += n
}

// Area is the integral up to now, in nanoseconds.
func (l *Level) Area(now time.Duration) int64 {
	l.area += int64(l.N) * int64(now-l.at)
	l.at = now
	return l.area
}

// Mean is the mean up to now.
func (l *Level) Mean(now time.Duration) float64 {
	if now == 0 {
		return 0
	}
	return float64(l.Area(now)) / float64(now)
}

// MostIn is the most events in any half-open span of a length. Their times are
// sorted.
func MostIn(times []time.Duration, span time.Duration) int {
	most, first := 0, 0
	for i, t := range times {
		for t-times[first] >= span {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// Jain is Jain's index of fairness: 1 if all are equal, 1/n if one of n has all
// (R. Jain, D. Chiu, W. Hawe, A Quantitative Measure of Fairness and
// Discrimination, 1984). Of nothing it is 1.
func Jain[N int64 | float64](values []N) float64 {
	sum, squares := 0.0, 0.0
	for _, v := range values {
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	if squares == 0 {
		return 1
	}
	return sum * sum / (float64(len(values)) * squares)
}

// Claim is what somebody wants of slots that are shared by weight.
type Claim struct {
	ID     int // the caller's
	Demand int // slots
	Weight int // at least 1
	Pool   int // which pool they are of
	// Share is what Entitle says: how many slots it is entitled to.
	Share float64
}

// Entitle shares slots out by weight, so that nobody gets more than it demands
// and what one leaves is shared by the others: max-min fairness by progressive
// filling (D. Bertsekas, R. Gallager, Data Networks, 1992, section 6.5.2). Of
// each pool no more is given than it has; 0 means that there is no limit. It
// sorts the claims.
func Entitle(claims []Claim, slots int, pools []int) {
	ratio := func(c *Claim) float64 { return float64(c.Demand) / float64(c.Weight) }
	slices.SortFunc(claims, func(a, b Claim) int { return cmp.Compare(ratio(&a), ratio(&b)) })
	all := newBasin(slots)
	basins := make([]basin, len(pools))
	for i := range pools {
		basins[i] = newBasin(pools[i])
	}
	for i := range claims {
		all.weights += claims[i].Weight
		basins[claims[i].Pool].weights += claims[i].Weight
	}
	for i := range claims {
		c := &claims[i]
		b := &basins[c.Pool]
		for ratio(c) > lowest(&all, basins) && !b.full {
			// Somebody's limit is reached before this claim is met.
			fill(&all, basins)
		}
		if b.full {
			c.Share = b.surface * float64(c.Weight)
			continue
		}
		c.Share = float64(c.Demand)
		b.take(c.Share, c.Weight)
		all.take(c.Share, c.Weight)
	}
}

// basin is slots that are being shared out. Claims are met in order of their
// height; those that are not met yet stand at the surface.
type basin struct {
	left    float64 // slots without those of the claims that are met
	weights int     // of the claims that are not
	bounded bool
	full    bool
	surface float64 // slots for each unit of weight, once it is full
}

func newBasin(slots int) basin { return basin{left: float64(slots), bounded: slots > 0} }

// brim is the height at which the basin is full.
func (b *basin) brim() (height float64, ok bool) {
	if !b.bounded || b.full || b.weights == 0 {
		return 0, false
	}
	return b.left / float64(b.weights), true
}

func (b *basin) take(slots float64, weight int) {
	b.left -= slots
	b.weights -= weight
}

// lowest is the height at which the first of the basins is full.
func lowest(all *basin, basins []basin) float64 {
	height := math.Inf(1)
	if h, ok := all.brim(); ok {
		height = h
	}
	for i := range basins {
		if h, ok := basins[i].brim(); ok {
			height = min(height, h)
		}
	}
	return height
}

// fill makes those basins full that are full first.
func fill(all *basin, basins []basin) {
	height := lowest(all, basins)
	h, ok := all.brim()
	everything := ok && h <= height
	for i := range basins {
		b := &basins[i]
		h, ok := b.brim()
		if b.full || (!everything && (!ok || h > height)) {
			continue
		}
		b.full, b.surface = true, height
		all.take(height*float64(b.weights), b.weights)
	}
}
