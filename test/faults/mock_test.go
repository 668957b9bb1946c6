package faults_test

import (
	"slices"
	"testing"
)

// mocked is a fault of `fairlead mock`, by the flags that ask for it.
type mocked struct {
	flags string
	// json and stream are the codes that callers may get; begun says that a stream
	// has begun before.
	json, stream []string
	begun        bool
}

func mockFaults() []mocked {
	const busy, full = "provider_unavailable", "provider_rate_limited"
	return []mocked{
		{flags: "hang", json: codes(silent, late), stream: codes(silent, late)},
		{flags: "delay=5", json: codes(silent, late), stream: codes(silent, late)},
		{flags: "pace=5", stream: codes(silent), begun: true},
		{flags: "hang_after=5", json: codes(silent, late), stream: codes(silent), begun: true},
		{flags: "cut=5", json: codes(truncated), stream: codes(truncated), begun: true},
		{flags: "cut=0", json: codes(truncated), stream: codes(truncated)},
		{flags: "malformed=6", json: codes(invalid), stream: codes(malformed), begun: true},
		{flags: "error_midstream=5", json: codes(told), stream: codes(told, busy), begun: true},
		{flags: "nodone", stream: codes(truncated), begun: true},
		{flags: "nofinish", stream: codes(truncated), begun: true},
		{flags: "html", json: codes(invalid), stream: codes(invalid)},
		{flags: "empty", json: codes(invalid), stream: codes(invalid, truncated)},
		{flags: "redirect=http://127.0.0.1:1/", json: codes("upstream_redirect"), stream: codes("upstream_redirect")},
		{flags: "500", json: codes(told), stream: codes(told)},
		{flags: "504+comments", json: codes(told), stream: codes(told)},
		{flags: "529", json: codes(busy, late), stream: codes(busy, late)},
		{flags: "429+retry_after=7", json: codes(full), stream: codes(full)},
		{flags: "401", json: codes("upstream_auth"), stream: codes("upstream_auth")},
	}
}

// TestMockFaults is R1 with `fairlead mock`: what it does wrong ends as what the raw
// upstream does wrong.
func TestMockFaults(t *testing.T) {
	b := &bed{raw: startRaw(t)} // nothing comes to it
	address := startMock(t)
	var upstreams []upstream
	var played []mocked
	for _, m := range mockFaults() {
		for _, dialect := range dialects() {
			upstreams = append(upstreams, upstream{name: nameOf(m.flags) + "-" + dialect, dialect: dialect, address: address, http: clocks()})
			played = append(played, m)
		}
	}
	b.service = serve(t, roomy, upstreams)
	b.each(t, upstreams, func(t *testing.T, i int) {
		t.Helper()
		b.meet(t, upstreams[i].name, played[i].cells(upstreams[i].name), unseen)
	})
}

// nameOf makes a provider's name of the mock's flags.
func nameOf(flags string) string {
	name := []byte("mock-" + flags)
	for i, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			name[i] = '-'
		}
	}
	for len(name) > 0 && name[len(name)-1] == '-' {
		name = name[:len(name)-1]
	}
	return string(name)
}

func (m mocked) cells(provider string) (all []*cell) {
	add := func(c cell) {
		c.app, c.within = provider, callTime
		c.model = "mock+tokens=12+" + m.flags + "+id=" + c.name()
		all = append(all, &c)
	}
	for _, face := range slices.Concat(faces(), question{stream: true}.socketFaces()) {
		if one := (question{face: face}); m.json != nil && !one.isSocket() {
			add(cell{question: one, want: m.json})
		}
		add(cell{question: question{face: face, stream: true}, want: m.stream, mid: m.begun, fromStrike: m.begun})
		if last := all[len(all)-1]; last.fromStrike {
			last.within = readTime
		}
	}
	return all
}
