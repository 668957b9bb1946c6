package api

import (
	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api/header"
)

// note gathers the headers that tell what became of the call, and if it was
// refused, why.
func (x *Exchange) note(call *fairlead.Call, refusal *fairlead.Error) {
	f := x.fields
	f.AddWindows(header.Windows{Requests: call.Requests(), Tokens: call.Tokens(), Refusal: refusal})
	f.AddInt("X-Fairlead-Queue-Ms", call.Waited().Milliseconds())
	x.noteProvider(call)
}

// noteWait gathers the same of a call that still waits: for how long is not known
// yet.
func (x *Exchange) noteWait(call *fairlead.Call) {
	x.fields.AddWindows(header.Windows{Requests: call.Requests(), Tokens: call.Tokens()})
	x.noteProvider(call)
}

func (x *Exchange) noteProvider(call *fairlead.Call) {
	if targets := call.Targets(); len(targets) > 0 {
		x.fields.Add("X-Fairlead-Provider", targets[0].Provider)
	}
}

// NoteWindows has the answer tell how the app's windows stand; one without a
// limit is left out.
func (x *Exchange) NoteWindows(requests, tokens fairlead.WindowState) {
	x.fields.AddWindows(header.Windows{Requests: requests, Tokens: tokens})
}

// writeHead sends the head, with the headers that were gathered.
func (x *Exchange) writeHead(status int) {
	x.began = true
	x.fields.WriteHead(x.W, status)
}
