package telemetry

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
)

// The longest pieces of a line that were written elsewhere.
const (
	maxModelLength = 128
	maxErrorLength = 1000
)

// mostAttrs is how many pieces a line has at most.
const mostAttrs = 24

// refusalLines is how many lines of refused calls are written in a second. A
// flood is refused faster than anyone could read, or a disk should have to take.
const refusalLines = 20

// thinner lets through the lines of refused calls, up to a number in a second.
type thinner struct {
	mu      sync.Mutex
	start   time.Time
	second  int64
	lines   int
	skipped int64
}

// pass reports whether a refused call has a line of its own, and how many before
// it had none.
func (t *thinner) pass() (skipped int64, ok bool) {
	second := int64(time.Since(t.start) / time.Second)
	t.mu.Lock()
	defer t.mu.Unlock()
	if second != t.second {
		t.second, t.lines = second, 0
	}
	if t.lines >= refusalLines {
		t.skipped++
		return 0, false
	}
	t.lines++
	skipped, t.skipped = t.skipped, 0
	return skipped, true
}

// isRefused reports whether a call was refused for a limit or for want of
// capacity.
func isRefused(err *fairlead.Error) bool {
	return err != nil && (err.Kind == fairlead.Limited || err.Kind == fairlead.Busy)
}

// log writes the line of r, unless it is one refusal of very many.
func (t *Telemetry) log(r *fairlead.Record, code string) {
	var more []slog.Attr
	if isRefused(r.Err) {
		skipped, ok := t.refusals.pass()
		if !ok {
			return
		}
		if skipped > 0 {
			more = append(more, slog.Int64("refusals_not_logged", skipped))
		}
	}
	t.logRequest(r, code, more)
}

// lineHandler is a handler of lines that have nothing but plain values, for which
// no record need be made. It reports whether it has written the line.
type lineHandler interface {
	HandleLine(at time.Time, level slog.Level, message string, attrs []slog.Attr) bool
}

// logRequest writes the line of r. Everything in it is a name of ours, a
// number, or text that holds no prompt, key or document by contract; what a
// caller may have written is left out.
func (t *Telemetry) logRequest(r *fairlead.Record, code string, more []slog.Attr) {
	held, _ := t.attrs.Get().(*[]slog.Attr)
	if held == nil {
		held = new(make([]slog.Attr, 0, mostAttrs))
	}
	defer t.attrs.Put(held)
	attrs := append((*held)[:0],
		slog.String("request_id", r.ID),
		slog.String("app", string(r.App)),
		slog.String("operation", r.Operation.String()),
		slog.String("face", r.Face),
		slog.String("outcome", outcomeOf(r.Err)),
	)
	if r.Err != nil {
		attrs = append(attrs, slog.String("code", code))
	}
	attrs = appendTarget(attrs, r)
	attrs = append(attrs,
		slog.Bool("stream", r.Stream),
		slog.Float64("waited_ms", milliseconds(r.Waited)),
		slog.Float64("first_content_ms", milliseconds(r.FirstContent)),
		slog.Float64("duration_ms", milliseconds(r.Duration)),
		slog.Int("attempts", len(r.Attempts)),
		slog.Int("input_tokens", r.Usage.Input),
		slog.Int("output_tokens", r.Usage.Output),
		slog.Int64("bytes_in", r.BytesIn),
		slog.Int64("bytes_out", r.BytesOut),
	)
	attrs = appendError(attrs, r.Err)
	attrs = append(attrs, more...)
	ctx := context.Background() //nolint:forbidigo // a line outlives its call: that is over
	defer clear(attrs)          // they hold what is the call's
	level, h := levelOf(r.Err), t.logger.Handler()
	if !h.Enabled(ctx, level) {
		return
	}
	if lines, ok := h.(lineHandler); !ok || !lines.HandleLine(time.Now(), level, "request", attrs) {
		line := slog.NewRecord(time.Now(), level, "request", 0) // to find where it is written would cost half of it
		line.AddAttrs(attrs...)
		_ = h.Handle(ctx, line) // as the logger does: nobody could be told
	}
}

// appendTarget tells where the call went. The name that the caller asked for is
// arbitrary text until it has become a target.
func appendTarget(attrs []slog.Attr, r *fairlead.Record) []slog.Attr {
	if r.Target == (fairlead.Target{}) {
		return attrs
	}
	attrs = append(attrs, slog.String("provider", r.Target.Provider), slog.String("model", modelName(r.Target.Model)))
	if r.Model != "" && r.Model != r.Target.Model {
		attrs = append(attrs, slog.String("asked_model", modelName(r.Model)))
	}
	return attrs
}

// modelName returns name if it looks like a model's. A provider with the
// pattern `*` takes any name, so a target's is not always ours either.
func modelName(name string) string {
	if len(name) > maxModelLength {
		return other
	}
	for _, c := range []byte(name) {
		if c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return other
		}
	}
	return name
}

// appendError tells the cause of what an operator must mend; other errors are
// the caller's, and their code says it all.
func appendError(attrs []slog.Attr, err *fairlead.Error) []slog.Attr {
	if err == nil || (err.Kind != fairlead.Internal && err.Kind != fairlead.Upstream) {
		return attrs
	}
	if err.Status != 0 {
		attrs = append(attrs, slog.Int("upstream_status", err.Status))
	}
	if err.Err != nil {
		text := err.Err.Error()
		attrs = append(attrs, slog.String("error", text[:min(len(text), maxErrorLength)]))
	}
	return attrs
}

// levelOf chooses the level: what an operator must mend is an error, what
// they may want to know of is a warning, the rest is information.
func levelOf(err *fairlead.Error) slog.Level {
	if err == nil {
		return slog.LevelInfo
	}
	switch err.Kind {
	case fairlead.Internal:
		return slog.LevelError
	case fairlead.Limited, fairlead.Busy, fairlead.Late, fairlead.Upstream:
		return slog.LevelWarn
	case fairlead.Invalid, fairlead.Unauthenticated, fairlead.Forbidden, fairlead.NotFound, fairlead.NotAllowed,
		fairlead.TooLarge, fairlead.WrongType, fairlead.Unsupported, fairlead.Canceled, fairlead.Gone:
		return slog.LevelInfo
	}
	return slog.LevelError // a kind that nobody has set
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}
