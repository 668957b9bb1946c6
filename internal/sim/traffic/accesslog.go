package traffic

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/fairleadhq/fairlead/internal/sim/measure"
)

// Recorded is a call that the service once had.
type Recorded struct {
	App, Provider string
	// Arrived counts from the first call of the log.
	Arrived time.Duration
	// Work is how long the provider worked on it.
	Work time.Duration
	// Tokens are those of the prompt and of the answer.
	Tokens Tokens
}

// Log is the calls of a recorded log.
type Log struct {
	Calls []Recorded // in the order of arrival
	// Skipped are lines that are no calls which a provider might have served.
	Skipped int
	// Guessed are calls that were refused, so that nobody knows how long they
	// would have taken: as long as the app's others usually did.
	Guessed int
}

// Bounds of a log.
const (
	maxRecorded = 5_000_000
	maxLogLine  = 1 << 20
)

// logLine is what is read of a line.
type logLine struct {
	Time         time.Time `json:"time"`
	Message      string    `json:"msg"`
	App          string    `json:"app"`
	Provider     string    `json:"provider"`
	Outcome      string    `json:"outcome"`
	Attempts     int       `json:"attempts"`
	WaitedMS     float64   `json:"waited_ms"`
	DurationMS   float64   `json:"duration_ms"`
	InputTokens  int       `json:"input_tokens"`
	OutputTokens int       `json:"output_tokens"`
}

// ReadLog reads the service's own log, as JSON. A call arrived when its line was
// written less its duration, and was worked on for its duration less its wait.
func ReadLog(r io.Reader) (*Log, error) {
	log := &Log{}
	began := time.Time{}
	var arrivals []time.Time
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLogLine)
	for lines.Scan() {
		var l logLine
		if json.Unmarshal(lines.Bytes(), &l) != nil || !l.isCall() {
			log.Skipped++
			continue
		}
		if len(log.Calls) == maxRecorded {
			return nil, fmt.Errorf("the log has more than %d calls", maxRecorded)
		}
		duration := milliseconds(l.DurationMS)
		arrived := l.Time.Add(-duration)
		if began.IsZero() || arrived.Before(began) {
			began = arrived
		}
		arrivals = append(arrivals, arrived)
		call := Recorded{App: l.App, Provider: l.Provider, Tokens: Tokens{Prompt: l.InputTokens, Answer: l.OutputTokens}}
		if l.Attempts > 0 {
			call.Work = max(duration-milliseconds(l.WaitedMS), 1)
		}
		log.Calls = append(log.Calls, call)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	for i := range log.Calls {
		log.Calls[i].Arrived = arrivals[i].Sub(began)
	}
	slices.SortStableFunc(log.Calls, func(a, b Recorded) int { return cmp.Compare(a.Arrived, b.Arrived) })
	return log, log.guess()
}

// isCall reports whether the line is of a call that a provider served, or might
// have served had there been room.
func (l *logLine) isCall() bool {
	if l.Message != "request" || l.App == "" || l.Time.IsZero() {
		return false
	}
	return l.Attempts > 0 || slices.Contains([]string{"limited", "busy", "late", "canceled"}, l.Outcome)
}

func milliseconds(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// guess gives the calls that nobody worked on the median of their app, or of all
// if the app has none.
func (l *Log) guess() error {
	known := make(map[string][]time.Duration)
	var all []time.Duration
	for _, c := range l.Calls {
		if c.Work > 0 {
			known[c.App] = append(known[c.App], c.Work)
			all = append(all, c.Work)
		}
	}
	if len(all) == 0 {
		return errors.New("the log has no call that a provider worked on; it must be JSON (server.log_format: json)")
	}
	slices.Sort(all)
	for app := range known {
		slices.Sort(known[app])
	}
	for i := range l.Calls {
		c := &l.Calls[i]
		if c.Work > 0 {
			continue
		}
		l.Guessed++
		usual := known[c.App]
		if len(usual) == 0 {
			usual = all
		}
		c.Work = measure.Quantile(usual, measure.P50)
	}
	return nil
}
