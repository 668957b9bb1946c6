package alert

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/fairleadhq/fairlead"
)

// notice is one message about an app: how it stood at a moment.
type notice struct {
	app   fairlead.AppID
	state state // firing or resolved
	// quiet: it is resolved because there are too few calls to judge by.
	quiet bool
	// reminder: the same was told before.
	reminder         bool
	requests, errors int // within the window
	codes            []codeCount
	// since is when the alert began, at when the figures were taken.
	since, at time.Time
}

func (n *notice) rate() float64 {
	if n.requests == 0 {
		return 0
	}
	return float64(n.errors) / float64(n.requests)
}

func (n *notice) reason() string {
	switch {
	case n.state == firing:
		return "error_rate"
	case n.quiet:
		return "quiet"
	}
	return "recovered"
}

func (n *notice) lasted() time.Duration { return n.at.Sub(n.since) }

// message is a notice as it is posted.
type message struct {
	Event         string      `json:"event"`  // always "error_rate"
	State         string      `json:"state"`  // "firing" or "resolved"
	Reason        string      `json:"reason"` // "error_rate", "recovered" or "quiet"
	App           string      `json:"app"`
	Rate          float64     `json:"rate"`
	Errors        int         `json:"errors"`
	Requests      int         `json:"requests"`
	WindowSeconds float64     `json:"window_seconds"`
	Threshold     float64     `json:"threshold"`
	Since         string      `json:"since"` // when the alert began
	Time          string      `json:"time"`  // when the figures were taken
	TopCodes      []codeCount `json:"top_codes"`
	// Text is the whole in a sentence or two; chats show it.
	Text string `json:"text"`
}

// encode returns the notice as it is posted.
func (r rule) encode(n *notice) ([]byte, error) {
	codes := n.codes
	if codes == nil {
		codes = []codeCount{} // a list in JSON too
	}
	body, err := json.Marshal(message{
		Event: "error_rate", State: n.state.String(), Reason: n.reason(), App: string(n.app),
		Rate: rounded(n.rate()), Errors: n.errors, Requests: n.requests,
		WindowSeconds: r.window.Seconds(), Threshold: r.rate,
		Since: stamp(n.since), Time: stamp(n.at), TopCodes: codes, Text: r.text(n),
	})
	if err != nil {
		return nil, fmt.Errorf("encode the notice: %w", err)
	}
	return body, nil
}

// rounded keeps four decimals.
func rounded(rate float64) float64 { return math.Round(rate*1e4) / 1e4 }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// text tells the notice to people.
func (r rule) text(n *notice) string {
	figures := fmt.Sprintf("%d of %d requests failed in the last %v s (%.3g %%)",
		n.errors, n.requests, r.window.Seconds(), 100*n.rate())
	lasted := n.lasted().Round(time.Second)
	switch {
	case n.state == firing:
		if n.reminder {
			figures = fmt.Sprintf("still failing after %v: %s", lasted, figures)
		}
		return fmt.Sprintf("App %s: %s; the alert is set to %.3g %%. Most frequent: %s (%d).",
			n.app, figures, 100*r.rate, n.codes[0].Code, n.codes[0].Count)
	case n.quiet:
		return fmt.Sprintf("App %s has gone quiet, the alert ends after %v: %d requests in the last %v s are too few to judge by.",
			n.app, lasted, n.requests, r.window.Seconds())
	}
	return fmt.Sprintf("App %s has recovered, the alert ends after %v: %s.", n.app, lasted, figures)
}
