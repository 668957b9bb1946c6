package responses_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/responses"
)

// A disk that is full when a response ends must not leave it in progress for ever.
func TestEndThatCouldNotBeStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, responses.DefaultLimits())
		go func() { _ = d.Run(t.Context()) }()
		turn, _ := d.begin(nil, hello)
		if _, err := d.answer(turn, fairlead.Head{Stream: true}, stream(turn.ID(), "x")[0]); err != nil {
			t.Fatal(err)
		}
		d.shelf.breakWith(errors.New("the disk is full"))
		turn.Close(t.Context(), errors.New("the answer broke"))
		wantStatus(t, d, turn.ID(), fairlead.ResponseFailed)
		pass(61 * time.Second)
		if got := d.shelf.row(t, turn.ID()).Status; got != fairlead.ResponseInProgress {
			t.Errorf("the store was told on a full disk: %s", got)
		}
		d.shelf.breakWith(nil)
		pass(61 * time.Second)
		if got := d.shelf.row(t, turn.ID()).Status; got != fairlead.ResponseFailed {
			t.Errorf("got %s in the store, want failed", got)
		}
	})
}

// A service that starts on a full disk ends the responses of before when it can, and
// those alone.
func TestRecoverLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, responses.DefaultLimits())
		old, _ := d.begin(nil, hello)
		if _, err := d.answer(old, fairlead.Head{Stream: true}, stream(old.ID(), "x")[0]); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		d.shelf.breakWith(errors.New("the disk is full"))
		d.Recover(t.Context())
		wantStatus(t, d, old.ID(), fairlead.ResponseFailed)
		d.shelf.breakWith(nil)
		now, _ := d.begin(nil, hello)
		if _, err := d.answer(now, fairlead.Head{Stream: true}, stream(now.ID(), "x")[0]); err != nil {
			t.Fatal(err)
		}
		go func() { _ = d.Run(t.Context()) }()
		synctest.Wait()
		if got := d.shelf.row(t, old.ID()).Status; got != fairlead.ResponseFailed {
			t.Errorf("the old one: got %s in the store, want failed", got)
		}
		wantStatus(t, d, now.ID(), fairlead.ResponseInProgress)
	})
}

func wantStatus(t *testing.T, d *desk, id string, want fairlead.ResponseStatus) {
	t.Helper()
	got, err := d.Get(t.Context(), "a", id)
	if err != nil || got.Status != want || !strings.Contains(string(got.Object), `"status":"`+string(want)+`"`) {
		t.Errorf("got %s %s, %v, want %s", got.Status, got.Object, err, want)
	}
}

// A reference is short and its item may be long: many of them must not come to more
// than a conversation may have, nor to more than there is memory for.
func TestReferencesAreBounded(t *testing.T) {
	limits := responses.DefaultLimits()
	limits.History = 64 << 10
	d := newDesk(t, limits)
	turn, req := d.begin(nil, hello)
	item := "msg_" + strings.TrimPrefix(req.AnswerID, "resp_") + "_1"
	body := strings.Replace(whole(req.AnswerID, "completed", strings.Repeat("x", 10<<10)), "msg_1", item, 1)
	if _, err := d.answer(turn, fairlead.Head{}, body); err != nil {
		t.Fatal(err)
	}
	turn.Close(t.Context(), nil)
	ref := `{"type":"item_reference","id":"` + item + `"}`
	input := func(n int) string { return `{"input":[` + strings.Repeat(ref+",", n-1) + ref + `]}` }
	again, _ := d.begin(nil, input(5))
	again.Close(t.Context(), nil)
	if e := d.refused("a", nil, input(7)); e.Kind != fairlead.TooLarge || e.Param != "input" {
		t.Errorf("got %+v, want TooLarge", e)
	}
	room := memory(25 << 10)
	_, _, err := d.Begin(t.Context(), responses.Ask{App: "a", Body: []byte(input(5)), Memory: &room})
	if !fairlead.IsKind(err, fairlead.Busy) {
		t.Errorf("got %v, want Busy", err)
	}
}
