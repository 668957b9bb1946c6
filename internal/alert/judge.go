package alert

import (
	"container/list"
	"math"
	"time"

	"github.com/fairleadhq/fairlead"
)

const (
	// z95 is the quantile of the standard normal distribution that leaves 2.5 %
	// on either side: it makes the interval one of 95 %.
	z95 = 1.959964
	// recoverBelow is the part of the alert's rate below which an alert ends.
	// The gap keeps an app at the edge from going in and out.
	recoverBelow = 0.75
)

// app is what is known of one app.
type app struct {
	id    fairlead.AppID
	tally tally
	seen  time.Time     // when its last call ended
	place *list.Element // in Monitor.recent

	since time.Time // when the alert began; zero if there is none
	// thin is since when, in an alert, the window holds too few calls to judge
	// by; zero if it does not.
	thin time.Time
}

func (a *app) inAlert() bool { return !a.since.IsZero() }

// rule says when an alert begins and ends.
type rule struct {
	rate        float64
	minRequests int
	window      time.Duration
}

// verdict is what is to become of an app's state.
type verdict uint8

const (
	stay      verdict = iota
	fire              // the alert begins
	calmDown          // it ends: few enough calls fail
	fallQuiet         // it ends: for a whole window there were too few calls to judge by
)

// judge decides on the app from its tally, which has been brought up to now. It
// changes nothing but a.thin.
func (r rule) judge(a *app, now time.Time) verdict {
	failed, completed := a.tally.failed, a.tally.completed
	if !a.inAlert() {
		if r.alarming(failed, completed) {
			return fire
		}
		return stay
	}
	if completed >= r.minRequests {
		a.thin = time.Time{}
		if float64(failed) < recoverBelow*r.rate*float64(completed) {
			return calmDown
		}
		return stay
	}
	if a.thin.IsZero() {
		a.thin = now
	}
	if now.Sub(a.thin) >= r.window {
		return fallQuiet
	}
	return stay
}

// alarming reports whether so many failures among completed calls are an
// alert: there are enough calls, the rate observed is above the limit, and the
// rate behind it very probably is too. The last includes the second, which is
// tested first because it is cheap.
func (r rule) alarming(failed, completed int) bool {
	return completed >= r.minRequests &&
		float64(failed) > r.rate*float64(completed) &&
		wilsonLower(failed, completed) > r.rate
}

// wilsonLower is the lower end of the Wilson score interval at 95 % for the
// probability behind failed of completed, which is at least 1. Unlike the
// textbook interval it stays between 0 and 1 and holds for few samples
// (E. B. Wilson, Probable Inference, the Law of Succession, and Statistical
// Inference, JASA 22, 1927).
func wilsonLower(failed, completed int) float64 {
	n := float64(completed)
	p := float64(failed) / n
	centre := p + z95*z95/(2*n)
	margin := z95 * math.Sqrt(p*(1-p)/n+z95*z95/(4*n*n))
	return (centre - margin) / (1 + z95*z95/n)
}
