package api

import (
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
)

// KeepAlive is the comment by which a client whose stream is silent knows that its
// call is alive.
const KeepAlive = ": keep-alive\n\n"

// beatEvery is the longest time between two signs of life.
const beatEvery = 10 * time.Second

// pulse keeps a stream alive whose head is out: when nothing was written for a
// while, a frame is that means nothing. It is one timer for each stream, which
// looks now and then when the last write was, and no goroutine between that.
type pulse struct {
	call  *fairlead.Call
	frame string // "" where there is none
	apart bool   // it beats while the call holds no slot, too

	// mu is held while anything is written, which is whole frames: what a beat
	// comes between are events.
	mu    sync.Mutex
	timer *time.Timer
	last  time.Time // when the last write began
	ended bool      // none is written any more
}

// BeatApart has a stream's client be told that the call is alive while the call has no
// slot, too: for one whose work is done by other calls.
func (x *Exchange) BeatApart() { x.pulse.apart = true }

// startPulse starts the pulse of a stream whose head is out. The caller holds its
// mutex.
func (x *Exchange) startPulse() {
	p := &x.pulse
	if p.timer == nil && p.frame != "" && !p.ended && x.config.HeartbeatAfter > 0 {
		p.timer = time.AfterFunc(x.BeatEvery(), x.beat)
	}
}

// beat writes a sign of life if it is time for one, which it is not while the
// call waits for its first slot: the queue has signs of its own. It may block for
// as long as any write of the stream, and for the same reason: the next event is
// behind it. A write that fails ends the request's context.
func (x *Exchange) beat() {
	p := &x.pulse
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || x.interrupted.Load() {
		return
	}
	rest := x.BeatEvery() - time.Since(p.last)
	if rest <= 0 {
		rest = x.BeatEvery()
		if (p.apart || p.call.Slotted()) && x.put([]byte(p.frame), x.config.SlowReaderGrace) != nil {
			return
		}
	}
	p.timer.Reset(rest)
}

// endPulse returns when no beat is being written and none will be.
func (x *Exchange) endPulse() {
	p := &x.pulse
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	if p.timer != nil {
		p.timer.Stop()
	}
}
