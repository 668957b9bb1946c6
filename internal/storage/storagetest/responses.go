package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
)

type responseStore interface {
	fairlead.ResponseStore
	fairlead.ResponseSweeper
	fairlead.ResponseNames
}

// responseTests are the part of the contract that is about responses.
func responseTests() []contractTest {
	return []contractTest{
		{"Response", testResponse},
		{"ResponseReplaced", testResponseReplaced},
		{"ResponseOfAnotherApp", testResponseOfAnotherApp},
		{"ResponseUpdated", testResponseUpdated},
		{"ResponseRoom", testResponseRoom},
		{"ResponseRoomForUpdates", testResponseRoomForUpdates},
		{"ResponseNames", testResponseNames},
		{"ResponsesSwept", testResponsesSwept},
		{"ResponsesFail", testResponsesFail},
		{"ResponsesCanceled", testResponsesCanceled},
		{"ResponsesConcurrent", testResponsesConcurrent},
	}
}

func fullResponse(app fairlead.AppID, n int) fairlead.Response {
	return fairlead.Response{
		ID: fmt.Sprintf("resp_%d';--", n), App: app,
		Maker: fairlead.Maker{Provider: "openai", Key: "0123456789abcdef"}, KeptAs: "resp_there",
		Model: "gpt-4o-mini", Status: fairlead.ResponseInProgress,
		Created: moment(n), Expires: moment(n + 1000), Previous: "resp_before", Background: true,
		Items: []byte(`{"role":"user","content":"\u0000 é"}`), Body: []byte{'{', 0, 0xff, '}'},
	}
}

func putResponse(t *testing.T, s Store, r fairlead.Response) {
	t.Helper()
	if err := s.PutResponse(t.Context(), r, fairlead.ResponseRoom{}); err != nil {
		t.Fatalf("PutResponse(%s): %v", r.ID, err)
	}
}

