package faults_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// holds lists the gauges that say that something is held for a provider or an
// app: of that name, or of anyone where name is "".
func (s *service) holds(ctx context.Context, name string) ([]string, error) {
	s.scrape.Lock()
	defer s.scrape.Unlock()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.root+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "text/plain")
	r.Header.Set("Authorization", "Bearer "+s.adminToken)
	resp, err := s.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("/metrics answers %d", resp.StatusCode)
	}
	gauges, held, seen := make(map[string]bool), []string(nil), 0
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		line := lines.Text()
		if family, ok := strings.CutPrefix(line, "# TYPE "); ok {
			family, kind, _ := strings.Cut(family, " ")
			gauges[family] = kind == "gauge"
			continue
		}
		sample := samples.FindStringSubmatch(line)
		if sample == nil || !gauges[sample[1]] || !ofUse(sample[1], sample[2]) || !of(name, sample[2]) {
			continue
		}
		seen++
		if value, err := strconv.ParseFloat(sample[3], 64); err != nil || value != 0 {
			held = append(held, line)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	// An app has its slots and its place in the queue, a provider both and its tries.
	if least := 5; seen < least {
		return nil, fmt.Errorf("%d gauges of %q, want at least %d", seen, name, least)
	}
	return held, nil
}

var samples = regexp.MustCompile(`^(fairlead_\w+)(?:\{(.*)\})? (\S+)$`)

// ofUse says whether a gauge counts what is held for calls.
func ofUse(family, labels string) bool {
	if strings.HasSuffix(family, "most_in_use") {
		return false
	}
	for _, whole := range []string{"in_use", "waiting", "running", "in_flight", "active_requests", "stale_slots", "websockets_open", "websocket_lanes"} {
		if strings.HasSuffix(family, whole) {
			return true
		}
	}
	return strings.Contains(family, "connections") && (strings.Contains(labels, `"in_use"`) || strings.Contains(labels, `"waiting"`))
}

// of says whether labels name the provider and app of that name.
func of(name, labels string) bool { return name == "" || strings.Contains(labels, `"`+name+`"`) }

// emptied waits until nothing is held, by the gauges and by also. It returns how long
// that took.
func (s *service) emptied(t *testing.T, name string, also func() int) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		asked := time.Now()
		held, err := s.holds(t.Context(), name)
		if err != nil {
			t.Error(err)
			return 0
		}
		upstream := also()
		if len(held) == 0 && upstream == 0 {
			return asked.Sub(began)
		}
		if time.Since(began) > emptiness() {
			t.Errorf("%v after the last call the upstream holds %d calls and the service\n\t%s", emptiness(), upstream, strings.Join(held, "\n\t"))
			return time.Since(began)
		}
		<-tick.C
	}
}
