// Package replay keeps the log of an answer that is made piece by piece, so that
// its readers may come and go: whoever lost the connection reads on where it
// stopped, and several may read at once. The answer goes into the log as fast as it
// is made, and no reader holds it up; each is a cursor with a place of its own.
//
// Memory is bounded by one budget for all logs. Where it is short the oldest log
// that has ended is dropped. If that is not enough the oldest of those that are
// still written is cut: what it holds is dropped but for the last few events, so
// that readers who keep up read on and nobody can come back to it.
//
// A log whose readers have all gone has its work stopped after a grace.
//
// Start with Logs.Open, then Log.Append and Log.Cursor.
package replay

import (
	"container/list"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
)

// MinBudget is the smallest budget that is a limit: there must be room for one log.
const MinBudget = tailBytes + logBytes

const (
	// logBytes is what a log counts for beside what it holds.
	logBytes = 512
	// mostGone is how many logs are remembered that were dropped before their time.
	mostGone = 4096
)

// Config is how much is kept, and for how long.
type Config struct {
	// Budget is the most bytes that all logs hold together; 0 = no limit.
	Budget int64
	// Keep is for how long a log stays after its end.
	Keep time.Duration
	// BusyWait, if not nil, is how long one whom there is no room for should wait. It
	// must not block.
	BusyWait func() time.Duration
}

// Options is how one log is kept.
type Options struct {
	// First is the number of the first event.
	First int64
	// Grace is for how long the work goes on while nobody reads, before the first
	// reader too; 0 = to its end.
	Grace time.Duration
	// Cancel, if not nil, stops the work. It is called once at most, from any
	// goroutine, and must not block.
	Cancel func(cause *fairlead.Error)
}

// Stats is how the logs stand. Running are those that are still written; Evicted
// counts, since the start, those that were dropped or cut for want of room.
type Stats struct {
	Logs, Running, Readers int
	Bytes                  int64
	Evicted                int64
}

// Logs is the table of all logs. It is safe for concurrent use.
type Logs struct {
	config Config

	// mu guards everything below and everything in a Log: to make room, one log
	// takes from another.
	mu      sync.Mutex
	byName  map[name]*Log
	whole   *list.List // logs that are written and whole, the oldest first
	ended   *list.List // logs that have ended, the one that ended first in front
	gone    *list.List // names of logs that were dropped when they had ended
	sweep   *time.Timer
	running int
	readers int
	bytes   int64
	evicted int64
}

// name is what a log is found by.
type name struct {
	app fairlead.AppID
	id  string
}

// New returns an empty table.
func New(config Config) *Logs {
	if config.Budget > 0 {
		config.Budget = max(config.Budget, MinBudget)
	}
	return &Logs{
		config: config, byName: make(map[name]*Log), whole: list.New(), ended: list.New(), gone: list.New(),
	}
}

// Open begins a log of app's, which Find knows by id; "" has it found by nobody
// until Name. An id that is in use is the new log's from then on. It must be
// closed. An error, of Kind Busy, says that there is no room for another.
func (t *Logs) Open(app fairlead.AppID, id string, o Options) (*Log, error) {
	l := &Log{table: t, options: o, name: name{app: app}, first: o.First, next: o.First}
	if !t.begin(l, id) {
		return nil, t.noRoom()
	}
	return l, nil
}

// begin takes a new log in, if there is room.
func (t *Logs) begin(l *Log, id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	// Each must be able to hold its last events, whatever the others do.
	if b := t.config.Budget; b > 0 && int64(t.running+1)*MinBudget > b || !t.room(logBytes) {
		return false
	}
	t.bytes += logBytes
	t.running++
	l.held = logBytes
	l.place = t.whole.PushBack(l)
	t.enter(l, id)
	l.startGrace()
	return true
}

// Find returns app's log of that id. An id that is unknown and one of another app
// are the same error, of Kind NotFound. One of Kind Gone says that the log was
// dropped, or is cut.
func (t *Logs) Find(app fairlead.AppID, id string) (*Log, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.lookUp(name{app, id})
	switch {
	case l == nil:
		return nil, notFound()
	case l.cut:
		return nil, gone()
	}
	return l, nil
}

// Cancel stops the work behind app's log of that id, a cut one too, with what its
// readers are to be told. It reports whether there was anything to stop; the error
// is of Kind NotFound.
func (t *Logs) Cancel(app fairlead.AppID, id string, cause *fairlead.Error) (bool, error) {
	t.mu.Lock()
	l := t.lookUp(name{app, id})
	if l == nil {
		t.mu.Unlock()
		return false, notFound()
	}
	stop := l.takeStop()
	t.mu.Unlock()
	if stop == nil {
		return false, nil
	}
	stop(cause)
	return true, nil
}

