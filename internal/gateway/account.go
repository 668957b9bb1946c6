package gateway

import (
	"bytes"
	"time"

	"github.com/fairleadhq/fairlead"
)

// account gathers a call's Record.
type account struct {
	record fairlead.Record
	end    fairlead.End
	tasks  fairlead.Usage // of the calls made for a task
	// frames is how many frames of a stream passed: about as many as tokens.
	frames int
}

func (a *account) noteRequest(req *fairlead.Request) {
	a.record.Model = req.Envelope.Model
	a.record.Stream = req.Envelope.Stream
	a.record.BytesIn = int64(len(req.Body))
}

// watch returns an emit that notes what passes.
func (a *account) watch(emit fairlead.Emit) fairlead.Emit {
	return func(e fairlead.Event) error {
		switch {
		case e.End != nil: // do hands it on when the slot is given back
			a.end = *e.End
			return nil
		case e.Head == nil:
			a.record.BytesOut += int64(len(e.Data))
			if a.record.Stream {
				a.frames += bytes.Count(e.Data, []byte("data:"))
			}
			if a.record.FirstContent == 0 {
				a.record.FirstContent = time.Since(a.record.Arrived)
			}
		}
		return emit(e)
	}
}

// close completes the Record.
func (a *account) close(call *fairlead.Call, err error) *fairlead.Record {
	r := &a.record
	r.Duration = time.Since(r.Arrived)
	r.Waited = call.Waited()
	r.Attempts = call.Attempts()
	r.Usage = a.end.Usage
	if a.tasks != (fairlead.Usage{}) {
		r.Usage = a.tasks
	}
	if n := len(r.Attempts); n > 0 {
		r.Target = r.Attempts[n-1].Target
	}
	r.Err = fairlead.AsError(err)
	return r
}
