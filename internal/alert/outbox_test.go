package alert

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
)

func newOutbox() *outbox { return &outbox{entries: make(map[fairlead.AppID]*entry)} }

// taken empties the outbox at now, and returns "app state" of what it gave.
func taken(o *outbox, now time.Time) []string {
	var all []string
	for n, ok := o.take(now); ok; n, ok = o.take(now) {
		o.done(n.app, now, accepted)
		all = append(all, fmt.Sprintf("%s %s", n.app, n.state))
	}
	return all
}

func at(d time.Duration) time.Time { return time.Unix(1_800_000_000, 0).Add(d) }

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOutboxCollapses(t *testing.T) {
	o := newOutbox()
	o.put(notice{app: "a", state: firing})
	o.put(notice{app: "b", state: firing})
	o.put(notice{app: "a", state: resolved}) // nobody knew
	expect(t, taken(o, at(0)), "b firing")

	o.put(notice{app: "a", state: firing})
	o.put(notice{app: "b", state: resolved}) // too early
	expect(t, taken(o, at(noticeGap-1)), "a firing")
	o.put(notice{app: "b", state: firing}) // again what is known
	expect(t, taken(o, at(noticeGap)))
	o.put(notice{app: "b", state: resolved})
	expect(t, taken(o, at(noticeGap)), "b resolved")
}

func TestOutboxReplacesInPlace(t *testing.T) {
	o := newOutbox()
	o.put(notice{app: "a", state: firing})
	expect(t, taken(o, at(0)), "a firing")
	if o.reminding("a", at(remindAfter-1)) || !o.reminding("a", at(remindAfter)) || o.reminding("b", at(remindAfter)) {
		t.Error("got a reminder at a wrong time, want it for a after half an hour")
	}
	o.remind(notice{app: "a", state: firing})
	if o.reminding("a", at(remindAfter)) {
		t.Error("got a reminder due while one waits")
	}
	o.put(notice{app: "b", state: firing})
	o.put(notice{app: "a", state: resolved}) // takes the reminder's place
	expect(t, taken(o, at(remindAfter)), "a resolved", "b firing")
	if len(o.queue) != 0 {
		t.Errorf("got %d in the queue, want none", len(o.queue))
	}
}

func TestOutboxAfterAFailure(t *testing.T) {
	o := newOutbox()
	for _, next := range []state{firing, resolved} {
		o.put(notice{app: "a", state: firing})
		if _, ok := o.take(at(0)); !ok {
			t.Fatal("got no notice, want one")
		}
		if o.reminding("a", at(time.Hour)) {
			t.Error("got a reminder due while a notice is on its way")
		}
		o.done("a", at(0), givenUp)
		o.put(notice{app: "a", state: next}) // whatever it is
		expect(t, taken(o, at(noticeGap)), "a "+next.String())
		o.put(notice{app: "a", state: resolved})
		taken(o, at(0))
		o = newOutbox()
	}
}

func TestOutboxForgets(t *testing.T) {
	o := newOutbox()
	o.put(notice{app: "a", state: firing})
	o.put(notice{app: "b", state: firing})
	o.put(notice{app: "c", state: firing})
	expect(t, taken(o, at(0)), "a firing", "b firing", "c firing")
	o.put(notice{app: "b", state: resolved})
	o.put(notice{app: "c", state: resolved})
	if n, ok := o.take(at(noticeGap)); !ok || n.app != "b" {
		t.Fatalf("got %v %v, want the end of b's", n, ok)
	}
	o.tidy(at(time.Hour), 100) // a is in alert, b's notice on its way, c's waits
	if len(o.entries) != 3 {
		t.Errorf("got %d apps, want 3", len(o.entries))
	}
	o.done("b", at(noticeGap), accepted)
	expect(t, taken(o, at(noticeGap)), "c resolved")
	o.tidy(at(2*noticeGap-1), 100) // too early: what comes next has to wait
	if len(o.entries) != 3 {
		t.Errorf("got %d apps, want 3", len(o.entries))
	}
	for range 100 { // one at a time, each has its turn: 1/3 of a chance to be missed, a hundred times
		o.tidy(at(2*noticeGap), 1)
	}
	if _, ok := o.entries["a"]; len(o.entries) != 1 || !ok {
		t.Errorf("got %d apps, want a alone", len(o.entries))
	}
}