// Stats tells how the logs stand.
func (t *Logs) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Stats{
		Logs: t.running + t.ended.Len(), Running: t.running, Readers: t.readers, Bytes: t.bytes, Evicted: t.evicted,
	}
}

// lookUp finds a log; nil if there is none, or if its time is over while somebody
// still reads it.
func (t *Logs) lookUp(n name) *Log {
	if l := t.byName[n]; l != nil && (!l.over || time.Since(l.endedAt) < t.config.Keep) {
		return l
	}
	return nil
}

// enter has the log be found by id.
func (t *Logs) enter(l *Log, id string) {
	t.leave(l)
	if l.name.id = id; id == "" {
		return
	}
	if before := t.byName[l.name]; before != nil {
		t.leave(before)
	}
	t.byName[l.name] = l
}

// leave has the log be found no more.
func (t *Logs) leave(l *Log) {
	if t.byName[l.name] == l {
		delete(t.byName, l.name)
	}
}

// room makes room for so many bytes. It reports false, having tried, if it can't.
func (t *Logs) room(bytes int64) bool {
	if t.config.Budget <= 0 {
		return true
	}
	for t.bytes+bytes > t.config.Budget {
		if oldest := t.ended.Front(); oldest != nil {
			t.forget(logOf(oldest))
			continue
		}
		oldest := t.whole.Front()
		if oldest == nil {
			return false
		}
		t.whole.Remove(oldest)
		t.evicted++
		logOf(oldest).cutOff()
	}
	return true
}

// forget drops a log that has ended before its time, and remembers that it was
// there until then.
func (t *Logs) forget(l *Log) {
	t.ended.Remove(l.place)
	if !l.cut {
		t.evicted++
	}
	l.cut = true
	l.drop(len(l.chunks))
	l.giveBack(logBytes)
	l.wake()
	if t.byName[l.name] != l {
		return
	}
	l.place = t.gone.PushBack(l)
	if t.gone.Len() > mostGone {
		t.expire(t.gone, t.gone.Front())
	}
}

// expire ends the time of a log that has ended.
func (t *Logs) expire(from *list.List, place *list.Element) {
	l := logOf(place)
	from.Remove(place)
	t.leave(l)
	l.drop(len(l.chunks))
	l.giveBack(l.held)
}

// sweepEnded drops what has had its time, but for logs that somebody still reads.
func (t *Logs) sweepEnded() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep = nil
	wait := t.sweepList(t.ended)
	if w := t.sweepList(t.gone); w > 0 && (wait == 0 || w < wait) {
		wait = w
	}
	if wait > 0 {
		t.sweepIn(wait)
	}
}

// sweepList returns how long it is until the next of the list has had its time; 0
// if there is none. Both lists are nearly in the order of their ends, and what is
// dropped a little late is not found any more either.
func (t *Logs) sweepList(logs *list.List) (wait time.Duration) {
	for at := logs.Front(); at != nil; {
		l, next := logOf(at), at.Next()
		left := t.config.Keep - time.Since(l.endedAt)
		if left > 0 {
			return left
		}
		if len(l.cursors) == 0 {
			t.expire(logs, at)
		}
		at = next
	}
	return 0
}

// sweepIn has the ended logs looked at after so long, or sooner if they would be
// anyway.
func (t *Logs) sweepIn(wait time.Duration) {
	switch {
	case t.sweep == nil:
		t.sweep = time.AfterFunc(wait, t.sweepEnded)
	case wait <= 0:
		t.sweep.Reset(0)
	}
}

// logOf is the log at a place of a list.
func logOf(e *list.Element) *Log {
	l, _ := e.Value.(*Log) // the lists hold nothing else
	return l
}

func (t *Logs) noRoom() *fairlead.Error {
	wait := time.Second
	if t.config.BusyWait != nil {
		wait = t.config.BusyWait()
	}
	return fairlead.NewBusy("replay_full", "The answers that can be resumed fill the memory set aside for them", wait)
}

func notFound() *fairlead.Error {
	return &fairlead.Error{Kind: fairlead.NotFound, Code: "response_not_found", Message: "There is no such answer, or it is no longer kept"}
}

func gone() *fairlead.Error {
	return &fairlead.Error{
		Kind: fairlead.Gone, Code: "response_gone", Message: "The answer can't be resumed: what it has said so far is no longer kept",
		NoRetry: true,
	}
}
