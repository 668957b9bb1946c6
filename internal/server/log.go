package server

import (
	"io"
	"log/slog"
	"os"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"
)

// The log formats of server.log_format, beside "auto".
const (
	logHuman = "human"
	logJSON  = "json"
)

// NewLogger returns a logger to w in the format that server.log_format names:
// human, json, or auto, which is human on a terminal and JSON elsewhere.
func NewLogger(w io.Writer, format string) *slog.Logger {
	if format == logHuman || format != logJSON && isTerminal(w) {
		return slog.New(tint.NewTextHandler(w, &tint.Options{NoColor: !isTerminal(w)}))
	}
	return slog.New(slog.NewJSONHandler(w, nil))
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
