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
	sigmas = 3.8
	// experience is after how many calls it is believed that none costs more beyond
	// its prior than the largest cost altogether.
	experience = 16
)

// intervalEnd is the age at which an interval ends, for all but the last.
func intervalEnd(interval uint32) time.Duration {
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
//
// What every call changes of it lies together.
type lifeTable struct {
	// prior and reserved are those of all running calls together.
	prior, reserved int

	running [intervals]running

	learned float64    // the number of calls learned from, up to memory
	largest recentMost // what the costliest of them cost
	chances [intervals]chance
	errors  [intervals]errors
}

// running is the calls that run and have the interval's age.
type running struct {
	head, tail uint32 // of the list of calls, by their place in the arena
	count      int
	room       int // theirs together
}

// chance counts the calls that ended in the interval and that outlived it, the
// last memory ones more than those before.
type chance struct{ ended, passed float64 }

// errors is the mean error of the calls that ended in the interval and the mean of
// its square, over so many calls as count says.
type errors struct{ mean, square, count float64 }

// learn learns from a call that ended and what it cost.
func (t *lifeTable) learn(c *call, actual int) {
	// One that cost more than it could is no measure for others.
	actual = min(actual, c.prior+c.room)
	t.learned = min(t.learned+1, memory)
	t.largest.add(float64(actual))
	t.chances[c.interval].fade()
	t.chances[c.interval].ended++
	t.errors[c.interval].add(float64(actual - c.prior))
}

// outlive learns that a call outlives the intervals from one on whose ends are at
// most its age, and returns the one that it is in then.
func (t *lifeTable) outlive(interval uint32, age time.Duration) uint32 {
	for ; interval < lastInterval && age >= intervalEnd(interval); interval++ {
		t.chances[interval].fade()
		t.chances[interval].passed++
	}
	return interval
}

func (c *chance) fade() {
	const kept = 1 - 1.0/memory
	c.ended *= kept
	c.passed *= kept
}

func (e *errors) add(x float64) {
	e.count = min(e.count+1, memory)
	e.mean += (x - e.mean) / e.count
	e.square += (x*x - e.square) / e.count
}

// margin is the mean of what all running calls and a new one will cost beyond
// what is reserved, and sigmas standard deviations. It is never negative.
func (t *lifeTable) margin(next expected) int {
	// Of a call that begins the interval: the chance that it comes to what is not
	// known, and otherwise its error and the square of it.
	unknown, mean, square := 1.0, 0.0, 0.0
	calls, sum, variance := 0.0, 0.0, 0.0
	prior := float64(t.prior + next.prior)
	ceiling := t.ceiling()
	for i := lastInterval; i >= 0; i-- {
		running, room := t.running[i].count, t.running[i].room
		if c := t.chances[i]; c.ended > 0 {
			ends := c.ended / (c.ended + c.passed + float64(running)/2 + doubt)
			unknown *= 1 - ends
			mean += ends * (t.errors[i].mean - mean)
			square += ends * (t.errors[i].square - square)
		}
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
		sum += n * e
		variance += n * max(0, square+unknown*worst*worst-e*e)
	}
	// What was learned from few calls is uncertain itself, and wrong for all alike:
	// the variance of the sum of n errors whose mean is that of N others.
	variance *= 1 + calls/max(1, t.learned)
	excess := prior - float64(t.reserved+next.reserved) + sum
	return int(math.Ceil(max(0, excess+sigmas*math.Sqrt(variance))))
}

// ceiling is the most that the error of a call can be of which nothing is known.
func (t *lifeTable) ceiling() float64 {
	if t.learned < experience {
		return math.Inf(1)
	}
	return t.largest.value()
}
