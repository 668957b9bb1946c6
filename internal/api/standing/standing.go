// Package standing tells in JSON how an app stands with its limits: what they
// are, what is left of them, what the app holds and waits for, and why it was
// refused. The app itself and the operator are told it in the same words.
//
// Start with Of.
package standing

import (
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/admission"
)

// Standing is how an app stands, ready to be marshalled.
type Standing struct {
	App    fairlead.AppID `json:"app"`
	Limits limits         `json:"limits"`
	// Requests and Tokens are null for an app without such a limit.
	Requests *window `json:"requests"`
	Tokens   *window `json:"tokens"`
	usage
	Classes           map[string]usage `json:"classes"`
	NextWaitSeconds   float64          `json:"next_wait_seconds"`
	BlockedForSeconds float64          `json:"blocked_for_seconds"`
	// Refused has the commonest reason first; it is never null.
	Refused []refusal `json:"refused"`
}

// limits are the app's limits, where 0 is none; the last is the service's.
type limits struct {
	RateLimitPerMinute    int      `json:"rate_limit_per_minute"`
	TokensPerMinute       int      `json:"tokens_per_minute"`
	MaxConcurrent         int      `json:"max_concurrent"`
	MinConcurrent         int      `json:"min_concurrent"`
	Weight                int      `json:"weight"`
	Class                 string   `json:"class"`
	Models                []string `json:"models"`
	MaxConcurrentRequests int      `json:"max_concurrent_requests"`
}

type window struct {
	Limit        int     `json:"limit"`
	Remaining    int     `json:"remaining"`
	ResetSeconds float64 `json:"reset_seconds"`
}

type usage struct {
	InUse   int `json:"in_use"`
	Waiting int `json:"waiting"`
}

type refusal struct {
	Code           string  `json:"code"`
	Count          int64   `json:"count"`
	LastSecondsAgo float64 `json:"last_seconds_ago"`
}

// Of tells how app stands in a service of that many slots; 0 is no limit.
func Of(app *fairlead.App, s admission.Standing, slots int) Standing {
	all := Standing{
		App: app.ID, Limits: limitsOf(app, slots), Requests: windowOf(s.Requests), Tokens: windowOf(s.Tokens),
		usage: usage{InUse: s.InUse, Waiting: s.Waiting}, Classes: make(map[string]usage, len(s.Classes)),
		NextWaitSeconds: Seconds(s.NextWait), BlockedForSeconds: Seconds(s.BlockedFor),
		Refused: make([]refusal, 0, len(s.Refused)),
	}
	for class, u := range s.Classes {
		all.Classes[class.String()] = usage{InUse: u.InUse, Waiting: u.Waiting}
	}
	for _, r := range s.Refused {
		all.Refused = append(all.Refused, refusal{
			Code: r.Code, Count: r.Count, LastSecondsAgo: Seconds(max(time.Since(r.Last), 0)),
		})
	}
	return all
}

func limitsOf(app *fairlead.App, slots int) limits {
	models := app.Models
	if len(models) == 0 {
		models = []string{"*"}
	}
	return limits{
		RateLimitPerMinute: app.RateLimitPerMinute, TokensPerMinute: app.TokensPerMinute,
		MaxConcurrent: app.MaxConcurrent, MinConcurrent: app.MinConcurrent, Weight: max(app.Weight, 1),
		Class: app.Class.String(), Models: models, MaxConcurrentRequests: slots,
	}
}

func windowOf(w fairlead.WindowState) *window {
	if w.Limit <= 0 {
		return nil
	}
	return &window{Limit: w.Limit, Remaining: max(w.Remaining, 0), ResetSeconds: Seconds(w.Reset)}
}

// Seconds is a duration as the native API spells it: in seconds, exact to the
// microsecond.
func Seconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e6 }
