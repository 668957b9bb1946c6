package http1

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// line is requests that were begun one after the other.
type line struct {
	asking sync.WaitGroup
	leave  []context.CancelFunc

	mu    sync.Mutex
	order []int // in which they ended, without those that left
}

// lineUp begins n requests. judge is given what each of them got.
func (w *world) lineUp(t *testing.T, n int, judge func(i int, g got)) *line {
	t.Helper()
	l := &line{}
	for i := range n {
		ctx, cancel := context.WithCancel(t.Context())
		l.leave = append(l.leave, cancel)
		l.asking.Go(func() {
			g := w.ask(ctx, post("x"))
			l.mu.Lock()
			defer l.mu.Unlock()
			judge(i, g)
			if ctx.Err() == nil {
				l.order = append(l.order, i)
			}
		})
		synctest.Wait()
	}
	return l
}

// wait waits for all, who are to end in order but for those that left.
func (l *line) wait(t *testing.T) (served int) {
	t.Helper()
	l.asking.Wait()
	for _, cancel := range l.leave {
		cancel()
	}
	if !slices.IsSorted(l.order) {
		t.Errorf("got order %v, want that of arrival", l.order)
	}
	return len(l.order)
}

func TestWaitersAreServedInOrder(t *testing.T) {
	for name, end := range map[string]string{"the connection": "", "the right to dial": "Connection: close\r\n"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Settings{MaxConnections: 1}, serving(func(_ int, _ *http.Request, conn net.Conn) bool {
					<-time.After(time.Second)
					return say(conn, "HTTP/1.1 200 OK\r\n"+end+"Content-Length: 0\r\n\r\n") && end == ""
				}))
				began := time.Now()
				if served := w.lineUp(t, 11, func(_ int, g got) { g.want(t, "") }).wait(t); served != 11 {
					t.Errorf("%d were served, want 11", served)
				}
				if took := time.Since(began); took != 11*time.Second {
					t.Errorf("took %v, want 11s", took)
				}
				if got := w.Stats(); got.Waits != 10 || got.Waited != 55*time.Second {
					t.Errorf("got %d waits of %v, want 10 of 55s", got.Waits, got.Waited)
				}
			})
		})
	}
}

func TestWaiterThatLeavesMakesNoHole(t *testing.T) {
	for _, leaving := range [][]int{{1}, {3}, {5}, {1, 2, 3}, {2, 5}, {1, 2, 3, 4, 5}} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Settings{MaxConnections: 1}, slowly())
			began := time.Now()
			line := w.lineUp(t, 6, func(i int, g got) {
				if !slices.Contains(leaving, i) {
					g.want(t, "slow")
					return
				}
				g.wantErr(t, context.Canceled, before)
				if g.took != 0 {
					t.Errorf("a request that left returned after %v, want at once", g.took)
				}
			})
			for _, i := range leaving {
				line.leave[i]()
			}
			served := line.wait(t)
			if took := time.Since(began); served != 6-len(leaving) || took != time.Duration(served)*time.Second {
				t.Errorf("%v left: %d others took %v, want a second each", leaving, served, took)
			}
		})
	}
}

func TestGrantToOneThatLeftIsPassedOn(t *testing.T) {
	for name, g := range map[string]grant{"a connection": {&conn{}}, "a place": {}} {
		synctest.Test(t, func(t *testing.T) {
			p := &pool{max: 1, places: 1}
			gone := &waiter{granted: make(chan grant, 1)}
			next := &waiter{granted: make(chan grant, 1)}
			p.queue.push(gone)
			p.queue.push(next)
			p.mu.Lock()
			p.grantTo(gone, g) // between the end of its context and its leaving
			p.mu.Unlock()
			p.abandon(gone)
			select {
			case got := <-next.granted:
				if got != g {
					t.Errorf("%s: got %v, want %v", name, got, g)
				}
			default:
				t.Errorf("%s was not passed on", name)
			}
		})
	}
}

func TestFailedDialPassesTheRightOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("no route")
		dials := 0
		s := Settings{MaxConnections: 1, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			dials++
			<-time.After(time.Second)
			return nil, broken
		}}
		w := newWorld(t, s, nil)
		w.lineUp(t, 4, func(i int, g got) {
			g.wantErr(t, broken, before)
			if want := time.Duration(i+1) * time.Second; g.took != want {
				t.Errorf("request %d took %v, want %v", i, g.took, want)
			}
		}).wait(t)
		if dials != 4 {
			t.Errorf("got %d dials, want 4", dials)
		}
		if got := w.Stats(); got.Open != 0 || got.Dialled != 0 {
			t.Errorf("got %+v, want nothing open or dialled", got)
		}
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Settings{KeepaliveExpiry: time.Minute, MaxConnections: 3}, slowly())
		w.together(t, 2)
		var under sync.WaitGroup
		under.Go(func() { w.together(t, 1) })
		synctest.Wait()
		w.Close()
		if _, open, _ := w.conns(); open != 1 {
			t.Errorf("after Close %d connections are open, want the one in use", open)
		}
		under.Wait()
		w.together(t, 1) // of a caller that did not hear of it
		if _, open, _ := w.conns(); open != 0 {
			t.Errorf("in the end %d connections are open, want 0", open)
		}
		w.Close()
	})
}

func TestStatsOfAQuietClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Settings{}, slowly())
		var calls sync.WaitGroup
		calls.Go(func() { w.together(t, 2) })
		synctest.Wait()
		if got, want := w.Stats(), (Stats{Open: 2, InUse: 2, Dialled: 2}); got != want {
			t.Errorf("in use: got %+v, want %+v", got, want)
		}
		calls.Wait()
		if got, want := w.Stats(), (Stats{Open: 2, Idle: 2, Dialled: 2}); got != want {
			t.Errorf("idle: got %+v, want %+v", got, want)
		}
	})
}
