package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
)

const minutes5 = 5 * time.Minute

func open(t *testing.T, logs *Logs, id string, o Options) *Log {
	t.Helper()
	l, err := logs.Open("crm", id, o)
	if err != nil {
		t.Fatalf("open %q: %v", id, err)
	}
	return l
}

func add(t *testing.T, l *Log, events ...string) {
	t.Helper()
	for _, e := range events {
		if _, err := l.Append([]byte(e)); err != nil {
			t.Fatalf("append: %v", err)
		}
	}
}

func cursor(t *testing.T, l *Log, after int64) *Cursor {
	t.Helper()
	c, err := l.Cursor(after)
	if err != nil {
		t.Fatalf("cursor after %d: %v", after, err)
	}
	t.Cleanup(c.Close)
	return c
}

// rest reads all that is there, and tells how it ended; nil if there is nothing
// more yet.
func rest(c *Cursor) (text string, err error) {
	var all bytes.Buffer
	for {
		b, err := c.Take()
		all.Write(b.Data)
		if err != nil || b.Len() == 0 {
			return all.String(), err
		}
	}
}

// check holds the bytes that are accounted for to those that are there.
func check(t *testing.T, logs *Logs) {
	t.Helper()
	logs.mu.Lock()
	defer logs.mu.Unlock()
	var sum int64
	seen := make(map[*Log]bool)
	count := func(l *Log) {
		if seen[l] {
			t.Fatal("a log is listed twice")
		}
		seen[l] = true
		held := int64(logBytes)
		for _, c := range l.chunks {
			held += c.bytes()
		}
		if l.held != held {
			t.Fatalf("a log counts for %d bytes and holds %d", l.held, held)
		}
		sum += held
	}
	for e := logs.whole.Front(); e != nil; e = e.Next() {
		count(logOf(e))
	}
	for e := logs.ended.Front(); e != nil; e = e.Next() {
		count(logOf(e))
	}
	for _, l := range logs.byName {
		if !seen[l] && !l.over { // cut, and still written
			count(l)
		}
	}
	if sum != logs.bytes {
		t.Fatalf("%d bytes are accounted for, %d are there", logs.bytes, sum)
	}
	if b := logs.config.Budget; b > 0 && sum > b {
		t.Fatalf("%d bytes are held, of %d", sum, b)
	}
}

func TestEventsAreNumberedAndReadFromAnywhere(t *testing.T) {
	for _, first := range []int64{0, 1} {
		t.Run(fmt.Sprintf("from %d", first), func(t *testing.T) { readFromAnywhere(t, first) })
	}
}

func readFromAnywhere(t *testing.T, first int64) {
	t.Helper()
	logs := New(Config{Keep: minutes5})
	l := open(t, logs, "req_1", Options{First: first})
	for i := range int64(3) {
		if seq, err := l.Append(fmt.Appendf(nil, "e%d;", first+i)); err != nil || seq != first+i {
			t.Errorf("event %d has the number %d, %v", first+i, seq, err)
		}
	}
	found, err := logs.Find("crm", "req_1")
	if err != nil {
		t.Fatal(err)
	}
	var numbers []int64
	var texts []string
	b, err := cursor(t, found, first).Next(t.Context())
	for seq, event := range b.All() {
		numbers, texts = append(numbers, seq), append(texts, string(event))
	}
	want := fmt.Sprintf("[e%d; e%d;] [%d %d]", first+1, first+2, first+1, first+2)
	if got := fmt.Sprint(texts, numbers); err != nil || got != want || b.First != first+1 {
		t.Errorf("after the first: %s from %d, %v, want %s", got, b.First, err, want)
	}
	if _, err := l.Cursor(first + 3); !fairlead.IsKind(err, fairlead.Invalid) {
		t.Errorf("after an event that is not there: %v", err)
	}
	if _, err := l.Cursor(math.MaxInt64); !fairlead.IsKind(err, fairlead.Invalid) {
		t.Errorf("the last number that there is: got %v, want Invalid", err)
	}
	if text, err := rest(cursor(t, l, first+2)); text != "" || err != nil {
		t.Errorf("after the last: %q, %v", text, err)
	}
	if text, _ := rest(cursor(t, l, -100)); strings.Count(text, ";") != 3 {
		t.Errorf("from long before: %q", text)
	}
}

