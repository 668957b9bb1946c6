//go:build interleave

package fairqueue

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestInterleavings runs three goroutines in every order of their steps: of the
// atomic operations outside the mutex, of those inside it that touch what others
// touch without it, and of taking the mutex. In each it holds that no limit is
// passed at any step, that at the end nobody waits while a slot is free, and that
// every slot comes back.
//
// Two orders that lead to the same state are gone on with once. The state is the
// queue and where each goroutine is, with the steps that brought it there.
//
// It finds the lost wake-up that is there when Slot.Release does not look at the
// flag again after parking, and the one that is there when enqueue sets the flag
// after reclaiming: either was tried.
func TestInterleavings(t *testing.T) {
	for _, c := range []struct {
		name    string
		slots   int
		lanes   int // the goroutines' flows, in turn
		parked  int // slots that are parked when it begins, one in each lane
		scripts [3]string
	}{
		{"one slot, one lane", 1, 1, 1, [3]string{"er", "er", "er"}},
		{"one slot, three lanes", 1, 3, 1, [3]string{"erer", "er", "er"}},
		{"one slot, nothing parked", 1, 3, 0, [3]string{"er", "er", "er"}},
		{"two slots, two lanes", 2, 2, 2, [3]string{"er", "er", "er"}},
		{"two slots, three lanes", 2, 3, 2, [3]string{"erer", "er", "er"}},
		{"one leaves the queue", 1, 3, 1, [3]string{"er", "ec", "er"}},
		{"one leaves, two come again", 1, 2, 1, [3]string{"erer", "ec", "er"}},
		{"two slots, one leaves", 2, 3, 1, [3]string{"erer", "ec", "er"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := &explorerRun{t: t, seen: map[string]bool{}}
			x.build = func() *stage { return newStage(c.slots, c.lanes, c.parked, c.scripts) }
			x.explore()
			t.Logf("%d states, %d runs", len(x.seen), x.runs)
		})
	}
}

// explorerRun goes through the tree of choices, depth first.
type explorerRun struct {
	t     *testing.T
	build func() *stage
	seen  map[string]bool
	runs  int
}

func (x *explorerRun) explore() {
	todo := [][]int{nil}
	for len(todo) > 0 && !x.t.Failed() {
		path := todo[len(todo)-1]
		todo = append(todo[:len(todo)-1], x.run(path)...)
	}
}

// run replays path and goes on to an end or to a state that was seen. It returns
// the choices that it did not take.
func (x *explorerRun) run(path []int) (others [][]int) {
	x.runs++
	s := x.build()
	defer s.finish()
	for i := 0; ; i++ {
		ready := s.ready()
		if len(ready) == 0 {
			break
		}
		choice := ready[0]
		if i < len(path) {
			choice = path[i]
		} else {
			state := s.state()
			if x.seen[state] {
				return others
			}
			x.seen[state] = true
			for _, other := range ready[1:] {
				others = append(others, append(append([]int{}, s.path...), other))
			}
		}
		s.resume(choice)
		if problem := s.check(); problem != "" {
			x.t.Errorf("%s after %v:\n%s", problem, s.path, s.state())
			return nil
		}
	}
	if problem := s.checkEnd(); problem != "" {
		x.t.Errorf("%s at the end of %v:\n%s", problem, s.path, s.state())
	}
	return others
}

// stage is a queue and its three goroutines, of which one runs at a time. It is
// the queue's explorer.
type stage struct {
	queue   *Queue
	pool    *Pool
	flows   []*Flow
	actors  []*actor
	running *actor
	holder  *actor        // of the mutex
	back    chan struct{} // the running one has come to a step, or to its end
	path    []int
	stopped bool
}

type actor struct {
	number int
	script string
	trace  []string // its steps
	wants  bool     // the mutex
	done   bool
	waiter *Waiter
	ticket Ticket
	holds  bool
	go_    chan struct{}
}

func newStage(slots, lanes, parked int, scripts [3]string) *stage {
	s := &stage{back: make(chan struct{})}
	now := time.Duration(0)
	s.queue = New(Config{Slots: slots, MaxWaiting: 10, Clock: Clock{
		Now: func() time.Duration { return now }, AfterFunc: func(time.Duration, func()) {},
	}})
	s.pool = s.queue.Pool(PoolConfig{})
	for range lanes {
		s.flows = append(s.flows, s.queue.Tenant(TenantConfig{}).Flow(1))
	}
	var tickets []Ticket
	for i := range parked {
		ticket, _, _ := s.queue.Enter(Request{Flow: s.flows[i%lanes], Pool: s.pool})
		tickets = append(tickets, ticket)
	}
	for _, ticket := range tickets {
		ticket.Release()
	}
	s.queue.mu.explore = s
	for i, script := range scripts {
		a := &actor{number: i, script: script, go_: make(chan struct{})}
		s.actors = append(s.actors, a)
		go s.act(a, s.flows[i%lanes])
	}
	return s
}

