package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/fairleadhq/fairlead"
)

const (
	// How long one write may block: writeGrace where the service answers by
	// itself, wholeGrace of a body that is held ready, for which no slot waits, and
	// beatGrace of a sign of life, behind which the call waits for its slot. What
	// is passed on as it comes has Config.SlowReaderGrace. All end with the call,
	// and endGrace is what is left to say so.
	writeGrace = 10 * time.Second
	wholeGrace = time.Minute
	beatGrace  = time.Second
	endGrace   = time.Second
	// piece is how much of a long body is written under one deadline.
	piece = 64 << 10
	// restGrace is how long the rest of a body that nobody wants may take.
	restGrace = time.Second
	// gathered is how much of a whole answer is held back before its head goes
	// out, so that an answer that breaks can still be a clean error.
	gathered = 1 << 20
	// gatheredWhole is how much is held back where the whole body is reshaped.
	gatheredWhole = 32 << 20
	// small is the longest body that fits into the server's buffers together with
	// its head.
	small = 1 << 10
)

// Queued is the comment by which a client that waits in the queue knows that its
// call is alive.
const Queued = ": queued\n\n"

// Shape is how a face puts an answer. A nil field leaves it as it is.
type Shape struct {
	// Frames appends whole frames of a stream, as the face sends them, to dst.
	Frames func(dst, frames []byte) []byte
	// Whole reshapes a whole body.
	Whole func(body []byte, call *fairlead.Call) ([]byte, error)
	// ErrorFrame is an error inside a stream that has begun.
	ErrorFrame func(e *fairlead.Error, requestID string) []byte
}

// Answer runs an operation and writes what it emits. The head goes out with the
// first event of a stream, or when a body is whole (or longer than 1 MiB), so
// an error before that is returned and becomes a real status. After it, a
// stream ends with an error frame and a body with an aborted connection; so does
// whatever is left of a connection whose client has gone. The head of a stream
// whose client waits in the queue may be out before any event; see Streams.
func (x *Exchange) Answer(call *fairlead.Call, shape Shape, run func(fairlead.Emit) error) error {
	defer x.endPulse()
	w := &x.writer
	w.x, w.call, w.shape = x, call, shape
	err := run(w.emit)
	if err == nil {
		return nil
	}
	e := fairlead.AsError(err)
	switch {
	case e.Kind == fairlead.Canceled:
		// Nobody is there to read, or only half of the connection is left: to
		// return would say that an empty answer is the answer.
		panic(http.ErrAbortHandler)
	case !x.began:
		x.note(call, e)
		return err
	case x.stream:
		x.endPulse()
		_ = w.send(shape.ErrorFrame(e, x.ID))
		return err
	}
	panic(http.ErrAbortHandler) // the only way to say that a body is cut
}

// Streams says that call is to be answered by a stream. While it waits in the
// queue its client is sent the stream's head and now and then the frame queued,
// and silent when its provider says nothing for a while: frames that mean nothing,
// so that neither the client nor anything in between takes the silence for the
// end. It takes a place among the streams, for as long as the exchange lasts; an
// error, of Kind Busy, says that there is none.
func (x *Exchange) Streams(call *fairlead.Call, queued, silent string) error {
	if err := x.enterStreams(); err != nil {
		return err
	}
	x.pulse.call, x.pulse.frame = call, silent
	call.Waiting = func() error {
		if !x.began {
			x.noteWait(call)
			x.headStream("text/event-stream")
			x.writeHead(http.StatusOK)
		}
		return x.send([]byte(queued), beatGrace)
	}
	return nil
}

// headStream gathers what the head of a stream has whoever made it.
func (x *Exchange) headStream(contentType string) {
	x.headBody(contentType)
	x.fields.Add("Cache-Control", "no-cache")
	x.fields.Add("X-Accel-Buffering", "no")
	x.stream = true
}

// headBody gathers what every head has.
func (x *Exchange) headBody(contentType string) {
	x.fields.Add("Content-Type", contentType)
	x.fields.Add("X-Content-Type-Options", "nosniff")
}

// writer writes the events of one answer.
type writer struct {
	x      *Exchange
	call   *fairlead.Call
	shape  Shape
	stream bool
	head   fairlead.Head
	buf    []byte // a whole body held back, or a reshaped frame
}

func (w *writer) emit(e fairlead.Event) error {
	switch {
	case e.Head != nil:
		w.head, w.stream = *e.Head, e.Head.Stream
		if x := w.x; x.stream && !w.stream {
			return &fairlead.Error{
				Kind: fairlead.Upstream, Code: "upstream_invalid_answer",
				Message: "The provider answered with a whole body where a stream was asked for",
			}
		}
		return nil
	case e.End != nil:
		return w.finish()
	case w.stream:
		return w.frames(e.Data)
	}
	return w.piece(e.Data)
}

// frames sends frames of a stream at once.
func (w *writer) frames(frames []byte) error {
	if !w.x.began {
		w.begin(-1)
	}
	if w.shape.Frames == nil {
		return w.send(frames)
	}
	w.buf = w.shape.Frames(w.buf[:0], frames)
	return w.send(w.buf)
}

