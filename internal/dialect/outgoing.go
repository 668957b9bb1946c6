package dialect

import (
	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/dialect/envelope"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
)

// Outgoing is a body as it is sent upstream.
type Outgoing struct {
	Body []byte
	// UsageInjected says that the stream was asked for usage that its client
	// did not ask for; StreamWatch then takes the usage out again.
	UsageInjected bool
	// Kept says that the provider was asked to keep the answer under its id.
	Kept bool
}

// ForUpstream returns the body to send for req, whose envelope must be the one
// that was scanned from its body, with Model set to the name that the provider
// knows. Two splices are made where they are needed, and every other byte is
// kept; where none is needed, Body is the request's own slice.
//
//   - The value of "model" becomes Envelope.Model if it differs; the member is
//     added at the end if there is none. An empty Envelope.Model changes
//     nothing.
//   - A chat stream whose client did not ask for usage gets
//     "stream_options": {"include_usage": true}; other stream options are kept.
func ForUpstream(req *fairlead.Request) Outgoing {
	env, body := &req.Envelope, req.Body
	var edits []jsonscan.Edit
	var added []byte
	if env.Model != "" && !namesModel(body, env) {
		name := jsonscan.AppendString(nil, env.Model)
		if env.ModelAt.Present() {
			edits = append(edits, jsonscan.Edit{Start: env.ModelAt.Start, End: env.ModelAt.End, With: name})
		} else {
			added = append(append(added, `"model":`...), name...)
		}
	}
	inject := req.Dialect == fairlead.OpenAIChat && env.Stream && !env.IncludeUsage
	switch {
	case inject && env.StreamOptionsAt.Present():
		edits = inOrder(edits, envelope.IncludeUsage(body, env.StreamOptionsAt))
	case inject:
		if len(added) > 0 {
			added = append(added, ',')
		}
		added = append(added, `"stream_options":`+envelope.UsageOptions...)
	}
	if len(added) > 0 {
		edits = append(edits, envelope.AddMembers(body, env.CloseAt, added))
	}
	out := Outgoing{Body: body, UsageInjected: inject}
	if len(edits) > 0 {
		out.Body = jsonscan.Splice(body, edits...)
	}
	return out
}

// namesModel reports whether the body already names the envelope's model.
func namesModel(body []byte, env *fairlead.Envelope) bool {
	if !env.ModelAt.Present() {
		return false
	}
	name, err := jsonscan.String(body[env.ModelAt.Start:env.ModelAt.End])
	return err == nil && name == env.Model
}

// inOrder adds an edit to at most one other.
func inOrder(edits []jsonscan.Edit, e jsonscan.Edit) []jsonscan.Edit {
	if len(edits) > 0 && e.Start < edits[0].Start {
		return []jsonscan.Edit{e, edits[0]}
	}
	return append(edits, e)
}
