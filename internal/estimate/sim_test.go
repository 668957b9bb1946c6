package estimate_test

import (
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/fairleadhq/fairlead/internal/estimate"
	"github.com/fairleadhq/fairlead/internal/window"
)

const (
	minute      = time.Minute
	meanInput   = 500
	fewestInput = 50
	longest     = 20 * time.Second // that an answer takes
	shortest    = 2 * time.Second
)

// answers says how the lengths of answers are distributed.
type answers string

const (
	exponential answers = "exponential answers"
	lognormal   answers = "lognormal answers"
)

// pace says how long an answer takes: 2 to 20 s either way.
type pace string

const (
	// byLength: the longer the answer the longer it takes, as of a model that
	// writes token by token.
	byLength pace = "time by length"
	// byChance: the time says nothing of the length.
	byChance pace = "time by chance"
)

// refused says what a client does that is refused.
type refused string

const (
	leaves  refused = "refused leave"
	returns refused = "refused return"
)

// reserve says what is reserved for a call.
type reserve string

const (
	withMargin    reserve = "expected and margin"
	withoutMargin reserve = "expected alone"
	hard          reserve = "hard"
)

// traffic is what comes to a window.
type traffic struct {
	perSecond float64
	answers   answers
	pace      pace
	refused   refused

	limit     int // of the window, tokens a minute
	maxTokens int // that a client allows
	// mean is the mean answer, cut off at cut; from the middle on it is later.
	mean, later float64
	cut         int
}

// crowd is the traffic of the design: 500 tokens of prompt, about 400 of answer
// and 2000 allowed, at 100,000 a minute.
func crowd(perSecond float64, a answers, p pace, r refused) traffic {
	return traffic{
		perSecond: perSecond, answers: a, pace: p, refused: r,
		limit: 100_000, maxTokens: 2000, mean: 420, later: 420, cut: 2000,
	}
}

func (t traffic) String() string {
	return fmt.Sprintf("%g a second, %s, %s, %s", t.perSecond, t.answers, t.pace, t.refused)
}

// client is a call on its way.
type client struct {
	bytes, input, output int
	takes                time.Duration
	tries                int

	entry    window.Entry
	open     estimate.Entry
	admitted time.Duration
}

func (c *client) actual() int { return c.input + c.output }

// event is an arrival or the end of an answer.
type event struct {
	at     time.Duration
	client *client
	ends   bool
}

type agenda []*event //nolint:recvcheck // Push and Pop change the slice, the others are sort's

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].at < a[j].at }
func (a agenda) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)        { *a = append(*a, x.(*event)) } //nolint:errcheck,forcetypeassert // heap's own
func (a *agenda) Pop() any {
	last := len(*a) - 1
	e := (*a)[last]
	*a = (*a)[:last]
	return e
}

// simulation is an app that asks for more than its window of tokens admits,
// under virtual time. What it does is given by the seed alone.
type simulation struct {
	traffic traffic
	reserve reserve
	random  *rand.Rand
	agenda  agenda
	length  time.Duration

	caller      *estimate.Caller
	outstanding *estimate.Outstanding
	window      *window.Buckets
	admitted    []*client // in the order of time
}

func newSimulation(t traffic, r reserve, seed uint64) *simulation {
	mode := estimate.Expected
	if r == hard {
		mode = estimate.Hard
	}
	return &simulation{
		traffic: t, reserve: r, random: rand.New(rand.NewPCG(seed, 1)),
		caller: estimate.NewTokens(mode).Of(app), outstanding: estimate.NewOutstanding(mode),
		window: window.NewBuckets(t.limit, minute),
	}
}

// run lets so much time pass, and tells the worst minute and the mean use.
func (s *simulation) run(length time.Duration) (worst, use float64) {
	s.length = length
	heap.Push(&s.agenda, &event{at: s.untilNext()})
	for s.agenda[0].at < length {
		e, ok := heap.Pop(&s.agenda).(*event)
		switch {
		case !ok:
			panic("no event")
		case e.ends:
			s.end(e.at, e.client)
		case e.client != nil:
			s.arrive(e.at, e.client)
		default:
			heap.Push(&s.agenda, &event{at: e.at + s.untilNext()})
			s.arrive(e.at, s.newClient(e.at))
		}
	}
	return s.worst(), s.use()
}

func (s *simulation) untilNext() time.Duration {
	return seconds(s.random.ExpFloat64() / s.traffic.perSecond)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func (s *simulation) newClient(now time.Duration) *client {
	t := s.traffic
	c := &client{input: max(fewestInput, meanInput+int(100*s.random.NormFloat64()))}
	c.bytes = int(float64(c.input) * 3.8 * math.Exp(0.12*s.random.NormFloat64()))
	output := s.random.ExpFloat64()
	if t.answers == lognormal {
		const sigma = 0.9
		output = math.Exp(sigma*s.random.NormFloat64() - sigma*sigma/2)
	}
	if now < s.length/2 {
		output *= t.mean
	} else {
		output *= t.later
	}
	c.output = min(t.cut, 1+int(output))
	part := float64(c.output) / float64(t.cut)
	if t.pace == byChance {
		part = s.random.Float64()
	}
	c.takes = shortest + seconds(part*(longest-shortest).Seconds())
	return c
}

var app = estimate.Key{App: "portal", Model: "gpt"}

func (s *simulation) arrive(now time.Duration, c *client) {
	cost := s.caller.Estimate(c.bytes, s.traffic.maxTokens)
	open, margin := s.outstanding.Open(now, cost)
	if s.reserve == withoutMargin {
		margin = 0
	}
	entry, wait, ok := s.window.Take(now, cost.Tokens()+margin)
	if !ok {
		s.outstanding.Drop(open)
		c.tries++
		if s.traffic.refused == returns && c.tries < 3 {
			heap.Push(&s.agenda, &event{at: now + wait, client: c})
		}
		return
	}
	s.window.Correct(entry, cost.Tokens())
	c.entry, c.open, c.admitted = entry, open, now
	s.admitted = append(s.admitted, c)
	heap.Push(&s.agenda, &event{at: now + c.takes, client: c, ends: true})
}

func (s *simulation) end(now time.Duration, c *client) {
	s.window.Correct(c.entry, c.actual())
	s.outstanding.Close(now, c.open, c.actual())
	s.caller.Learn(c.bytes, c.input, c.output)
}

// worst is the most that the calls of any minute cost, by the limit. It knows
// nothing of reservations and buckets, only what was admitted when and what it
// cost.
func (s *simulation) worst() float64 {
	most, sum, first := 0, 0, 0
	for _, c := range s.admitted {
		for ; s.admitted[first].admitted <= c.admitted-minute; first++ {
			sum -= s.admitted[first].actual()
		}
		sum += c.actual()
		most = max(most, sum)
	}
	return float64(most) / float64(s.traffic.limit)
}

// use is the mean over time of what the calls of the minute before cost, by the
// limit, from the first minute's end on.
func (s *simulation) use() float64 {
	sum := 0.0
	for _, c := range s.admitted {
		if counted := min(c.admitted+minute, s.length) - max(c.admitted, minute); counted > 0 {
			sum += float64(c.actual()) * counted.Seconds()
		}
	}
	return sum / float64(s.traffic.limit) / (s.length - minute).Seconds()
}