// piece holds a piece of a body back, or sends it if the body grew too long for
// that.
func (w *writer) piece(data []byte) error {
	if w.x.began {
		return w.send(data)
	}
	if err := w.x.memory.Reserve(int64(len(data))); err != nil {
		return err
	}
	w.buf = append(w.buf, data...)
	if w.shape.Whole != nil {
		if len(w.buf) > gatheredWhole {
			return &fairlead.Error{
				Kind: fairlead.Upstream, Code: "upstream_answer_too_large", Message: "The provider's answer is too large",
			}
		}
		return nil
	}
	if len(w.buf) <= gathered {
		return nil
	}
	w.begin(-1)
	return w.send(w.buf)
}

// finish sends what is held back.
func (w *writer) finish() error {
	if w.stream || w.x.began {
		return nil
	}
	body := w.buf
	if w.shape.Whole != nil {
		var err error
		if body, err = w.shape.Whole(body, w.call); err != nil {
			return err
		}
	}
	w.begin(len(body))
	return w.x.send(body, wholeGrace)
}

// begin writes the head; length is -1 where it is not known.
func (w *writer) begin(length int) {
	x := w.x
	x.note(w.call, nil)
	for name, value := range w.head.Header {
		x.fields.Add(name, value)
	}
	if w.stream {
		x.headStream(w.head.ContentType)
	} else {
		x.headBody(w.head.ContentType)
	}
	if length >= 0 {
		x.fields.AddInt("Content-Length", int64(length))
	}
	if x.created {
		x.writeHead(http.StatusCreated)
		return
	}
	x.writeHead(http.StatusOK)
}

// send writes p out to the client now. A slot may be held meanwhile, so a reader
// who has stopped is not waited for.
func (w *writer) send(p []byte) error {
	return w.x.send(p, w.x.config.SlowReaderGrace)
}

// send writes p out to the client now, in pieces that each may block for the
// grace; 0 is until the call's time is over. Of a stream p is whole frames.
func (x *Exchange) send(p []byte, grace time.Duration) error {
	x.pulse.mu.Lock()
	defer x.pulse.mu.Unlock()
	if x.stream {
		x.startPulse()
	}
	return x.put(p, grace)
}

// put is send while the pulse's mutex is held.
func (x *Exchange) put(p []byte, grace time.Duration) error {
	if x.R.ProtoMajor != 1 {
		// HTTP/2 would end a stream that is merely silent at a deadline left behind.
		defer x.writeWithin(0)
	}
	for part := range slices.Chunk(p, piece) {
		x.pulse.last = x.writeWithin(grace)
		if x.interrupted.Load() { // perhaps before the line above, which undid what that set
			_ = x.control.SetWriteDeadline(time.Now().Add(endGrace))
		}
		if _, err := x.W.Write(part); err != nil {
			return clientLeft(err)
		}
		if err := x.control.Flush(); err != nil {
			return clientLeft(err)
		}
	}
	return nil
}

// writeWithin has the writes from now on end within the grace; 0 is no limit. A
// deadline is dear to set, so one that is a little later is left as it is: a write
// may block for a sixteenth longer. It returns the time.
func (x *Exchange) writeWithin(grace time.Duration) time.Time {
	now := time.Now()
	if grace <= 0 {
		x.writeBy = time.Time{}
		_ = x.control.SetWriteDeadline(x.writeBy) // there may be one of a request before
		return now
	}
	const slack = 16
	if left := x.writeBy.Sub(now); left < grace || left > grace+grace/slack {
		x.writeBy = now.Add(grace + grace/slack)
		_ = x.control.SetWriteDeadline(x.writeBy)
	}
	return now
}

// interrupt ends a write that blocks, soon.
func (x *Exchange) interrupt() {
	x.interrupted.Store(true)
	_ = x.control.SetWriteDeadline(time.Now().Add(endGrace))
}

// clientLeft names the error of a write: the client is gone, or reads too
// slowly to be waited for.
func clientLeft(err error) error {
	left := fairlead.NewCanceled(err)
	if isTimeout(err) {
		left.Code, left.Message = "slow_reader", "The client reads too slowly"
	}
	return left
}

// WriteJSON answers 200 with v as JSON.
func (x *Exchange) WriteJSON(v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return x.Write("application/json", append(body, '\n'))
}

// Write answers 200 with a body that the service made itself.
func (x *Exchange) Write(contentType string, body []byte) error {
	x.write(http.StatusOK, contentType, body)
	return nil
}

func (x *Exchange) write(status int, contentType string, body []byte) {
	x.headBody(contentType)
	x.fields.AddInt("Content-Length", int64(len(body)))
	x.leaveBody()
	x.writeHead(status)
	if x.R.ProtoMajor == 1 && len(body) <= small {
		// It goes out in one piece when the handler returns, within the deadline that
		// the router sets then.
		_, _ = x.W.Write(body)
		return
	}
	_ = x.send(body, writeGrace) // a client that is gone needs no answer
}

// leaveBody bounds what is left of a body that nobody reads. The server reads it
// before it writes: a client that sends it slowly, or not at all, is not waited
// for.
func (x *Exchange) leaveBody() {
	if !x.bodyRead {
		_ = x.control.SetReadDeadline(time.Now().Add(restGrace))
	}
}

// ServeAs lets another handler answer the exchange.
func (x *Exchange) ServeAs(h http.Handler) error {
	x.fields.Set(x.W.Header())
	x.began = true
	x.leaveBody()
	x.writeWithin(writeGrace)
	h.ServeHTTP(x.W, x.R)
	return nil
}
