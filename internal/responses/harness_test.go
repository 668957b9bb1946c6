package responses_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/responses"
	"github.com/fairleadhq/fairlead/internal/responses/session"
)

// connection is what a connection keeps.
type connection = session.Session

type desk struct {
	*responses.Keeper
	shelf *shelf
	t     *testing.T
}

func newDesk(t *testing.T, limits responses.Limits) *desk {
	t.Helper()
	s := newShelf()
	k := responses.New(responses.Config{Store: s, Sweeper: s, Names: s, Limits: limits, Logger: slog.New(slog.DiscardHandler)})
	return &desk{Keeper: k, shelf: s, t: t}
}

func (d *desk) begin(of *connection, body string) (*responses.Turn, *fairlead.Request) {
	d.t.Helper()
	turn, req, err := d.Begin(d.t.Context(), responses.Ask{App: "a", Body: []byte(body), Session: of})
	if err != nil {
		d.t.Fatalf("Begin(%s): %v", body, err)
	}
	return turn, req
}

// refused is the error of a request that must not begin.
func (d *desk) refused(app fairlead.AppID, of *connection, body string) *fairlead.Error {
	d.t.Helper()
	_, _, err := d.Begin(d.t.Context(), responses.Ask{App: app, Body: []byte(body), Session: of})
	if err == nil {
		d.t.Fatalf("Begin(%s) was not refused", body)
	}
	return fairlead.AsError(err)
}

// say runs a whole turn, answered by said, and returns the response's id.
func (d *desk) say(of *connection, body, said string) string {
	d.t.Helper()
	turn, req := d.begin(of, body)
	if _, err := d.answer(turn, fairlead.Head{Stream: true}, stream(req.AnswerID, said)...); err != nil {
		d.t.Fatalf("answer: %v", err)
	}
	turn.Close(d.t.Context(), nil)
	return turn.ID()
}

// answer emits an answer to the turn and returns what came through.
func (d *desk) answer(turn *responses.Turn, head fairlead.Head, blocks ...string) (string, error) {
	d.t.Helper()
	var out strings.Builder
	emit := turn.Watch(d.t.Context(), func(e fairlead.Event) error {
		out.Write(e.Data)
		return nil
	})
	events := []fairlead.Event{{Head: &head}}
	for _, block := range blocks {
		events = append(events, fairlead.Event{Data: []byte(block)})
	}
	events = append(events, fairlead.Event{End: &fairlead.End{}})
	for _, e := range events {
		if err := emit(e); err != nil {
			return out.String(), err
		}
	}
	return out.String(), nil
}

func frame(event, data string) string {
	return fmt.Sprintf("event: %s\ndata: {\"type\":%q,%s}\n\n", event, event, data)
}

func whole(id, status, said string) string {
	return fmt.Sprintf(`{"id":%q,"object":"response","status":%q,"output":[`+
		`{"id":"rs_1","type":"reasoning","summary":[]},`+
		`{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"output_text","text":%q}]}]}`, id, status, said)
}

// stream is a short answer in the blocks in which it comes.
func stream(id, said string) []string {
	started := fmt.Sprintf(`"response":{"id":%q,"object":"response","status":"in_progress","output":[]}`, id)
	return []string{
		frame("response.created", started) + frame("response.in_progress", started),
		frame("response.output_text.delta", `"delta":"`+said+`"`),
		frame("response.completed", `"response":`+whole(id, "completed", said)),
	}
}
