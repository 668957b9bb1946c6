package envelope

import (
	"bytes"
	"slices"
	"strings"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/jsonscan"
)

// Wish is what a native request asks for beside its body.
type Wish struct {
	// Stream says that the answer is to be a stream, whatever the body says of it.
	Stream bool
}

// Own is what a native body asks for: its envelope, and what is Fairlead's own.
type Own struct {
	fairlead.Envelope
	// Resumable says that the answer, which is a stream, goes on for a while when its
	// client has gone, and can be read on.
	Resumable bool
	// Documents are those that the answer is to come from; nil if none are named.
	Documents []fairlead.DocumentID
}

// Native reads the body of the native chat endpoint: a chat completion
// body that may also hold document_ids, conversation_id and resumable, which
// are Fairlead's own and unknown to providers: they are cut out. This version does
// not have the second: a value that asks for something is refused with Kind
// Unsupported, code not_available. resumable needs a stream. A stream, asked for in the body or by the wish, is asked for
// in the body then, and with its usage unless the body says what to do about that.
//
// chat is the chat completion body, the same slice if nothing was changed, and the
// envelope is that body's. Other errors are those of Chat.
func Native(body []byte, wish Wish) (own Own, chat []byte, err error) {
	scan := ownMembers{bodyScan: newBodyScan(body)}
	if err := scan.read(scan.member); err != nil {
		return Own{}, nil, err
	}
	env, err := scan.chat()
	if err != nil {
		return Own{}, nil, err
	}
	edits, added := scan.cuts, ""
	if env.Stream || wish.Stream {
		edits, added = scan.asStream()
		env.Stream, env.IncludeUsage = true, env.IncludeUsage || !scan.saidUsage
	}
	if scan.resumable && !env.Stream {
		return Own{}, nil, &fairlead.Error{
			Kind: fairlead.Invalid, Code: "invalid_value", Param: "resumable",
			Message: "resumable is for streams: ask for one too, or leave it out",
		}
	}
	if len(edits) == 0 && added == "" {
		return Own{env, scan.resumable, scan.documents}, body, nil
	}
	closeAt := env.CloseAt
	env.ModelAt, env.StreamOptionsAt = moved(env.ModelAt, edits), moved(env.StreamOptionsAt, edits)
	env.CloseAt = moved(fairlead.Span{Start: closeAt, End: closeAt + 1}, edits).Start + len(added)
	if strings.HasSuffix(added, UsageOptions) {
		env.StreamOptionsAt = fairlead.Span{Start: env.CloseAt - len(UsageOptions), End: env.CloseAt}
	}
	chat = jsonscan.Splice(body, append(edits, jsonscan.Edit{Start: closeAt, End: closeAt, With: []byte(added)})...)
	return Own{env, scan.resumable, scan.documents}, chat, nil
}

// moved is where a span stands after the edits, of which none begins or ends
// inside it but those within one value.
func moved(at fairlead.Span, edits []jsonscan.Edit) fairlead.Span {
	to := at
	for _, e := range edits {
		by := len(e.With) - (e.End - e.Start)
		if e.End <= at.Start {
			to.Start += by
		}
		if e.End <= at.End {
			to.End += by
		}
	}
	return to
}

// ownMembers is a pass over a native body that cuts out what is not a
// provider's.
type ownMembers struct {
	*bodyScan
	resumable bool
	documents []fairlead.DocumentID
	cuts      []jsonscan.Edit
	// streamAt is where the value of "stream" stands.
	streamAt jsonscan.Span
	// end is where the last member's value ended; kept says that one of the
	// members so far stays.
	end  int
	kept bool
}

// asStream returns the edits, in order, by which the body becomes one of a provider
// that asks for a stream with its usage, and what is to be added at its end.
func (o *ownMembers) asStream() (edits []jsonscan.Edit, added string) {
	edits = o.cuts
	switch {
	case o.streamAt.End == 0:
		added = `,"stream":true`
	case !o.env.Stream:
		edits = append(edits, jsonscan.Edit{Start: o.streamAt.Start, End: o.streamAt.End, With: []byte("true")})
	}
	switch {
	case !o.env.StreamOptionsAt.Present():
		added += `,"stream_options":` + UsageOptions
	case !o.saidUsage:
		edits = append(edits, IncludeUsage(o.body, o.env.StreamOptionsAt))
	}
	slices.SortFunc(edits, func(a, b jsonscan.Edit) int { return a.Start - b.Start })
	return edits, added
}

func (o *ownMembers) member(name []byte) error {
	from, before := o.end, o.Offset()
	cut, err := o.isOwn(name)
	if err == nil && !cut {
		err = o.chatMember(name)
	}
	if err == nil && o.Offset() == before {
		_, err = o.Skip()
	}
	if err != nil {
		return err
	}
	o.end = o.Offset()
	if string(name) == "stream" {
		o.streamAt = jsonscan.Span{Start: before, End: o.end}
	}
	if cut {
		o.cuts = append(o.cuts, o.cut(from))
	}
	o.kept = o.kept || !cut
	return nil
}

// isOwn reports whether the member is one of Fairlead's own, and fails if its
// value asks for something that there is not.
func (o *ownMembers) isOwn(name []byte) (bool, error) {
	switch string(name) {
	case "document_ids":
		return true, o.readDocuments()
	case "conversation_id":
		return true, o.asksNothing("conversation_id")
	case "resumable":
		var err error
		o.resumable, err = o.boolean("resumable")
		return true, err
	}
	return false, nil
}

// readDocuments reads an array of ids, or null.
func (o *ownMembers) readDocuments() error {
	const param = "document_ids"
	switch o.Kind() {
	case jsonscan.NullKind:
		_, err := o.Skip()
		return err
	case jsonscan.ArrayKind:
	default:
		return o.wrongType(param, "an array of strings")
	}
	_, err := o.Array(func() error {
		if o.Kind() != jsonscan.StringKind {
			return o.wrongType(param, "an array of strings")
		}
		at, err := o.Skip()
		if err != nil {
			return err
		}
		if len(o.documents) == MaxItems {
			return TooManyItems(param)
		}
		id, err := jsonscan.String(o.body[at.Start:at.End])
		o.documents = append(o.documents, fairlead.DocumentID(id))
		return err
	})
	return err
}

// asksNothing reads a string, or null.
func (o *ownMembers) asksNothing(param string) error {
	kind := o.Kind()
	if kind != jsonscan.NullKind && kind != jsonscan.StringKind {
		return o.wrongType(param, "a string")
	}
	value, err := o.Skip()
	if err != nil {
		return err
	}
	if kind == jsonscan.StringKind && value.End-value.Start > len(`""`) {
		return &fairlead.Error{
			Kind: fairlead.Unsupported, Code: "not_available", Param: param,
			Message: param + " is not available in this version of Fairlead",
		}
	}
	return nil
}

// cut returns the edit that removes the member that was just read, with the
// comma before it; where nothing stays before it, with the comma after it.
func (o *ownMembers) cut(from int) jsonscan.Edit {
	if o.kept {
		return jsonscan.Edit{Start: from, End: o.end}
	}
	start := bytes.IndexByte(o.body, '{') + 1
	if n := len(o.cuts); n > 0 {
		start = o.cuts[n-1].End
	}
	end := o.end
	for end < len(o.body) && jsonscan.IsSpace(o.body[end]) {
		end++
	}
	if end < len(o.body) && o.body[end] == ',' {
		return jsonscan.Edit{Start: start, End: end + 1}
	}
	return jsonscan.Edit{Start: start, End: o.end}
}
