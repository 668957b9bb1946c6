package search

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
)

// TestOneAppsTrouble: what keeps one app's documents from being embedded does not hold up
// another's, and what is the model's trouble leaves the model alone.
func TestOneAppsTrouble(t *testing.T) {
	for name, test := range map[string]struct {
		err *fairlead.Error
		// left is how many documents of another app have no vectors a little later.
		left int
	}{
		"not allowed":   {&fairlead.Error{Kind: fairlead.Forbidden, Code: "model_not_allowed"}, 0},
		"over a limit":  {&fairlead.Error{Kind: fairlead.Limited, Code: "rate_limit_tokens", RetryAfter: time.Minute}, 0},
		"removed":       {&fairlead.Error{Kind: fairlead.NotFound, Code: "app_unknown"}, 0},
		"its own queue": {fairlead.NewBusy("queue_full_app", "", time.Minute), 0},
		"the provider":  {fairlead.NewBusy("provider_rate_limited", "", 10*time.Minute), 40},
		"an outage":     {&fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_error", Hold: 10 * time.Minute}, 40},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { oneAppsTrouble(t, test.err, test.left) })
		})
	}
}

func oneAppsTrouble(t *testing.T, trouble *fairlead.Error, wantLeft int) {
	t.Helper()
	var asked atomic.Int64
	var healed atomic.Bool
	st := withModel(t, newModel(), func(c *Config) {
		errand := c.Errand
		c.Errand = func(ctx context.Context, app fairlead.AppID, op fairlead.Operation, task func(ctx context.Context, call *fairlead.Call) error) error {
			if app == "troubled" && !healed.Load() {
				asked.Add(1)
				return trouble
			}
			return errand(ctx, app, op, task)
		}
	})
	defer st.Close()
	var troubled, others []fairlead.DocumentID
	for n := range 60 {
		troubled = append(troubled, st.put(t, "troubled", fairlead.Document{EmbeddingPending: true}, fmt.Sprintf("text %d", n)).ID)
	}
	for n := range 40 {
		others = append(others, st.put(t, "other", fairlead.Document{EmbeddingPending: true}, fmt.Sprintf("text %d", n)).ID)
	}
	stop := st.run(t)
	defer stop()
	<-time.After(9 * time.Second)
	left := slices.DeleteFunc(slices.Clone(others), func(id fairlead.DocumentID) bool { return !st.library.pending(id) })
	if len(left) != wantLeft {
		t.Errorf("%d documents of the other app are left, want %d", len(left), wantLeft)
	}
	<-time.After(10 * time.Minute)
	synctest.Wait()
	if n := asked.Load(); n < 2 || n > 15 {
		t.Errorf("the troubled app was asked for %d times", n)
	}
	healed.Store(true)
	<-time.After(11 * time.Minute)
	synctest.Wait()
	for _, id := range slices.Concat(troubled, others) {
		if st.library.pending(id) {
			t.Errorf("%s is still pending", id)
		}
	}
	stop()
}

// TestTurns: a large backlog of one app is no reason for another to wait.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []fairlead.AppID
		st := withModel(t, newModel(), func(c *Config) {
			errand := c.Errand
			c.Errand = func(ctx context.Context, app fairlead.AppID, op fairlead.Operation, task func(ctx context.Context, call *fairlead.Call) error) error {
				order = append(order, app)
				return errand(ctx, app, op, task)
			}
		})
		defer st.Close()
		for n := range 100 {
			st.put(t, "large", fairlead.Document{EmbeddingPending: true}, fmt.Sprintf("text %d", n))
		}
		st.put(t, "small", fairlead.Document{EmbeddingPending: true}, "text")
		stop := st.run(t)
		defer stop()
		st.embedded(t)
		synctest.Wait()
		if at := slices.Index(order, "small"); at < 0 || at > 1 || len(order) != 101 {
			t.Errorf("the small app came at %d of %d", at, len(order))
		}
		stop()
	})
}

// slowChunks holds up whoever reads the chunks of a document.
type slowChunks struct {
	*library

	slow    fairlead.DocumentID
	begun   chan struct{}
	release chan struct{}
}

func (c *slowChunks) Chunks(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID, from, limit int) ([]fairlead.Chunk, error) {
	if id == c.slow {
		c.begun <- struct{}{}
		<-c.release
	}
	return c.library.Chunks(ctx, app, id, from, limit)
}

// TestForget: a deleted document is taken out while the program runs, and when it ends;
// nobody waits for another document that is being put in.
func TestForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &slowChunks{begun: make(chan struct{}), release: make(chan struct{})}
		st := newStage(t, func(c *Config) { c.Chunks = slow })
		slow.library = st.library
		defer st.Close()
		goes, later := st.put(t, "a", fairlead.Document{}, "a text that goes"), st.put(t, "a", fairlead.Document{}, "a text that goes later")
		stop := st.run(t)
		defer stop()
		<-time.After(2 * checkSoon) // it is not compared with the store for some minutes now
		big := st.library.put("a", fairlead.Document{}, "a text that takes its time")
		slow.slow = big.ID
		added := make(chan error)
		go func() { added <- st.Add(t.Context(), big) }()
		<-slow.begun

		forget := func(d fairlead.Document) {
			st.library.remove(d.ID)
			st.Forget("a", d.Number)
		}
		holds := func(want ...fairlead.Document) {
			t.Helper()
			r, err := st.room("a")
			if err != nil {
				t.Fatal(err)
			}
			held, err := r.shelf.Held()
			if err != nil || len(held) != len(want) {
				t.Errorf("the shelf has %v, %v, want %d documents", held, err, len(want))
			}
			for _, d := range want {
				if held[d.Number] == 0 {
					t.Errorf("the shelf lacks %s", d.ID)
				}
			}
		}
		began := time.Now()
		forget(goes)
		if took := time.Since(began); took > 0 {
			t.Errorf("it took %v", took)
		}
		<-time.After(time.Minute)
		holds(goes, later)
		slow.release <- struct{}{}
		<-slow.begun // the second page, of which there is none
		slow.release <- struct{}{}
		if err := <-added; err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		holds(later, big)
		forget(later)
		stop()
		holds(big)
	})
}

// TestForgetMany: what is too much to be noted is found by comparing.
func TestForgetMany(t *testing.T) {
	r := newStage(t, nil).roomOf("a")
	r.next = time.Now().Add(time.Hour)
	for n := range int64(mostGone + 1) {
		if r.noteGone(n); n < mostGone && r.next.IsZero() {
			t.Fatalf("%d are too many", n+1)
		}
	}
	if len(r.gone) != mostGone || !r.next.IsZero() {
		t.Errorf("%d are noted, and it is compared at %v", len(r.gone), r.next)
	}
}