// wantResponse checks that the store has exactly want under its id.
func wantResponse(t *testing.T, s Store, want fairlead.Response) {
	t.Helper()
	got, ok, err := s.Response(t.Context(), want.App, want.ID)
	if err != nil || !ok {
		t.Fatalf("Response(%s, %s): ok %v, error %v", want.App, want.ID, ok, err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func wantNoResponse(t *testing.T, s Store, app fairlead.AppID, id string) {
	t.Helper()
	got, ok, err := s.Response(t.Context(), app, id)
	if err != nil || ok || !reflect.DeepEqual(got, fairlead.Response{}) {
		t.Errorf("Response(%s, %s): got %+v, ok %v, error %v, want none", app, id, got, ok, err)
	}
}

func testResponse(t *testing.T, open func() Store) {
	t.Helper()
	s := open()
	wantNoResponse(t, s, "a", "resp_1")
	want := fullResponse("a", 1)
	putResponse(t, s, want)
	wantResponse(t, s, want)
	bare := fairlead.Response{ID: "resp_bare", App: "a", Status: fairlead.ResponseQueued} // nothing is nil
	putResponse(t, s, bare)
	wantResponse(t, s, bare)
	wantResponse(t, open(), want) // another process sees it too
	for _, wantOK := range []bool{true, false} {
		if ok, err := s.DeleteResponse(t.Context(), want.App, want.ID); ok != wantOK || err != nil {
			t.Errorf("DeleteResponse: ok %v, error %v, want ok %v", ok, err, wantOK)
		}
		wantNoResponse(t, s, want.App, want.ID)
	}
	wantResponse(t, s, bare)
}

func testResponseReplaced(t *testing.T, open func() Store) {
	t.Helper()
	s := open()
	putResponse(t, s, fullResponse("a", 1))
	want := fairlead.Response{
		ID: fullResponse("a", 1).ID, App: "a", Model: "other", Status: fairlead.ResponseCompleted, Created: moment(5),
		Items: []byte("1"), Body: []byte("{}"),
	}
	putResponse(t, s, want)
	wantResponse(t, s, want)
}

// Two apps may have the same id; neither touches the other's.
func testResponseOfAnotherApp(t *testing.T, open func() Store) {
	t.Helper()
	s := open()
	mine := fullResponse("a", 1)
	putResponse(t, s, mine)
	wantNoResponse(t, s, "b", mine.ID)
	if ok, err := s.DeleteResponse(t.Context(), "b", mine.ID); ok || err != nil {
		t.Errorf("another app deleted it: ok %v, error %v", ok, err)
	}
	if err := s.UpdateResponse(t.Context(), fairlead.Response{App: "b", ID: mine.ID, Status: fairlead.ResponseFailed}, fairlead.ResponseRoom{}); err != nil {
		t.Error(err)
	}
	wantResponse(t, s, mine)
	theirs := fullResponse("b", 1)
	theirs.Model = "theirs"
	putResponse(t, s, theirs)
	wantResponse(t, s, mine)
	wantResponse(t, s, theirs)
	if ok, err := s.DeleteResponse(t.Context(), "b", theirs.ID); !ok || err != nil {
		t.Errorf("not deleted: ok %v, error %v", ok, err)
	}
	wantResponse(t, s, mine)
}

func testResponseUpdated(t *testing.T, open func() Store) {
	t.Helper()
	s := open()
	update := func(r fairlead.Response) {
		t.Helper()
		if err := s.UpdateResponse(t.Context(), r, fairlead.ResponseRoom{}); err != nil {
			t.Fatal(err)
		}
	}
	want := fullResponse("a", 1)
	putResponse(t, s, want)
	change := fairlead.Response{
		App: "a", ID: want.ID, Status: fairlead.ResponseQueued, Maker: fairlead.Maker{Provider: "p", Key: "k"}, KeptAs: "there",
	}
	update(change)
	want.Status, want.Maker, want.KeptAs = change.Status, change.Maker, change.KeptAs
	wantResponse(t, s, want) // nothing else
	change.Status, change.Body = fairlead.ResponseCompleted, []byte(`{"id":1}`)
	update(change)
	want.Status, want.Body = change.Status, change.Body
	wantResponse(t, s, want)
	change.Status, change.Body = fairlead.ResponseFailed, []byte(`{}`)
	update(change) // once is enough
	wantResponse(t, s, want)
	if _, err := s.DeleteResponse(t.Context(), want.App, want.ID); err != nil {
		t.Fatal(err)
	}
	update(change)
	wantNoResponse(t, s, want.App, want.ID)
}

// The oldest go first, those that have not ended stay, and what was given up counts
// no more.
func testResponseRoom(t *testing.T, open func() Store) {
	t.Helper()
	s := open()
	kept := func(rows, size int, room fairlead.ResponseRoom) (ids []int) {
		t.Helper()
		for n := range rows {
			r := fullResponse("a", n)
			r.Status, r.Items, r.Body = fairlead.ResponseCompleted, nil, bytes.Repeat([]byte("x"), size)
			if n == 1 {
				r.Status = fairlead.ResponseInProgress
			}
			if err := s.PutResponse(t.Context(), r, room); err != nil {
				t.Fatal(err)
			}
		}
		for n := range rows {
			id := fullResponse("a", n).ID
			if _, ok, err := s.Response(t.Context(), "a", id); err != nil {
				t.Fatal(err)
			} else if ok {
				ids = append(ids, n)
			}
			if _, err := s.DeleteResponse(t.Context(), "a", id); err != nil {
				t.Fatal(err)
			}
		}
		return ids
	}
	other := fullResponse("b", 0)
	other.Status = fairlead.ResponseCompleted
	putResponse(t, s, other)
	for _, tt := range []struct {
		room fairlead.ResponseRoom
		want []int
	}{
		{fairlead.ResponseRoom{}, []int{0, 1, 2, 3, 4, 5}},
		{fairlead.ResponseRoom{Rows: 3}, []int{1, 4, 5}},
		{fairlead.ResponseRoom{Bytes: 400}, []int{1, 3, 4, 5}},
		{fairlead.ResponseRoom{Rows: 5, Bytes: 250}, []int{1, 5}},
		{fairlead.ResponseRoom{Bytes: 1}, []int{1, 5}}, // the new one stays in any case
	} {
		if got := kept(6, 100, tt.room); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("with room %+v: kept %v, want %v", tt.room, got, tt.want)
		}
	}
	wantResponse(t, s, other)
}

// What a response grows to makes room as a new one does.
func testResponseRoomForUpdates(t *testing.T, open func() Store) {
	t.Helper()
	s := open()
	room := fairlead.ResponseRoom{Bytes: 400}
	var growing []fairlead.Response
	for n := range 4 {
		r := fullResponse("a", n)
		r.Items, r.Body = nil, []byte("{}")
		if n == 0 {
			r.Status, r.Body = fairlead.ResponseCompleted, bytes.Repeat([]byte("x"), 100)
		} else {
			growing = append(growing, r)
		}
		putResponse(t, s, r)
	}
	for _, r := range growing {
		r.Body = bytes.Repeat([]byte("y"), 250)
		if r.ID != growing[2].ID {
			r.Status = fairlead.ResponseCompleted
		}
		if err := s.UpdateResponse(t.Context(), r, room); err != nil {
			t.Fatal(err)
		}
	}
	// The first made room for the second, which made room for the last; that has not
	// ended, and stays beside one that there would be room for alone.
	wantNoResponse(t, s, "a", fullResponse("a", 0).ID)
	wantNoResponse(t, s, "a", growing[0].ID)
	wantNoResponse(t, s, "a", growing[1].ID)
	last := growing[2]
	last.Status, last.Body = fairlead.ResponseCompleted, bytes.Repeat([]byte("z"), 500)
	if err := s.UpdateResponse(t.Context(), last, room); err != nil {
		t.Fatal(err)
	}
	got, ok, err := s.Response(t.Context(), "a", last.ID)
	if err != nil || !ok || !bytes.Equal(got.Body, last.Body) {
		t.Errorf("one that is too long alone: %+v, ok %v, %v", got, ok, err)
	}
}

// A name is its app's alone, and goes with the last response that told of it.
func testResponseNames(t *testing.T, open func() Store) {
	t.Helper()
	s := open()
	has := func(app fairlead.AppID, name string, want bool) {
		t.Helper()
		got, err := s.HasResponseName(t.Context(), app, name)
		if err != nil || got != want {
			t.Errorf("%s has %s: %v, %v, want %v", app, name, got, err, want)
		}
	}
	note := func(app fairlead.AppID, id string, names ...string) {
		t.Helper()
		if err := s.NoteResponseNames(t.Context(), app, id, names); err != nil {
			t.Fatal(err)
		}
	}
	one, two := fullResponse("a", 1), fullResponse("a", 2)
	for _, r := range []fairlead.Response{one, two, fullResponse("b", 3)} {
		putResponse(t, s, r)
	}
	note("a", one.ID, "msg_1", "rs_1", "msg_1")
	note("a", one.ID, "msg_1")
	note("a", two.ID, "msg_1", "msg_2';--")
	note("b", one.ID, "msg_3") // which b does not have
	note("a", one.ID)
	for name, want := range map[string]bool{"msg_1": true, "rs_1": true, "msg_2';--": true, "msg_3": false, "": false, "msg": false} {
		has("a", name, want)
		has("b", name, false)
	}
	if _, err := s.DeleteResponse(t.Context(), "a", one.ID); err != nil {
		t.Fatal(err)
	}
	has("a", "msg_1", true)
	has("a", "rs_1", false)
	if err := s.SweepResponses(t.Context(), two.Expires); err != nil {
		t.Fatal(err)
	}
	has("a", "msg_1", false)
}

func testResponsesSwept(t *testing.T, open func() Store) {
	t.Helper()
	s := open()
	const many = 250 // more than a store deletes at once
	for n := range many {
		putResponse(t, s, fullResponse("a", n))
	}
	never := fullResponse("a", many)
	never.Expires = never.Expires.AddDate(100, 0, 0)
	putResponse(t, s, never)
	endless := fullResponse("b", 0)
	endless.Expires = time.Time{}
	putResponse(t, s, endless)
	if err := s.SweepResponses(t.Context(), fullResponse("a", many-2).Expires); err != nil {
		t.Fatal(err)
	}
	wantNoResponse(t, s, "a", fullResponse("a", 0).ID)
	wantNoResponse(t, s, "a", fullResponse("a", many-2).ID)
	wantResponse(t, s, fullResponse("a", many-1))
	wantResponse(t, s, never)
	wantResponse(t, s, endless)
}

func testResponsesFail(t *testing.T, open func() Store) {
	t.Helper()
	s := open()
	statuses := []fairlead.ResponseStatus{
		fairlead.ResponseQueued, fairlead.ResponseInProgress, fairlead.ResponseCompleted, fairlead.ResponseIncomplete,
		fairlead.ResponseCancelled, fairlead.ResponseFailed,
	}
	for n, status := range statuses {
		r := fullResponse("a", n)
		r.Status = status
		putResponse(t, s, r)
	}
	next := open() // which alone changes nothing
	running := fullResponse("a", 1)
	wantResponse(t, next, running)
	if err := next.FailResponses(t.Context(), running.Created); err != nil { // those before it alone
		t.Fatal(err)
	}
	wantResponse(t, next, running)
	queued := fullResponse("a", 0)
	queued.Status = fairlead.ResponseFailed
	wantResponse(t, next, queued)
	if err := next.FailResponses(t.Context(), time.Time{}); err != nil {
		t.Fatal(err)
	}
	for n, status := range statuses {
		want := fullResponse("a", n)
		if want.Status = status; !status.Ended() {
			want.Status = fairlead.ResponseFailed
		}
		wantResponse(t, s, want)
	}
}

func testResponsesCanceled(t *testing.T, open func() Store) {
	t.Helper()
	s := open()
	want := fullResponse("a", 1)
	putResponse(t, s, want)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	calls := map[string]func() error{
		"PutResponse":       func() error { return s.PutResponse(ctx, fullResponse("a", 2), fairlead.ResponseRoom{}) },
		"UpdateResponse":    func() error { return s.UpdateResponse(ctx, want, fairlead.ResponseRoom{}) },
		"Response":          func() error { _, _, err := s.Response(ctx, "a", want.ID); return err },
		"DeleteResponse":    func() error { _, err := s.DeleteResponse(ctx, "a", want.ID); return err },
		"SweepResponses":    func() error { return s.SweepResponses(ctx, moment(9999)) },
		"FailResponses":     func() error { return s.FailResponses(ctx, time.Time{}) },
		"NoteResponseNames": func() error { return s.NoteResponseNames(ctx, "a", want.ID, []string{"msg_1"}) },
		"HasResponseName":   func() error { _, err := s.HasResponseName(ctx, "a", "msg_1"); return err },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, context.Canceled) || !fairlead.IsKind(err, fairlead.Internal) {
			t.Errorf("%s: got %v, want context.Canceled of Kind Internal", name, err)
		}
	}
	wantResponse(t, s, want)
	wantNoResponse(t, s, "a", fullResponse("a", 2).ID)
}

func testResponsesConcurrent(t *testing.T, open func() Store) {
	t.Helper()
	stores := []Store{open(), open()}
	const writers, rounds = 4, 10
	var wg sync.WaitGroup
	for n := range writers {
		wg.Go(func() {
			s, app := stores[n%len(stores)], fairlead.AppID(fmt.Sprintf("app-%d", n))
			for round := range rounds {
				r := fullResponse(app, round)
				err := s.PutResponse(t.Context(), r, fairlead.ResponseRoom{Rows: rounds / 2})
				r.Status, r.Body = fairlead.ResponseCompleted, []byte("{}")
				if err := errors.Join(err, s.UpdateResponse(t.Context(), r, fairlead.ResponseRoom{Rows: rounds})); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for n := range writers {
		app := fairlead.AppID(fmt.Sprintf("app-%d", n))
		for round := range rounds {
			want := fullResponse(app, round)
			if round < rounds/2 {
				wantNoResponse(t, stores[0], app, want.ID)
				continue
			}
			want.Status, want.Body = fairlead.ResponseCompleted, []byte("{}")
			wantResponse(t, stores[0], want)
		}
	}
}
