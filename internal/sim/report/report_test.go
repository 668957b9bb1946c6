package report

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func sample() *Report {
	return &Report{
		Policy: "Fairlead", Duration: 600, Seed: 7,
		Apps: []AppReport{
			{
				Name: "crm", Count: 1, Offered: 300, Served: 298, Unfinished: 2, Wait: Waits{P50: 0, P99: 0.5, Max: 1.25},
				Slots: 1, Share: 0.05, Entitled: 0.055,
			},
			{
				Name: "notebooks", Count: 12, Offered: 5000, Served: 4000, Cut: 3, Left: 7, Unfinished: 10,
				Refused:  map[string]int{QueueFullApp: 960, BlockedBurst: 20},
				Returned: 900, Welcome: 720, Wait: Waits{P50: 9.9994, P99: 33.333, Max: 120}, Slots: 19, Share: 0.95, Entitled: 0.945,
			},
		},
		Slots:     Resource{Name: "service", Limit: 20, InUse: 20, Full: 0.999},
		Providers: []Resource{{Name: "openai", Limit: 25, InUse: 15}, {Name: "local", InUse: 5}},
		Jain:      Jain{Intervals: 3, Mean: 0.9987, Least: 0.99}, Predicted: Ratios{Count: 100, P10: 0.9, P50: 1, P90: 1.1},
		WorstWindow: 1, Binds: []string{"app crm is bound by nothing"},
	}
}

func TestText(t *testing.T) {
	var b strings.Builder
	if err := sample().WriteText(&b); err != nil {
		t.Fatal(err)
	}
	const want = `10m of traffic, seed 7

app               calls   served  refused   left  wait p50     p99     max  slots    share  entitled
crm                 300      298        0      0        0s  0.500s  1.250s    1.0    5.0 %     5.5 %
notebooks x 12     5000     4000      980      7    9.999s   33.3s  120.0s   19.0   95.0 %    94.5 %

notebooks: blocked_burst 20, queue_full_app 960, cut off at their time limit 3, came back 900, of these admitted 80 %

slots of service  20, 100.0 % in use, all of them for 99.9 % of the time
slots of openai   25, 60.0 % in use, all of them for 0.0 % of the time
slots of local    no limit, 5.0 in use
fairness          Jain's index 0.999 on the average, least 0.990, over those that always waited
predictions       actual wait / predicted wait: p10 0.90, p50 1.00, p90 1.10 of 100
rates             most admissions in any 60 s / limit: 1.000

What binds:
  app crm is bound by nothing

Left out of the simulation:
  nothing
`
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTextWithoutMuchToSay(t *testing.T) {
	var b strings.Builder
	if err := (&Report{Duration: 60}).WriteText(&b); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); !strings.Contains(got, "nothing: no app was refused or waited for long") || strings.Contains(got, "NaN") {
		t.Errorf("got\n%s", got)
	}
}

func TestSpan(t *testing.T) {
	for seconds, want := range map[float64]string{600: "10m", 90: "1m30s", 3600: "1h", 5400: "1h30m", 10.5: "10.5s", 7205: "2h0m5s"} {
		if got := span(seconds); got != want {
			t.Errorf("%v s are spelled %s, want %s", seconds, got, want)
		}
	}
}

// TestJSON: every figure of the text is in the JSON, and comes back from it.
func TestJSON(t *testing.T) {
	data, err := json.Marshal(sample())
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	var one, two strings.Builder
	if err := sample().WriteText(&one); err != nil {
		t.Fatal(err)
	}
	if err := back.WriteText(&two); err != nil || one.String() != two.String() {
		t.Errorf("%v; by way of JSON it became\n%s", err, two.String())
	}
}

func TestSums(t *testing.T) {
	second := time.Second
	if got, want := WaitsOf([]time.Duration{3 * second, second, 2 * second}), (Waits{P50: 2, P99: 3, Max: 3}); got != want {
		t.Errorf("waits %+v, want %+v", got, want)
	}
	if got, want := RatiosOf([]float64{3, 1, 2}), (Ratios{Count: 3, P10: 1, P50: 2, P90: 3}); got != want {
		t.Errorf("ratios %+v, want %+v", got, want)
	}
	if got, want := JainOf([]float64{1, 0.5}), (Jain{Intervals: 2, Mean: 0.75, Least: 0.5}); got != want {
		t.Errorf("index %+v, want %+v", got, want)
	}
	b := Backlog{Looks: 1, Cap: 1}
	b.Add(Backlog{Looks: 5, Provider: 1, Slots: 2, Rates: 2})
	if want := (Backlog{Looks: 6, Cap: 1, Provider: 1, Slots: 2, Rates: 2}); b != want {
		t.Errorf("backlog %+v, want %+v", b, want)
	}
	if WaitsOf(nil) != (Waits{}) || RatiosOf(nil) != (Ratios{}) || JainOf(nil) != (Jain{}) || Part(1, 0) != 0 {
		t.Error("something comes of nothing")
	}
}
