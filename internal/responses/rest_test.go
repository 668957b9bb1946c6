package responses_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/responses"
)

// What a session keeps is for its connection alone, and is not stored.
func TestSession(t *testing.T) {
	d := newDesk(t, responses.DefaultLimits())
	session := d.NewSession(nil)
	first := d.say(session, `{"input":"hello","store":false}`, "one")
	second := d.say(session, `{"input":"two?","store":false,"previous_response_id":"`+first+`"}`, "two")
	if d.shelf.count() != 0 {
		t.Error("something was stored")
	}
	turn, req := d.begin(session, `{"input":"x","store":false,"previous_response_id":"`+second+`"}`)
	want := strings.Join([]string{asked("hello"), answered("one"), asked("two?"), answered("two")}, ",")
	if got := string(req.Past.Items); got != want {
		t.Errorf("items\n got %s\nwant %s", got, want)
	}
	turn.Close(t.Context(), nil)
	for name, other := range map[string]*connection{"another connection": d.NewSession(nil), "no connection": nil} {
		if e := d.refused("a", other, `{"previous_response_id":"`+first+`"}`); e.Code != responses.CodePreviousNotFound {
			t.Errorf("%s: %+v", name, e)
		}
	}
	// From what is stored, a session goes on with what is not.
	stored := d.say(session, `{"input":"three?","previous_response_id":"`+second+`"}`, "three")
	if d.shelf.count() != 1 {
		t.Errorf("%d rows, want 1", d.shelf.count())
	}
	_ = stored
}

// What a maker keeps is continued there; what it does not keep goes on from the whole
// conversation, which the session has.
func TestSessionOfAMaker(t *testing.T) {
	d := newDesk(t, responses.DefaultLimits())
	session := d.NewSession(nil)
	maker := fairlead.Maker{Provider: "openai", Key: "k1"}
	turn, _ := d.begin(session, hello)
	if _, err := d.answer(turn, fairlead.Head{Stream: true, Keeper: maker}, stream("resp_up", "one")...); err != nil {
		t.Fatal(err)
	}
	turn.Close(t.Context(), nil)
	next, req := d.begin(session, `{"input":"two?","store":false,"previous_response_id":"resp_up"}`)
	if req.Past.Maker != maker {
		t.Errorf("past is %+v", req.Past)
	}
	if _, err := d.answer(next, fairlead.Head{Stream: true, Keeper: maker}, stream("resp_up2", "two")...); err != nil {
		t.Fatal(err)
	}
	next.Close(t.Context(), nil)
	last, req := d.begin(session, `{"input":"x","previous_response_id":"resp_up2"}`)
	defer last.Close(t.Context(), nil)
	want := strings.Join([]string{asked("hello"), answered("one"), asked("two?"), answered("two")}, ",")
	if got := string(req.Past.Items); got != want || req.Past.Maker != (fairlead.Maker{}) {
		t.Errorf("items\n got %s\nwant %s", got, want)
	}
}

func TestSessionIsBounded(t *testing.T) {
	limits := responses.DefaultLimits()
	limits.SessionTurns, limits.SessionBytes = 3, 2000
	d := newDesk(t, limits)
	session := d.NewSession(nil)
	var ids []string
	ask := func(said, previous string) string {
		body := `{"input":"hello","store":false}`
		if previous != "" {
			body = `{"input":"hello","store":false,"previous_response_id":"` + previous + `"}`
		}
		ids = append(ids, d.say(session, body, said))
		return ids[len(ids)-1]
	}
	last := ""
	for range 6 { // one conversation: the newest can be continued from its beginning
		last = ask("short", last)
	}
	if e := d.refused("a", session, `{"previous_response_id":"`+ids[2]+`"}`); e.Code != responses.CodePreviousNotFound {
		t.Errorf("an old one: %+v", e)
	}
	turn, req := d.begin(session, `{"previous_response_id":"`+last+`"}`)
	if n := strings.Count(string(req.Past.Items), `"short"`); n != 6 {
		t.Errorf("%d turns of 6", n)
	}
	turn.Close(t.Context(), nil)
	ask(strings.Repeat("x", 1500), "") // has the others go
	if e := d.refused("a", session, `{"previous_response_id":"`+last+`"}`); e.Code != responses.CodePreviousNotFound {
		t.Errorf("beyond the bytes: %+v", e)
	}
	last = ask("fits again", ids[len(ids)-1])
	turn, _ = d.begin(session, `{"previous_response_id":"`+last+`"}`)
	turn.Close(t.Context(), nil)
	huge := ask(strings.Repeat("x", 5000), "")
	if e := d.refused("a", session, `{"previous_response_id":"`+huge+`"}`); e.Code != responses.CodePreviousNotFound {
		t.Errorf("one that is too long alone: %+v", e)
	}
	ask("and again", "")
	turn, _ = d.begin(session, `{"previous_response_id":"`+ids[len(ids)-1]+`"}`)
	turn.Close(t.Context(), nil)
}

