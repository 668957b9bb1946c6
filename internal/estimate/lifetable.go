package estimate

import (
	"math"
	"time"
)

const (
	// intervals is how many intervals of age there are. Each but the first and the
	// last, which has no end, is longer than the one before by the root of 2.
	intervals     = 20
	lastInterval  = intervals - 1
	firstInterval = 500 * time.Millisecond
	// never is longer than any interval that ends.
	never = time.Hour

	// memory is how many calls an interval goes back.
	memory = 512
	// doubt is how many calls an interval counts as having passed through it that
	// never did, so that the first to end there do not stand for all.
	doubt = 3
	// sigmas is how many standard deviations of the sum of errors are kept free.
	// It and doubt were found by simulation (BenchmarkTokenWindow): more of either
	// wastes room, less lets more minutes pass the limit.
	sigmas = 3.7
	// experience is after how many calls it is believed that none costs more beyond
	// its prior than the largest cost altogether.
	experience = 16
)

// intervalEnd is the age at which an interval ends, for all but the last.
func intervalEnd(interval int) time.Duration {
	end := firstInterval << (interval / 2)
	if interval%2 == 1 {
		end = end * 99 / 70 // the root of 2
	}
	return end
}

// lifeTable learns how the error of a call, what it cost less its prior, depends
// on how long it has been running.
//
// It is an actuary's life table: for each interval of age, how many of the calls
// that reached its end or ended in it did the latter, and the errors of those.
// Calls that still run count in all the intervals that they have left, and for
// half in the one that they are in, so that nothing is learned too soon from
// those that ended early. This is the estimator of Kaplan and Meier (1958) in its
// grouped form, with costs for the times of death, as in Bang and Tsiatis,
// Estimating medical costs with censored data (2000).
//
// From the last interval back to the first follows what a call of each age is
// still to cost: it ends there with the interval's chance and errors, or it goes
// on to the next. Beyond the last one lies what is not known, where a call costs
// the most that it can.
type lifeTable struct {
	intervals [intervals]interval
	// prior and reserved are those of all running calls together.
	prior, reserved int

	learned float64    // the number of calls learned from, up to memory
	largest recentMost // what the costliest of them cost
}

// interval holds the calls of its age and what was learned of calls of its age.
type interval struct {
	head, tail uint32 // of the list of calls, by their place in the arena
	// running counts the calls in the list; room is theirs together.
	running, room int

	// ended and passed count the calls that ended in it and that outlived it, the
	// last memory ones more than those before.
	ended, passed float64
	// errorMean and errorSquare are the mean error of those that ended in it and
	// the mean of its square, over so many calls as errors says.
	errorMean, errorSquare, errors float64
}

// learn learns from a call that ended and what it cost.
func (t *lifeTable) learn(c call, actual int) {
	// One that cost more than it could is no measure for others.
	actual = min(actual, c.prior+c.room)
	t.learned = min(t.learned+1, memory)
	t.largest.add(float64(actual))
	t.intervals[c.interval].end(float64(actual - c.prior))
}

// end learns the error of a call that ended in the interval.
func (iv *interval) end(e float64) {
	iv.fade()
	iv.ended++
	iv.errors = min(iv.errors+1, memory)
	iv.errorMean += (e - iv.errorMean) / iv.errors
	iv.errorSquare += (e*e - iv.errorSquare) / iv.errors
}

// pass learns that a call outlived the interval.
func (iv *interval) pass() {
	iv.fade()
	iv.passed++
}

func (iv *interval) fade() {
	const kept = 1 - 1.0/memory
	iv.ended *= kept
	iv.passed *= kept
}

// margin is the mean of what all running calls and a new one will cost beyond
// what is reserved, and sigmas standard deviations. It is never negative.
func (t *lifeTable) margin(next call) int {
	// Of a call that begins the interval: the chance that it comes to what is not
	// known, and otherwise its error and the square of it.
	unknown, mean, square := 1.0, 0.0, 0.0
	calls, errors, variance := 0.0, 0.0, 0.0
	prior := float64(t.prior + next.prior)
	ceiling := t.ceiling()
	for i := lastInterval; i >= 0; i-- {
		iv := &t.intervals[i]
		if iv.ended > 0 {
			ends := iv.ended / (iv.ended + iv.passed + float64(iv.running)/2 + doubt)
			unknown *= 1 - ends
			mean += ends * (iv.errorMean - mean)
			square += ends * (iv.errorSquare - square)
		}
		running, room := iv.running, iv.room
		if i == 0 {
			running, room = running+1, room+next.room
		}
		if running == 0 {
			continue
		}
		n := float64(running)
		worst := min(float64(room)/n, ceiling)
		e := mean + unknown*worst
		calls += n
		errors += n * e
		variance += n * max(0, square+unknown*worst*worst-e*e)
	}
	// What was learned from few calls is uncertain itself, and wrong for all alike:
	// the variance of the sum of n errors whose mean is that of N others.
	variance *= 1 + calls/max(1, t.learned)
	excess := prior - float64(t.reserved+next.reserved) + errors
	return int(math.Ceil(max(0, excess+sigmas*math.Sqrt(variance))))
}

// ceiling is the most that the error of a call can be of which nothing is known.
func (t *lifeTable) ceiling() float64 {
	if t.learned < experience {
		return math.Inf(1)
	}
	return t.largest.value()
}
