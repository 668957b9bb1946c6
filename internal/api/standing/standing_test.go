package standing_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/admission"
	"github.com/fairleadhq/fairlead/internal/api/standing"
	"github.com/fairleadhq/fairlead/internal/fairqueue"
)

// TestOf holds the whole shape: names, units, what is null and what is empty.
func TestOf(t *testing.T) {
	for _, c := range []struct {
		name string
		app  fairlead.App
		s    admission.Standing
		want string
	}{
		{
			"an app without limits that did nothing",
			fairlead.App{ID: "crm"},
			admission.Standing{},
			`{"app":"crm","limits":{"rate_limit_per_minute":0,"tokens_per_minute":0,"max_concurrent":0,"min_concurrent":0,"weight":1,` +
				`"class":"interactive","models":["*"],"max_concurrent_requests":20},"requests":null,"tokens":null,"in_use":0,"waiting":0,` +
				`"classes":{},"next_wait_seconds":0,"blocked_for_seconds":0,"refused":[]}`,
		},
		{
			"all of it",
			fairlead.App{
				ID: "batch", RateLimitPerMinute: 300, TokensPerMinute: 200000, Weight: 2, MaxConcurrent: 10, MinConcurrent: 1,
				Class: fairlead.Batch, Models: []string{"groq/*"},
			},
			admission.Standing{
				Requests: fairlead.WindowState{Limit: 300, Remaining: 12, Reset: 31500 * time.Millisecond},
				Tokens:   fairlead.WindowState{Limit: 200000, Remaining: -3, Reset: time.Minute},
				InUse:    3, Waiting: 5,
				Classes: map[fairlead.Class]fairqueue.Usage{
					fairlead.Interactive: {InUse: 1}, fairlead.Batch: {InUse: 2, Waiting: 5},
				},
				NextWait: 1500 * time.Microsecond, BlockedFor: 299 * time.Second,
				Refused: []admission.Refusal{{Code: "queue_full", Count: 7}, {Code: "blocked_burst", Count: 1}},
			},
			`{"app":"batch","limits":{"rate_limit_per_minute":300,"tokens_per_minute":200000,"max_concurrent":10,"min_concurrent":1,"weight":2,` +
				`"class":"batch","models":["groq/*"],"max_concurrent_requests":20},"requests":{"limit":300,"remaining":12,"reset_seconds":31.5},` +
				`"tokens":{"limit":200000,"remaining":0,"reset_seconds":60},"in_use":3,"waiting":5,` +
				`"classes":{"batch":{"in_use":2,"waiting":5},"interactive":{"in_use":1,"waiting":0}},"next_wait_seconds":0.0015,"blocked_for_seconds":299,` +
				`"refused":[{"code":"queue_full","count":7,"last_seconds_ago":4.5},{"code":"blocked_burst","count":1,"last_seconds_ago":4.5}]}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for i := range c.s.Refused { // by the bubble's clock
					c.s.Refused[i].Last = time.Now()
				}
				<-time.After(4500 * time.Millisecond)
				got, err := json.Marshal(standing.Of(&c.app, c.s, 20))
				if err != nil || string(got) != c.want {
					t.Errorf("got  %s, %v\nwant %s", got, err, c.want)
				}
			})
		})
	}
}