func TestSessionIsUsedAtOnce(t *testing.T) {
	limits := responses.DefaultLimits()
	limits.SessionTurns = 4
	d := newDesk(t, limits)
	session := d.NewSession(nil)
	var wg sync.WaitGroup
	for lane := range 4 {
		wg.Go(func() {
			previous := ""
			for range 20 {
				body := `{"input":"hello","store":false}`
				if previous != "" {
					body = `{"input":"hello","store":false,"previous_response_id":"` + previous + `"}`
				}
				turn, _, err := d.Begin(t.Context(), responses.Ask{App: "a", Body: []byte(body), Session: session})
				if fairlead.IsKind(err, fairlead.Invalid) { // the other lanes were quicker
					previous = ""
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := d.answer(turn, fairlead.Head{Stream: true}, stream(turn.ID(), fmt.Sprint(lane))...); err != nil {
					t.Error(err)
				}
				turn.Close(t.Context(), nil)
				previous = turn.ID()
			}
		})
	}
	wg.Wait()
}

func TestPrepared(t *testing.T) {
	d := newDesk(t, responses.DefaultLimits())
	session := d.NewSession(nil)
	for _, store := range []string{"true", "false"} {
		turn, _ := d.begin(session, `{"model":"m","input":"hello","instructions":"be kind","store":`+store+`}`)
		got, err := turn.Prepared(t.Context())
		turn.Close(t.Context(), nil)
		if err != nil || !strings.Contains(string(got), `"status":"completed"`) || !strings.Contains(string(got), `"output":[]`) {
			t.Errorf("got %s, %v", got, err)
		}
		next, req := d.begin(session, `{"previous_response_id":"`+turn.ID()+`"}`)
		if string(req.Past.Items) != asked("hello") {
			t.Errorf("items %s", req.Past.Items)
		}
		next.Close(t.Context(), nil)
	}
	// Where there was nothing in it, nothing is named upstream.
	turn, _ := d.begin(session, `{"store":false}`)
	if _, err := turn.Prepared(t.Context()); err != nil {
		t.Fatal(err)
	}
	turn.Close(t.Context(), nil)
	next, req := d.begin(session, `{"previous_response_id":"`+turn.ID()+`"}`)
	defer next.Close(t.Context(), nil)
	if string(req.Body) != `{"previous_response_id":null}` {
		t.Errorf("sent %s", req.Body)
	}
}

// A response in the background has its id before it has a maker; its client knows no
// other.
func TestBackground(t *testing.T) {
	d := newDesk(t, responses.DefaultLimits())
	turn, _ := d.begin(nil, `{"model":"m","input":"hello","background":true,"stream":true,"metadata":{"k":"v"}}`)
	id := turn.ID()
	queued, err := turn.Queue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"id":"` + id + `"`, `"status":"queued"`, `"background":true`, `"metadata":{"k":"v"}`, `"tool_choice":"auto"`, `"model":"m"`,
	} {
		if !strings.Contains(string(queued), want) {
			t.Errorf("queued is %s, want %s in it", queued, want)
		}
	}
	maker := fairlead.Maker{Provider: "openai", Key: "k1"}
	got, err := d.answer(turn, fairlead.Head{Stream: true, Keeper: maker}, strings.Join(stream("resp_up", "one"), ""))
	if err != nil {
		t.Fatal(err)
	}
	turn.Close(t.Context(), nil)
	if strings.Contains(got, "resp_up") || strings.Count(got, id) != 3 || strings.Count(got, `"background":true`) != 3 {
		t.Errorf("the client got %s", got)
	}
	row := d.shelf.row(t, id)
	if row.Maker != maker || row.KeptAs != "resp_up" || row.Status != fairlead.ResponseCompleted || !strings.Contains(string(row.Body), id) {
		t.Errorf("row %+v", row)
	}
	next, req := d.begin(nil, `{"previous_response_id" : "`+id+`","x":1}`)
	defer next.Close(t.Context(), nil)
	if string(req.Body) != `{"previous_response_id" : "resp_up","x":1}` || req.Past.Maker != maker {
		t.Errorf("sent %s to %+v", req.Body, req.Past.Maker)
	}
	if calls := []string{"put queued", "update in_progress", "update completed"}; !reflect.DeepEqual(d.shelf.calls, calls) {
		t.Errorf("got %v, want %v", d.shelf.calls, calls)
	}
}

func TestCancel(t *testing.T) {
	d := newDesk(t, responses.DefaultLimits())
	sync := d.say(nil, hello, "one")
	if _, err := d.Cancel(t.Context(), "a", sync); !fairlead.IsKind(err, fairlead.Invalid) ||
		fairlead.AsError(err).Message != "Cannot cancel a synchronous response." {
		t.Errorf("got %v", err)
	}
	turn, _ := d.begin(nil, `{"input":"hello","background":true}`)
	if _, err := turn.Queue(t.Context()); err != nil {
		t.Fatal(err)
	}
	var causes []*fairlead.Error
	turn.Running(func(cause *fairlead.Error) { causes = append(causes, cause) })
	for app, want := range map[fairlead.AppID]fairlead.Kind{"b": fairlead.NotFound} {
		if _, err := d.Cancel(t.Context(), app, turn.ID()); !fairlead.IsKind(err, want) {
			t.Errorf("by %s: %v", app, err)
		}
	}
	for range 2 { // again is the same
		got, err := d.Cancel(t.Context(), "a", turn.ID())
		if err != nil || got.Status != fairlead.ResponseCancelled || !strings.Contains(string(got.Object), `"status":"cancelled"`) {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if len(causes) != 1 || causes[0].Kind != fairlead.Canceled {
		t.Errorf("the work was ended with %v", causes)
	}
	// What comes after that changes nothing.
	if _, err := d.answer(turn, fairlead.Head{Stream: true}, stream(turn.ID(), "late")...); err != nil {
		t.Fatal(err)
	}
	turn.Close(t.Context(), errors.New("late"))
	if row := d.shelf.row(t, turn.ID()); row.Status != fairlead.ResponseCancelled {
		t.Errorf("status %s", row.Status)
	}
}

// What is deleted while it is made ends, and does not come back.
func TestDeleteInTheBackground(t *testing.T) {
	d := newDesk(t, responses.DefaultLimits())
	turn, _ := d.begin(nil, `{"input":"hello","background":true}`)
	if _, err := turn.Queue(t.Context()); err != nil {
		t.Fatal(err)
	}
	ended := 0
	turn.Running(func(*fairlead.Error) { ended++ })
	if err := d.Delete(t.Context(), "b", turn.ID()); !fairlead.IsKind(err, fairlead.NotFound) || ended != 0 {
		t.Errorf("another app: %v, ended %d", err, ended)
	}
	if err := d.Delete(t.Context(), "a", turn.ID()); err != nil || ended != 1 {
		t.Errorf("%v, ended %d", err, ended)
	}
	if _, err := d.answer(turn, fairlead.Head{Stream: true}, stream(turn.ID(), "late")...); err != nil {
		t.Fatal(err)
	}
	turn.Close(t.Context(), errors.New("late"))
	if d.shelf.count() != 0 {
		t.Error("it came back")
	}
	if err := d.Delete(t.Context(), "a", turn.ID()); !fairlead.IsKind(err, fairlead.NotFound) {
		t.Errorf("again: %v", err)
	}
}

func TestInputItems(t *testing.T) {
	d := newDesk(t, responses.DefaultLimits())
	first := d.say(nil, `{"input":[{"role":"user","content":"1"},{"type":"message","id":"msg_own","role":"user","content":"2"}]}`, "one")
	second := d.say(nil, `{"input":"3","previous_response_id":"`+first+`"}`, "two")
	list := func(id, after, limit, order string) string {
		t.Helper()
		page, err := responses.NewPage(after, limit, order)
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.InputItems(t.Context(), "a", id, page)
		if err != nil {
			t.Fatal(err)
		}
		return string(got)
	}
	all := list(first, "", "", "asc")
	if !strings.HasPrefix(all, `{"object":"list","data":[{"role":"user","content":"1","type":"message","id":"msg_`) ||
		!strings.HasSuffix(all, `{"type":"message","id":"msg_own","role":"user","content":"2"}],"first_id":"`+idAt(all, 0)+`","last_id":"msg_own","has_more":false}`) {
		t.Errorf("got %s", all)
	}
	if again := list(first, "", "", "asc"); again != all {
		t.Errorf("listed again: %s", again)
	}
	var seen []string // by pages of two, newest first
	for after, more := "", true; more; {
		page := list(second, after, "2", "")
		more = strings.Contains(page, `"has_more":true`)
		for n := range strings.Count(page, `"type":"message"`) + strings.Count(page, `"type":"reasoning"`) {
			after = idAt(page, n)
			seen = append(seen, after)
		}
	}
	// 3, one's message and reasoning, 2, 1
	if len(seen) != 5 || seen[1] != "msg_1" || seen[2] != "rs_1" || seen[3] != "msg_own" || seen[4] != idAt(all, 0) {
		t.Errorf("seen %v", seen)
	}
	for _, wrong := range [][3]string{{"", "0", ""}, {"", "101", ""}, {"", "x", ""}, {"", "", "up"}} {
		if _, err := responses.NewPage(wrong[0], wrong[1], wrong[2]); !fairlead.IsKind(err, fairlead.Invalid) {
			t.Errorf("%v: %v", wrong, err)
		}
	}
	if _, err := d.InputItems(t.Context(), "a", first, responses.Page{After: "none", Limit: 1}); !fairlead.IsKind(err, fairlead.Invalid) {
		t.Errorf("after an item that is not there: %v", err)
	}
}

// idAt is the n-th id of a list.
func idAt(list string, n int) string {
	parts := strings.Split(list, `"id":"`)
	if n+1 >= len(parts) {
		return ""
	}
	id, _, _ := strings.Cut(parts[n+1], `"`)
	return id
}

// A foreign id is answered as one that nobody has, to the byte.
func TestForeignIsUnknown(t *testing.T) {
	d := newDesk(t, responses.DefaultLimits())
	mine := d.say(nil, hello, "one")
	for name, call := range map[string]func(id string) error{
		"Get":    func(id string) error { _, err := d.Get(t.Context(), "b", id); return err },
		"Delete": func(id string) error { return d.Delete(t.Context(), "b", id) },
		"Cancel": func(id string) error { _, err := d.Cancel(t.Context(), "b", id); return err },
		"InputItems": func(id string) error {
			_, err := d.InputItems(t.Context(), "b", id, responses.Page{Limit: 1})
			return err
		},
	} {
		foreign, unknown := fairlead.AsError(call(mine)), fairlead.AsError(call("resp_none"))
		unknown.Message = strings.ReplaceAll(unknown.Message, "resp_none", mine)
		if *foreign != *unknown || foreign.Kind != fairlead.NotFound || foreign.Message != "Response with id '"+mine+"' not found." {
			t.Errorf("%s: got %+v and %+v", name, foreign, unknown)
		}
	}
}

// Clients refer to items that they have seen by their ids. Those made here are put
// in.
func TestItemReferences(t *testing.T) {
	d := newDesk(t, responses.DefaultLimits())
	turn, req := d.begin(nil, hello)
	digits := strings.TrimPrefix(req.AnswerID, "resp_")
	body := strings.NewReplacer("rs_1", "rs_"+digits+"_0", "msg_1", "msg_"+digits+"_1").Replace(whole(req.AnswerID, "completed", "one"))
	if _, err := d.answer(turn, fairlead.Head{}, body); err != nil {
		t.Fatal(err)
	}
	turn.Close(t.Context(), nil)
	ref := func(id string) string { return `{"type":"item_reference","id":"` + id + `"}` }
	input := func(items ...string) string { return `{"input":[` + strings.Join(items, ",") + `],"store":true}` }
	for name, c := range map[string][2]string{
		"a message": {input(asked("hello"), ref("msg_"+digits+"_1"), asked("two?")), input(asked("hello"), answered("one"), asked("two?"))},
		"reasoning": {input(asked("hello"), ref("rs_"+digits+"_0"), ref("msg_"+digits+"_1")), input(asked("hello"), answered("one"))},
		"a text":    {`{"input":"item_reference"}`, `{"input":"item_reference"}`},
	} {
		next, req := d.begin(nil, c[0])
		if string(req.Body) != c[1] {
			t.Errorf("%s\n got %s\nwant %s", name, req.Body, c[1])
		}
		next.Close(t.Context(), nil)
	}
	unknown := "msg_" + strings.Repeat("0", 48) + "_0"
	for _, id := range []string{unknown, "msg_" + digits + "_7"} {
		if e := d.refused("a", nil, input(ref(id))); e.Kind != fairlead.NotFound || e.Param != "input" {
			t.Errorf("%s: %+v", id, e)
		}
	}
	mine := "msg_" + digits + "_1"
	foreign, none := d.refused("b", nil, input(ref(mine))), d.refused("b", nil, input(ref(unknown)))
	none.Message = strings.ReplaceAll(none.Message, unknown, mine)
	if *foreign != *none {
		t.Errorf("another app: %+v, and of one that nobody has %+v", foreign, none)
	}
}
