package faults_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// atOnce is how many providers' faults are played at one time: few where times are
// held, so that what is measured is not the machine's being busy.
func atOnce() int {
	if proof() {
		return 3
	}
	return 16
}

// mostTries is how often a call may be sent: retry.max_attempts' default.
const mostTries = 3

// cell is a call that meets a fault at one moment.
type cell struct {
	question
	mid  bool
	want []string
	// within is the time that the call has, counted from the moment at which the
	// fault strikes if fromStrike is set, else from the call's start.
	within     time.Duration
	fromStrike bool
	aborts     bool
	// ready, if there is one, is called before the fault strikes.
	ready func()
}

// name tells the cell from the others of its provider; it is its model, too.
func (c *cell) name() string {
	moment, kind := "before", onlyJSON
	if c.mid {
		moment = "mid"
	}
	if c.stream {
		kind = onlyStream
	}
	return moment + "-" + kind + "-" + c.face
}

// cells are all calls that meet the fault at the provider.
func (f fault) cells(provider string) (all []*cell) {
	for _, c := range []cell{
		{want: f.before},
		{want: f.before, question: question{stream: true}},
		{want: f.mid, mid: true},
		{want: f.mid, mid: true, question: question{stream: true}},
	} {
		if len(c.want) == 0 || c.stream && f.only == onlyJSON || !c.stream && f.only == onlyStream {
			continue
		}
		c.app, c.prompt = provider, strings.Repeat("x", f.prompt)
		c.aborts, c.within = f.aborts && !c.stream, callTime
		// A stream that has begun is not tried again: its provider's silence ends it.
		if c.fromStrike = c.mid && c.stream && !f.alive; c.fromStrike {
			c.within = readTime
		}
		for _, face := range slices.Concat(faces(), c.socketFaces()) {
			one := c
			one.face = face
			one.model = one.name()
			all = append(all, &one)
		}
	}
	return all
}

// figures are the worst of what was measured.
type figures struct {
	mu      sync.Mutex
	cells   int
	late    time.Duration // after the call's time
	lateAt  string
	empty   time.Duration // until nothing was held
	emptyAt string
	seen    map[string]int // cells by outcome
}

func (f *figures) ended(name string, late time.Duration, o outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cells++; f.cells == 1 || late > f.late {
		f.late, f.lateAt = late, name
	}
	if f.seen == nil {
		f.seen = make(map[string]int)
	}
	f.seen[o.String()]++
}

func (f *figures) emptied(name string, after time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if after > f.empty {
		f.empty, f.emptyAt = after, name
	}
}

func (f *figures) tell(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	t.Logf("%d calls: the latest ended %v after its time (%s); nothing was held %v after the last call of a provider (%s); %v",
		f.cells, f.late.Round(time.Millisecond), f.lateAt, f.empty.Round(time.Millisecond), f.emptyAt, f.seen)
}

// bed is the service with its upstreams, and what is found out.
type bed struct {
	*service
	raw *raw
	figures
}

// TestFaults is R1: whatever a provider does wrong, before the answer or within it,
// each face's callers get their error in time, of JSON and of a stream, from
// providers of both dialects, and nothing is left.
func TestFaults(t *testing.T) {
	b := &bed{raw: startRaw(t)}
	var upstreams []upstream
	var groups []fault
	for _, f := range slices.Concat(faults(), nobodies(t)) {
		for _, dialect := range dialects() {
			u := upstream{name: f.name + "-" + dialect, dialect: dialect, http: clocks(), address: f.address}
			if u.address == "" {
				u.address = b.raw.add(u.name, f)
			}
			upstreams, groups = append(upstreams, u), append(groups, f)
		}
	}
	b.service = serve(t, roomy, upstreams)
	b.each(t, upstreams, func(t *testing.T, i int) {
		t.Helper()
		b.play(t, upstreams[i].name, groups[i])
	})
	if n := b.raw.strayed(); n > 0 {
		t.Errorf("%d requests went to where a redirect led", n)
	}
}

// each plays every provider's fault, a few at a time, and tells the figures. In the
// end nothing may be held for anyone.
func (b *bed) each(t *testing.T, upstreams []upstream, play func(t *testing.T, i int)) {
	t.Helper()
	var all sync.WaitGroup
	turn := make(chan struct{}, atOnce())
	for i, u := range upstreams {
		all.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			t.Run(u.name, func(t *testing.T) { play(t, i) })
		})
	}
	all.Wait()
	b.figures.emptied("all", b.service.emptied(t, "", func() int { return 0 }))
	b.tell(t)
}

// roomy are limits at which no call waits for another.
const roomy = "max_concurrent_requests: 1000, max_queue: 2000, max_queue_per_app: 1000"

