package native

import (
	"net/http"
	"strconv"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/follow"
	"github.com/fairleadhq/fairlead/internal/dialect/refusal"
	"github.com/fairleadhq/fairlead/internal/gateway"
	"github.com/fairleadhq/fairlead/internal/replay"
	"github.com/fairleadhq/fairlead/internal/sse"
)

// headerResume tells where an answer can be read on. A client names the last event
// that it has by headerLast, or by the query's starting_after.
const (
	headerResume = "X-Fairlead-Resume"
	headerLast   = "Last-Event-ID"
	queryLast    = "starting_after"
)

// Resume is how answers that can be resumed are kept.
type Resume struct {
	Logs *replay.Logs
	// Grace is for how long an answer goes on that nobody reads.
	Grace time.Duration
}

// resumable is a call whose answer goes into a log, where its client reads it. It is
// worked on by a goroutine of the gateway's.
type resumable struct {
	*follow.Notes

	log     *replay.Log
	forget  func() // gives the call's memory back
	numbers numbering
	buf     []byte // a frame on its way into the log
	noted   bool   // before its first event
}

// detach has the call go on without its exchange.
func (f *Face) detach(x *api.Exchange, call *fairlead.Call, work *gateway.Work) (*resumable, error) {
	log, err := f.config.Resume.Logs.Open(x.App.ID, resumePath(x.ID), replay.Options{
		First: 1, Grace: f.config.Resume.Grace, Cancel: work.Cancel,
	})
	if err != nil {
		return nil, err
	}
	r := &resumable{Notes: follow.NewNotes(call), log: log, forget: x.KeepBody().Close}
	call.Interrupt = nil
	call.Waiting = func() error { return nil } // its client is told by whoever reads the log for it
	work.Detach(r.finish)
	return r, nil
}

// emit takes the events of the answer.
func (r *resumable) emit(e fairlead.Event) error {
	switch {
	case e.Head != nil:
		return r.begin(e.Head)
	case e.End != nil: // finish is told after the Record
		return nil
	case !r.noted:
		r.noted = true
		r.Note()
	}
	for frame := range sse.Frames(e.Data) {
		if sse.Data(frame, nil) == nil {
			continue // by which the upstream says that it is alive, now
		}
		r.buf = r.numbers.frames(r.buf[:0], frame)
		if _, err := r.log.Append(r.buf); err != nil {
			return err
		}
	}
	return nil
}

func (r *resumable) begin(head *fairlead.Head) error {
	if !head.Stream {
		return &fairlead.Error{
			Kind: fairlead.Upstream, Code: "upstream_invalid_answer",
			Message: "The provider answered with a whole body where a stream was asked for",
		}
	}
	r.Keep(head.Header)
	return nil
}

// finish is told how the call ended.
func (r *resumable) finish(err error) {
	r.Note()
	r.log.Close(fairlead.AsError(err))
	r.forget()
}

// discard is for a call that did not begin.
func (r *resumable) discard() {
	r.log.Discard()
	r.forget()
}

// follow answers the client that made the call.
func (r *resumable) follow(x *api.Exchange) error {
	cursor, err := r.log.Cursor(0)
	if err != nil {
		return err
	}
	x.AddHeader(headerResume, resumePath(x.ID))
	return follow.Answer(x, follow.Source{Cursor: cursor, Call: r, ErrorFrame: errorFrame(x.ID)})
}

// resumePath is where the answer of the call of that id is read on. Its log is named
// by it: the logs of responses, in the same table, are named by their ids, and are
// not to be read here.
func resumePath(id string) string { return "/chat/completion/" + id }

// errorFrame is the error frame of the call of that id.
func errorFrame(id string) func(e *fairlead.Error) []byte {
	return func(e *fairlead.Error) []byte { return refusal.NativeFrame(e, id) }
}

// resume answers GET /chat/completion/{id}: what comes after the last event that the
// client has. It reads a log: there is no admission and no slot.
func (f *Face) resume(x *api.Exchange) error {
	if err := f.config.Gateway.Look(x.App); err != nil {
		return err
	}
	after, param, err := lastEvent(x.R)
	if err != nil {
		return err
	}
	id := x.R.PathValue("id")
	log, err := f.config.Resume.Logs.Find(x.App.ID, resumePath(id))
	if err != nil {
		return err
	}
	cursor, err := log.Cursor(after)
	if err != nil {
		if fairlead.IsKind(err, fairlead.Invalid) {
			fairlead.AsError(err).Param = param
		}
		return err
	}
	if x.R.Method == http.MethodHead {
		cursor.Close()
		return x.Write("text/event-stream", nil)
	}
	x.AddHeader(headerResume, resumePath(id))
	return follow.Answer(x, follow.Source{Cursor: cursor, ErrorFrame: errorFrame(id)})
}

// lastEvent is the number of the last event that the client has, 0 if it has none,
// and what names it. A client that connects again on its own says so in the header,
// whatever the URL said at first.
func lastEvent(r *http.Request) (number int64, param string, err error) {
	param, value := "last-event-id", r.Header.Get(headerLast)
	if value == "" {
		param, value = queryLast, r.URL.Query().Get(queryLast)
	}
	if value == "" {
		return 0, param, nil
	}
	number, err = strconv.ParseInt(value, 10, 64)
	if err != nil || number < 0 {
		return 0, param, &fairlead.Error{
			Kind: fairlead.Invalid, Code: "invalid_value", Param: param,
			Message: param + " must be the number of an event", Detail: "send the last id: that you have got",
		}
	}
	return number, param, nil
}

// stop answers DELETE /chat/completion/{id}: the answer is stopped if it is still
// made. What there is of it can be read on.
func (f *Face) stop(x *api.Exchange) error {
	if err := f.config.Gateway.Look(x.App); err != nil {
		return err
	}
	id := x.R.PathValue("id")
	canceled, err := f.config.Resume.Logs.Cancel(x.App.ID, resumePath(id), &fairlead.Error{
		Kind: fairlead.Canceled, Code: "stopped", Message: "The answer was stopped by its app",
	})
	if err != nil {
		return err
	}
	return x.WriteJSON(struct {
		Success   bool   `json:"success"`
		RequestID string `json:"request_id"`
		Canceled  bool   `json:"canceled"`
	}{true, id, canceled})
}
