package server

import (
	"context"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"

	"github.com/fairleadhq/fairlead/internal/server/jsonlog"
)

// The log formats of server.log_format, beside "auto".
const (
	logHuman = "human"
	logJSON  = "json"
)

// Log is where the service writes what it does. Lines are gathered for up to
// logDelay, or until there are logHeld bytes, since a write for each would be
// among the dearest things that a call does. A warning or an error is written at
// once, and all before it with it.
type Log struct {
	*slog.Logger

	out *gathering
}

const (
	logDelay = 100 * time.Millisecond
	logHeld  = 32 << 10
)

// NewLog returns a log to w in the format that server.log_format names: human,
// json, or auto, which is human on a terminal and JSON elsewhere. It must be
// closed, or its last lines are lost.
func NewLog(w io.Writer, format string) *Log {
	out := &gathering{w: w}
	var handler slog.Handler = jsonlog.New(out)
	if format == logHuman || format != logJSON && isTerminal(w) {
		handler = tint.NewTextHandler(out, &tint.Options{NoColor: !isTerminal(w)})
	}
	return &Log{Logger: slog.New(prompt{handler, out}), out: out}
}

// Close writes the lines that are held. Lines that come later are written at
// once.
func (l *Log) Close() { l.out.close() }

// prompt writes what is held as soon as something is wrong.
type prompt struct {
	slog.Handler

	out *gathering
}

// Handle implements slog.Handler.
func (p prompt) Handle(ctx context.Context, r slog.Record) error {
	err := p.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		p.out.flush()
	}
	return err
}

// HandleLine writes a line as telemetry's lineHandler says, if the handler can.
func (p prompt) HandleLine(at time.Time, level slog.Level, message string, attrs []slog.Attr) bool {
	lines, ok := p.Handler.(jsonlog.Lines)
	if !ok || !lines.HandleLine(at, level, message, attrs) {
		return false
	}
	if level >= slog.LevelWarn {
		p.out.flush()
	}
	return true
}

// WithAttrs implements slog.Handler.
func (p prompt) WithAttrs(attrs []slog.Attr) slog.Handler {
	return prompt{p.Handler.WithAttrs(attrs), p.out}
}

// WithGroup implements slog.Handler.
func (p prompt) WithGroup(name string) slog.Handler {
	return prompt{p.Handler.WithGroup(name), p.out}
}

// gathering is a writer that holds lines back for a moment.
type gathering struct {
	w io.Writer

	mu     sync.Mutex
	held   []byte
	timer  *time.Timer // runs while something is held; nil before its first use
	closed bool
}

// Write implements io.Writer.
func (g *gathering) Write(line []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	first := len(g.held) == 0
	g.held = append(g.held, line...)
	switch {
	case g.closed, len(g.held) >= logHeld:
		g.write()
	case first && g.timer == nil:
		g.timer = time.AfterFunc(logDelay, g.flush)
	case first:
		g.timer.Reset(logDelay)
	}
	return len(line), nil
}

func (g *gathering) flush() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.write()
}

func (g *gathering) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	g.write()
}

// write writes what is held, with the mutex held. A log that can't be written has
// nobody who could be told.
func (g *gathering) write() {
	if len(g.held) > 0 {
		_, _ = g.w.Write(g.held)
		g.held = g.held[:0]
	}
	if g.timer != nil {
		g.timer.Stop()
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