// play has a provider's fault met by all who can, and looks at what is left.
func (b *bed) play(t *testing.T, provider string, f fault) {
	t.Helper()
	b.meet(t, provider, f.cells(provider), b.raw.busy)
	if f.address == "" && !f.deaf {
		b.recovers(t, provider)
	}
}

// meet makes the calls of all cells of a provider, and waits until nothing of them
// is held, by the service and, as upstream says, by whom it called.
func (b *bed) meet(t *testing.T, provider string, cells []*cell, upstream func(string) int) {
	t.Helper()
	var calls sync.WaitGroup
	for _, c := range cells {
		calls.Go(func() { b.try(t, c) })
	}
	calls.Wait()
	b.figures.emptied(provider, b.service.emptied(t, provider, func() int { return upstream(provider) }))
}

// unseen is for upstreams that do not tell what they hold.
func unseen(string) int { return 0 }

// recovers: the provider's next calls are answered, and with their own answer.
func (b *bed) recovers(t *testing.T, provider string) {
	t.Helper()
	for _, stream := range []bool{false, true} {
		q := question{face: faceOpenAI, app: provider, model: okModel, stream: stream}
		a := b.ask(t.Context(), q)
		if o, err := q.judge(a); err != nil || o.code != "" || o.aborted {
			t.Errorf("the next call, stream %t: status %d, %v, %v, %.200q", stream, a.status, o, err, a.body)
		}
	}
}

// try makes the call of a cell and judges its end.
func (b *bed) try(t *testing.T, c *cell) {
	t.Helper()
	at := b.raw.place(c.app, c.model)
	type moment struct {
		time  time.Time
		tries int
	}
	struck := make(chan moment, 1)
	var once sync.Once
	strike := func() {
		once.Do(func() {
			if c.ready != nil {
				c.ready()
			}
			struck <- moment{time.Now(), b.raw.arrived(c.app, c.model)}
			at.strike()
		})
	}
	ctx, over := context.WithCancel(t.Context())
	var helper sync.WaitGroup
	switch {
	case c.mid && c.stream:
		c.begun = strike
	case c.mid:
		helper.Go(func() {
			select {
			case <-at.begun:
				strike()
			case <-ctx.Done():
			}
		})
	}
	a := b.ask(t.Context(), c.question)
	over()
	helper.Wait()
	strike() // now at the latest
	then := <-struck
	b.check(t, c, a, then.time)
	tries := b.raw.arrived(c.app, c.model)
	if tries > mostTries || c.mid && c.stream && tries > then.tries {
		t.Errorf("%s: it was sent %d times, %d of them before anything of an answer had come", c.name(), tries, then.tries)
	}
}

// check judges what the caller of a cell got, and when. The fault struck at struck.
func (b *bed) check(t *testing.T, c *cell, a answer, struck time.Time) {
	t.Helper()
	began := a.began
	if c.fromStrike {
		began = struck
	}
	past := a.ended.Sub(began) - c.within
	o, err := c.judge(a)
	if err != nil {
		t.Errorf("%s: %v", c.name(), err)
		return
	}
	switch {
	case !proof() && c.mayRunOut(o.code, struck.Sub(a.began)):
	case o.aborted && !c.aborts, !o.aborted && !slices.Contains(c.want, o.String()):
		t.Errorf("%s: got %v, status %d, want %v", c.name(), o, a.status, c.want)
	case c.stream && o.code != "" && o.begun != c.mid:
		t.Errorf("%s: %v came in a stream that had begun: %t, want %t", c.name(), o, o.begun, c.mid)
	}
	if past > lateness() {
		t.Errorf("%s: it ended %v after its time", c.name(), past)
	}
	b.ended(fmt.Sprint(c.app, " ", c.name()), past, o)
}

// mayRunOut says whether a clock may have run out because the machine is busy: what
// the provider says, or its fault, came too late. struck is when it struck, counted
// from the call's start.
func (c *cell) mayRunOut(code string, struck time.Duration) bool {
	if c.fromStrike && code == late {
		return struck > callTime-2*readTime
	}
	return slices.Contains(codes(silent, late, "provider_unreachable"), code)
}

// TestCallersTime: the time that a caller says it has bounds an answer that does
// not begin, on each face and of each kind.
func TestCallersTime(t *testing.T) {
	const has = 300 * time.Millisecond
	b := &bed{raw: startRaw(t)}
	f := silences()[0]
	f.before, f.mid = codes(late), nil
	u := upstream{name: "silent", dialect: dialectOpenAI, address: b.raw.add("silent", f)}
	b.service = serve(t, roomy, []upstream{u})
	cells := f.cells(u.name)
	for _, c := range cells {
		c.timeout, c.within = has.String(), has
	}
	b.meet(t, u.name, cells, b.raw.busy)
	b.tell(t)
}