func TestHowALogEnds(t *testing.T) {
	failed := &fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_error"}
	for _, c := range []struct {
		failure *fairlead.Error
		want    error
	}{{nil, io.EOF}, {failed, failed}} {
		l := open(t, New(Config{Keep: minutes5}), "a", Options{})
		add(t, l, "one")
		early := cursor(t, l, -1)
		l.Close(c.failure)
		l.Close(&fairlead.Error{})
		for range 2 { // it stays so
			if text, err := rest(early); !strings.HasPrefix("one", text) || !errors.Is(err, c.want) {
				t.Errorf("%q, %v; want the event and %v", text, err, c.want)
			}
		}
		if text, err := rest(cursor(t, l, -1)); text != "one" || !errors.Is(err, c.want) {
			t.Errorf("after the end: %q, %v", text, err)
		}
		if _, err := l.Append([]byte("more")); !fairlead.IsKind(err, fairlead.Internal) {
			t.Errorf("appended after the end: %v", err)
		}
	}
}

func TestWhoseLogItIs(t *testing.T) {
	logs := New(Config{Keep: minutes5})
	l := open(t, logs, "", Options{})
	if _, err := logs.Find("crm", ""); !fairlead.IsKind(err, fairlead.NotFound) {
		t.Errorf("a log without a name was found: %v", err)
	}
	l.Name("resp_1")
	_, unknown := logs.Find("crm", "resp_2")
	_, foreign := logs.Find("other", "resp_1")
	if a, b := fmt.Sprintf("%#v", fairlead.AsError(unknown)), fmt.Sprintf("%#v", fairlead.AsError(foreign)); a != b || !fairlead.IsKind(unknown, fairlead.NotFound) {
		t.Errorf("unknown: %s\nforeign: %s", a, b)
	}
	if _, err := logs.Cancel("other", "resp_1", nil); !fairlead.IsKind(err, fairlead.NotFound) {
		t.Errorf("another app canceled it: %v", err)
	}
	l.Name("resp_3") // a later name takes the place of the first
	if _, err := logs.Find("crm", "resp_1"); err == nil {
		t.Error("it is found by the name that it had")
	}
	again := open(t, logs, "resp_3", Options{})
	if found, _ := logs.Find("crm", "resp_3"); found != again {
		t.Error("the name is not the newer log's")
	}
	again.Discard()
	if _, err := logs.Find("crm", "resp_3"); !fairlead.IsKind(err, fairlead.NotFound) {
		t.Errorf("a discarded log: %v", err)
	}
	check(t, logs)
}

