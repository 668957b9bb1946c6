package load

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// The quantiles are those of the sorted values, at most 1/128 too high and
// never too low.
func TestHistogramBesideSortedValues(t *testing.T) {
	draws := map[string]func() time.Duration{
		"small":     func() time.Duration { return time.Duration(rand.Int64N(300)) },
		"uniform":   func() time.Duration { return time.Duration(rand.Int64N(int64(time.Second))) },
		"lognormal": func() time.Duration { return time.Duration(math.Exp(rand.NormFloat64()*3 + 12)) },
	}
	for name, draw := range draws {
		var h Histogram
		var all []time.Duration
		for range 5000 {
			d := draw()
			h.Record(d)
			all = append(all, d)
		}
		slices.Sort(all)
		for _, q := range []float64{0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1} {
			want := all[max(int(math.Ceil(q*float64(len(all)))), 1)-1]
			got := h.Quantile(q)
			if got < want || got > want+want/128+1 {
				t.Errorf("%s: the quantile %v is %v, want %v", name, q, got, want)
			}
		}
		if h.Count() != 5000 {
			t.Errorf("%s: got %d values", name, h.Count())
		}
	}
}

func TestHistogramBounds(t *testing.T) {
	var h Histogram
	if got := h.Quantile(0.5); got != 0 {
		t.Errorf("of nothing: got %v", got)
	}
	h.Record(-time.Second)
	if got := h.Quantile(1); got != 0 {
		t.Errorf("below zero: got %v", got)
	}
	h.Record(time.Hour)
	if got := h.Quantile(1); got < 18*time.Minute || got > time.Hour {
		t.Errorf("beyond the range: got %v", got)
	}
	for v := time.Duration(0); v < 1<<maxBits; v = v*3/2 + 1 {
		b := bucketOf(v)
		if highest(b) < v || b > 0 && highest(b-1) >= v {
			t.Fatalf("%d is in bucket %d, which ends at %d after %d", v, b, highest(b), highest(b-1))
		}
	}
}

// Due times don't drift: a rate that does not divide a second is still exact
// after hours.
func TestSchedule(t *testing.T) {
	s := schedule{start: 5, rate: 3000}
	for n, want := range map[int64]int64{0: 5, 1: 333_338, 3000: 1_000_000_005, 3000 * 3600: 3600*1_000_000_000 + 5} {
		if got := s.due(n); got != want {
			t.Errorf("request %d: due at %d, want %d", n, got, want)
		}
	}
}

func TestEventsInPieces(t *testing.T) {
	letters := []string{"\n", "\n", "a", "data: x\n\n"}
	for range 2000 {
		var text strings.Builder
		for range rand.IntN(12) {
			text.WriteString(letters[rand.IntN(len(letters))])
		}
		if rand.IntN(2) == 0 {
			text.WriteString("data: [DONE]\n\n")
		}
		var c counter
		var got int64
		for rest := []byte(text.String()); len(rest) > 0; {
			n := rand.IntN(len(rest)) + 1
			got += c.count(rest[:n])
			rest = rest[n:]
		}
		if want := int64(strings.Count(text.String(), "\n\n")); got != want {
			t.Fatalf("%q: got %d events, want %d", text.String(), got, want)
		}
		if want := strings.HasSuffix(text.String(), "[DONE]\n\n"); c.ended() != want {
			t.Fatalf("%q: got ended %v", text.String(), c.ended())
		}
	}
}

func TestBodies(t *testing.T) {
	for _, size := range []int{600, 100_000} {
		for _, mode := range []Mode{Whole, Stream} {
			body := Body("bench", size, mode)
			var got struct {
				Stream   bool
				Messages []struct{ Role, Content string }
			}
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatal(err)
			}
			if len(body) < size*9/10 || len(body) > size*11/10+250 || got.Stream != (mode == Stream) || len(got.Messages) == 0 {
				t.Errorf("size %d: got %d bytes, stream %v, %d messages", size, len(body), got.Stream, len(got.Messages))
			}
		}
	}
}

func TestPlansThatAreRefused(t *testing.T) {
	good := Plan{Connections: 1, Requests: [][]byte{nil}, Duration: time.Second, Timeout: time.Second}
	if err := good.check(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Plan){
		"no connection":        func(p *Plan) { p.Connections = 0 },
		"too many connections": func(p *Plan) { p.Connections = maxConnections + 1 },
		"no duration":          func(p *Plan) { p.Duration = 0 },
		"too long":             func(p *Plan) { p.Warmup = maxDuration },
		"no timeout":           func(p *Plan) { p.Timeout = 0 },
		"no request":           func(p *Plan) { p.Requests = nil },
		"a rate below zero":    func(p *Plan) { p.Rate = -1 },
	} {
		p := good
		spoil(&p)
		if err := p.check(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
