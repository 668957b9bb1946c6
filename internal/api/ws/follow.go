package ws

import (
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api/ws/frame"
	"github.com/fairleadhq/fairlead/internal/gateway"
	"github.com/fairleadhq/fairlead/internal/replay"
)

// queueEvery is how often a client is told where it stands in the queue, and the first
// time it waits for that long.
const queueEvery = time.Second

// follow has a call made whose events go into a log, by a goroutine of the gateway's,
// and reads the log for the client.
func (s *session) follow(t *turn) {
	work := gateway.NewWork()
	log, err := s.face.config.Logs.Open(s.app.ID, "", replay.Options{Grace: s.face.config.Grace, Cancel: work.Cancel})
	if err != nil {
		t.close()
		s.tell(t.frame.Stream, fairlead.AsError(err))
		return
	}
	cursor, err := log.Cursor(-1)
	if err == nil {
		defer cursor.Close()
		err = s.start(t, log, work)
	}
	if err != nil {
		log.Discard()
		t.close()
		s.tell(t.frame.Stream, fairlead.AsError(err))
		return
	}
	s.queue(t, cursor)
	s.pass(t.frame.Stream, cursor)
}

// start has the turn's call made. With an error it is not.
func (s *session) start(t *turn, log *replay.Log, work *gateway.Work) error {
	s.mu.Lock()
	t.work = work
	s.mu.Unlock()
	t.named = log.Name
	t.tell = func(event []byte) error {
		_, err := log.Append(event)
		return err
	}
	return s.face.config.Gateway.Start(work, t.call.ID, func(ctx context.Context) error {
		defer log.Close(failed()) // of a panic; else it is closed
		err := t.make(ctx)
		if t.untold {
			log.Close(fairlead.AsError(err))
		}
		log.Close(nil) // how it ended is its last event
		return err
	})
}

// failed is what readers are told of an answer that ended without an end.
func failed() *fairlead.Error {
	return &fairlead.Error{Kind: fairlead.Internal, Code: "internal_error", Message: "The service failed to handle the request"}
}

// cancel ends what the turn is at.
func (t *turn) cancel() {
	t.session.mu.Lock()
	work := t.work
	t.session.mu.Unlock()
	if work != nil {
		work.Cancel(cancelled())
	}
}

// resume reads on in a log that is there.
func (s *session) resume(t *turn) {
	log, err := s.face.config.Logs.Find(s.app.ID, t.frame.Response)
	if err != nil {
		s.tell(t.frame.Stream, fairlead.AsError(err))
		return
	}
	cursor, err := log.Cursor(int64(t.frame.After))
	if err != nil {
		if fairlead.IsKind(err, fairlead.Invalid) {
			fairlead.AsError(err).Param = "starting_after"
		}
		s.tell(t.frame.Stream, fairlead.AsError(err))
		return
	}
	defer cursor.Close()
	s.pass(t.frame.Stream, cursor)
}

// pass sends what a cursor reads, to its end or the socket's.
func (s *session) pass(stream string, cursor *replay.Cursor) {
	lane := frame.Lane(stream)
	for {
		batch, err := cursor.Next(&s.life)
		switch {
		case errors.Is(err, io.EOF) || s.life.Err() != nil:
			return
		case err != nil:
			s.tell(stream, fairlead.AsError(err))
			return
		}
		for _, event := range batch.All() {
			if s.socket.Send(&s.life, lane, event[1:]) != nil {
				return
			}
		}
	}
}

// queue tells the client how many of its app's calls wait, while its own does, until
// the log has an event.
func (s *session) queue(t *turn, cursor *replay.Cursor) {
	ticker := time.NewTicker(queueEvery)
	defer ticker.Stop()
	position := 0
	for {
		select {
		case <-cursor.Ready():
			return
		case <-s.life.Done():
			return
		case <-ticker.C:
		}
		if t.call.Slotted() {
			return
		}
		standing, err := s.face.config.Gateway.Standing(&s.life, s.app)
		if err != nil || standing.Waiting == 0 || standing.Waiting == position {
			continue
		}
		position = standing.Waiting
		s.say(t.frame.Stream, frame.Event("response.queued", -1, frame.Member("position", strconv.AppendInt(nil, int64(position), 10))))
	}
}