// act runs a script: e enters, r releases what was got or waits for it, c
// cancels a wait that goes on and else releases.
func (s *stage) act(a *actor, flow *Flow) {
	<-a.go_
	for _, op := range a.script {
		if s.stopped {
			break
		}
		switch op {
		case 'e':
			ticket, w, err := s.queue.Enter(Request{Flow: flow, Pool: s.pool, Arrival: time.Duration(a.number)})
			if err != nil {
				panic(err)
			}
			a.ticket, a.waiter, a.holds = ticket, w, w == nil
		case 'r':
			s.await(a)
			if !s.stopped {
				a.holds = false
				a.ticket.Release()
			}
		case 'c':
			s.leave(a)
		}
	}
	a.done = true
	s.back <- struct{}{}
}

// await lets a go on when it has what it waits for.
func (s *stage) await(a *actor) {
	for a.waiter != nil && !s.stopped {
		select {
		case <-a.waiter.Ready():
			a.ticket, _ = a.waiter.Result()
			a.waiter, a.holds = nil, true
		default:
			s.step("wait")
		}
	}
}

func (s *stage) leave(a *actor) {
	s.step("leave")
	if s.stopped {
		return
	}
	if a.waiter == nil {
		a.holds = false
		a.ticket.Release()
		return
	}
	a.waiter.Cancel()
	a.waiter = nil
}

// step implements explorer.
func (s *stage) step(label string) {
	a := s.running
	if s.stopped {
		return
	}
	a.trace = append(a.trace, label)
	s.back <- struct{}{}
	<-a.go_
}

func (s *stage) lock() {
	if s.stopped {
		return
	}
	s.running.wants = true
	s.step("lock")
	s.running.wants = false
	s.holder = s.running
}

func (s *stage) unlock() { s.holder = nil }

// ready lists who can go on.
func (s *stage) ready() (numbers []int) {
	for _, a := range s.actors {
		if a.done || a.wants && s.holder != nil {
			continue
		}
		if last := len(a.trace) - 1; last >= 0 && a.trace[last] == "wait" && a.waiter != nil && len(a.waiter.ready) == 0 {
			continue
		}
		numbers = append(numbers, a.number)
	}
	return numbers
}

// resume lets one go to its next step.
func (s *stage) resume(number int) {
	s.path = append(s.path, number)
	s.running = s.actors[number]
	s.running.go_ <- struct{}{}
	<-s.back
}

// state is all that what happens next depends on.
func (s *stage) state() string {
	var b strings.Builder
	q := s.queue
	fmt.Fprintf(&b, "slow %v in use %d waiting %d holder %v;", q.slow.Load(), q.inUse, q.waiting.Load(), s.holder != nil)
	for _, f := range s.flows {
		for l := f.lanes.Load(); l != nil; l = l.more.Load() {
			fmt.Fprintf(&b, " lane %d parked %d listed %v", l.held, l.resting(), l.listed)
			for w := l.head; w != nil; w = w.next {
				fmt.Fprintf(&b, " waits %d", w.arrival)
			}
		}
	}
	for _, a := range s.actors {
		fmt.Fprintf(&b, "; %d %v %v %s", a.number, a.holds, a.waiter != nil && len(a.waiter.ready) > 0, strings.Join(a.trace, " "))
	}
	return b.String()
}

// check says what is wrong at a step.
func (s *stage) check() string {
	held := 0
	for _, a := range s.actors {
		if a.holds {
			held++
		}
	}
	if held > s.queue.slots {
		return fmt.Sprintf("%d held of %d slots", held, s.queue.slots)
	}
	if s.holder == nil && s.queue.inUse > s.queue.slots {
		return fmt.Sprintf("%d in use of %d slots", s.queue.inUse, s.queue.slots)
	}
	return ""
}

// checkEnd says what is wrong when nobody can go on.
func (s *stage) checkEnd() string {
	for _, a := range s.actors {
		if !a.done {
			return fmt.Sprintf("goroutine %d waits for ever", a.number)
		}
	}
	s.queue.mu.explore = nil
	if u := s.queue.Snapshot(); u.InUse != 0 || u.Waiting != 0 {
		return fmt.Sprintf("%+v is left", u)
	}
	if s.queue.DoubleReleases() != 0 {
		return "a slot was released twice"
	}
	return ""
}

// finish ends the goroutines of a run that was broken off.
func (s *stage) finish() {
	for s.queue.mu.explore != nil {
		ready := s.ready()
		if len(ready) == 0 {
			break
		}
		s.resume(ready[0])
	}
	s.stopped = true
	for _, a := range s.actors {
		if !a.done { // it waits for ever
			s.running = a
			a.go_ <- struct{}{}
			<-s.back
		}
	}
}
