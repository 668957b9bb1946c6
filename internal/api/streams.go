package api

import (
	"strings"

	"github.com/fairleadhq/fairlead"
)

// enterStreams takes a place among the streams until the exchange ends, or returns
// the refusal.
func (x *Exchange) enterStreams() error {
	if x.placed || x.config.Streams.Take() {
		x.placed = true
		return nil
	}
	return fairlead.NewBusy("too_many_streams", "There are too many event streams at the moment", x.config.Streams.Wait())
}

// refuseStream refuses a request by whose headers a stream is wanted, and for which
// there is no place: its body need not be read for that.
func (x *Exchange) refuseStream() error {
	if x.config.Streams.Full() && strings.Contains(x.R.Header.Get("Accept"), "text/event-stream") {
		return x.enterStreams()
	}
	return nil
}

// leaveStreams gives the place back.
func (x *Exchange) leaveStreams() {
	if x.placed {
		x.config.Streams.Give()
	}
}