// TestBudget: the oldest that has ended goes first, then the oldest that is written
// is cut; who keeps up with that reads on, and nobody comes back to it.
func TestBudget(t *testing.T) {
	logs := New(Config{Budget: 8 * MinBudget, Keep: minutes5})
	event := strings.Repeat("x", 1000)
	oldest, ended, newest := open(t, logs, "oldest", Options{}), open(t, logs, "ended", Options{}), open(t, logs, "newest", Options{})
	for _, l := range []*Log{oldest, ended, newest} {
		for range 60 {
			add(t, l, event)
		}
	}
	ended.Close(nil)
	keepsUp, behind := cursor(t, oldest, 50), cursor(t, oldest, 9)
	_, _ = rest(keepsUp)
	tidy := cursor(t, ended, 20)
	wantFound := func(id string, want fairlead.Kind) {
		t.Helper()
		_, err := logs.Find("crm", id)
		if got := fairlead.AsError(err); want == 0 && got != nil || want != 0 && (got == nil || got.Kind != want) {
			t.Errorf("%s: %v, want %v", id, err, want)
		}
	}
	evict := func(n int64) {
		t.Helper()
		for logs.Stats().Evicted < n {
			add(t, newest, event)
			check(t, logs)
		}
	}
	evict(1)
	wantFound("oldest", 0)
	wantFound("ended", fairlead.Gone)
	wantFound("newest", 0)
	if _, err := rest(tidy); !fairlead.IsKind(err, fairlead.Gone) {
		t.Errorf("a reader of what was dropped: %v", err)
	}
	evict(2)
	wantFound("oldest", fairlead.Gone)
	wantFound("newest", 0)
	if _, err := oldest.Cursor(9); !fairlead.IsKind(err, fairlead.Gone) {
		t.Errorf("a new reader of what was cut: %v", err)
	}
	if _, err := rest(behind); !fairlead.IsKind(err, fairlead.Gone) {
		t.Errorf("a reader that fell behind: %v", err)
	}
	for range 100 {
		add(t, oldest, event)
		if text, err := rest(keepsUp); text != event || err != nil {
			t.Fatalf("a reader that keeps up read %d bytes, %v", len(text), err)
		}
	}
	oldest.Close(nil)
	if _, err := rest(keepsUp); !errors.Is(err, io.EOF) {
		t.Errorf("at its end: %v", err)
	}
	wantFound("oldest", fairlead.Gone)
	check(t, logs)
}

// TestUnreadTail: a log that is cut and that nobody reads holds nothing.
func TestUnreadTail(t *testing.T) {
	logs := New(Config{Budget: 4 * MinBudget, Keep: minutes5})
	l, other := open(t, logs, "a", Options{}), open(t, logs, "b", Options{})
	c := cursor(t, l, -1)
	for logs.Stats().Evicted == 0 {
		add(t, l, strings.Repeat("x", 500))
	}
	c.Close()
	add(t, l, "more", "and more")
	if l.held != logBytes {
		t.Errorf("it holds %d bytes", l.held)
	}
	if _, err := l.Cursor(l.next - 1); !fairlead.IsKind(err, fairlead.Gone) {
		t.Errorf("a reader came back to it: %v", err)
	}
	add(t, other, strings.Repeat("x", 50_000)) // one event may be larger than a chunk
	check(t, logs)
	l.Close(nil)
	other.Close(nil)
	check(t, logs)
}

func TestNoRoom(t *testing.T) {
	logs := New(Config{Budget: 1, Keep: minutes5, BusyWait: func() time.Duration { return 7 * time.Second }})
	l := open(t, logs, "a", Options{})
	_, err := logs.Open("crm", "b", Options{})
	if e := fairlead.AsError(err); e == nil || e.Kind != fairlead.Busy || e.RetryAfter != 7*time.Second {
		t.Errorf("one log too many: %+v", e)
	}
	if _, err := l.Append(make([]byte, 2*MinBudget)); !fairlead.IsKind(err, fairlead.Busy) {
		t.Errorf("an event that is too large: %v", err)
	}
	check(t, logs)
	l.Close(nil)
	open(t, logs, "b", Options{}).Close(nil)
	check(t, logs)
}

