package follow

import (
	"maps"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
)

// Notes is the Call that goes on without its client: what its own goroutine notes of
// it, for those of its readers, which may not look at the call itself.
type Notes struct {
	call *fairlead.Call

	mu     sync.Mutex
	told   standing
	header map[string]string
}

// standing is what a head tells of a call.
type standing struct {
	requests, tokens fairlead.WindowState
	waited           time.Duration
	targets          []fairlead.Target
}

// NewNotes takes the first note of a call, on the call's own goroutine.
func NewNotes(call *fairlead.Call) *Notes {
	n := &Notes{call: call}
	n.Note()
	return n
}

// Note notes how the call stands, on the call's own goroutine.
func (n *Notes) Note() {
	s := standing{requests: n.call.Requests(), tokens: n.call.Tokens(), waited: n.call.Waited(), targets: n.call.Targets()}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told = s
}

// Keep keeps a copy of the headers of the upstream's that are to be told.
func (n *Notes) Keep(header map[string]string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.header = maps.Clone(header)
}

// Windows tells how the app's windows stood.
func (n *Notes) Windows() (requests, tokens fairlead.WindowState) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.told.requests, n.told.tokens
}

// Tell implements Call.
func (n *Notes) Tell(told *fairlead.Call) (header map[string]string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	told.SetRequests(n.told.requests)
	told.SetTokens(n.told.tokens)
	told.SetTargets(n.told.targets)
	told.NoteWait(n.told.waited-told.Waited(), fairlead.NotGranted)
	return n.header
}

// Slotted implements Call.
func (n *Notes) Slotted() bool { return n.call.Slotted() }