// TestGrace: the work of a log that nobody reads is stopped once, after the grace,
// which begins before the first reader comes.
func TestGrace(t *testing.T) {
	const grace = time.Minute
	for _, c := range []struct {
		name string
		does func(l *Log)
		want time.Duration // after which it is stopped; 0 is never
	}{
		{"nobody ever comes", func(*Log) {}, grace},
		{"a reader stays", func(l *Log) { _, _ = l.Cursor(-1) }, 0},
		{"a reader leaves", func(l *Log) { stay(l, 10*time.Second) }, 10*time.Second + grace},
		{"one of two leaves", func(l *Log) { stay(l, time.Second); stay(l, 20*time.Second) }, 21*time.Second + grace},
		{"a reader comes back", func(l *Log) {
			stay(l, time.Second)
			<-time.After(grace - 1)
			stay(l, time.Second)
		}, 2*time.Second + 2*grace - 1},
		{"it ends before", func(l *Log) { stay(l, time.Second); l.Close(nil) }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				logs, began := New(Config{Keep: minutes5}), time.Now()
				var stops []time.Duration
				l := open(t, logs, "a", Options{Grace: grace, Cancel: func(cause *fairlead.Error) {
					if cause.Kind != fairlead.Canceled || cause.Code != "abandoned" {
						t.Errorf("cause %+v", cause)
					}
					stops = append(stops, time.Since(began))
				}})
				c.does(l)
				<-time.After(10 * grace)
				synctest.Wait()
				if len(stops) > 1 || c.want == 0 && len(stops) > 0 || c.want > 0 && (len(stops) == 0 || stops[0] != c.want) {
					t.Errorf("stopped after %v, want %v", stops, c.want)
				}
			})
		})
	}
}

func stay(l *Log, d time.Duration) {
	c, err := l.Cursor(-1)
	if err != nil {
		panic(err)
	}
	<-time.After(d)
	c.Close()
}

func TestCancel(t *testing.T) {
	logs, stops := New(Config{Keep: minutes5}), 0
	l := open(t, logs, "a", Options{Cancel: func(*fairlead.Error) { stops++ }})
	for _, want := range []bool{true, false} {
		if stopped, err := logs.Cancel("crm", "a", &fairlead.Error{}); stopped != want || err != nil {
			t.Errorf("stopped %t, %v", stopped, err)
		}
	}
	l.Close(nil)
	open(t, logs, "b", Options{}).Close(nil)
	if stopped, err := logs.Cancel("crm", "b", &fairlead.Error{}); stopped || err != nil || stops != 1 {
		t.Errorf("stopped %t, %v, in all %d", stopped, err, stops)
	}
}

// TestKeep: a log is found for so long after its end; who reads it then may finish.
func TestKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs := New(Config{Keep: minutes5})
		l, later := open(t, logs, "a", Options{}), open(t, logs, "b", Options{})
		add(t, l, "one")
		<-time.After(time.Hour)
		l.Close(nil)
		<-time.After(time.Minute)
		later.Close(nil)
		<-time.After(4*time.Minute - 1)
		if _, err := logs.Find("crm", "a"); err != nil {
			t.Errorf("in time: %v", err)
		}
		reading := cursor(t, l, -1)
		<-time.After(1)
		synctest.Wait()
		if _, err := logs.Find("crm", "a"); !fairlead.IsKind(err, fairlead.NotFound) {
			t.Errorf("after its time: %v", err)
		}
		if text, err := rest(reading); text != "one" || !errors.Is(err, io.EOF) {
			t.Errorf("who reads: %q, %v", text, err)
		}
		reading.Close()
		reading.Close()
		<-time.After(1)
		synctest.Wait()
		if s := logs.Stats(); s.Logs != 1 || s.Bytes != logBytes || s.Readers != 0 {
			t.Errorf("left: %+v", s)
		}
		<-time.After(minutes5)
		if s := logs.Stats(); s != (Stats{}) {
			t.Errorf("left at last: %+v", s)
		}
	})
}

func TestNextWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, New(Config{Keep: minutes5}), "a", Options{})
		c := cursor(t, l, -1)
		time.AfterFunc(time.Second, func() { add(t, l, "one") })
		if b, err := c.Next(t.Context()); string(b.Data) != "one" || err != nil {
			t.Errorf("%q, %v", b.Data, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		time.AfterFunc(time.Second, func() { l.Close(nil) })
		if _, err := c.Next(t.Context()); !errors.Is(err, io.EOF) {
			t.Errorf("%v", err)
		}
	})
}
