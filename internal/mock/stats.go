package mock

import (
	"maps"
	"net/http"
	"strconv"
	"sync"
)

// maxNames bounds the paths and models that are counted by name; calls past
// it are counted together as "other".
const maxNames = 10_000

// Stats is what the mock has seen since it was made or reset. Calls are the
// POSTs that ask for a model's work; lists of models are not among them.
type Stats struct {
	// InFlight counts the calls held now, MostInFlight the most at one time. A
	// call is over right before its last bytes are written, so whoever starts
	// the next one after having read them is never counted twice.
	InFlight     int `json:"in_flight"`
	MostInFlight int `json:"most_in_flight"`
	// Total counts calls, Aborted those that the client left before the end.
	Total   int64 `json:"total"`
	Aborted int64 `json:"aborted"`
	// Invalid counts requests that the real APIs would refuse as malformed,
	// Unauthorized those with another key.
	Invalid      int64 `json:"invalid"`
	Unauthorized int64 `json:"unauthorized"`
	// Paths counts calls by path; Models tells them by the name of the model.
	Paths  map[string]int64      `json:"paths"`
	Models map[string]ModelStats `json:"models"`
	// Last is the newest call; its Path is empty when there was none.
	Last Last `json:"last"`
}

// ModelStats is what was seen of one model.
type ModelStats struct {
	InFlight     int   `json:"in_flight"`
	MostInFlight int   `json:"most_in_flight"`
	Total        int64 `json:"total"`
	Aborted      int64 `json:"aborted"`
}

// Last is a call as it arrived, credentials included.
type Last struct {
	Path   string      `json:"path"`
	Query  string      `json:"query"`
	Header http.Header `json:"header"`
	Body   []byte      `json:"-"`
}

// Stats returns the counts as they stand; the maps are the caller's own.
func (m *Mock) Stats() Stats { return m.counts.snapshot() }

// Reset forgets everything but the calls that are in flight.
func (m *Mock) Reset() {
	m.counts.clear()
	m.memory.Forget()
}

// call is one call as the counts know it.
type call struct {
	model string
	// number counts the calls of this model up to this one, total those of all.
	number, total int64
	epoch         int
	left          bool
}

type counts struct {
	mu    sync.Mutex
	stats Stats
	// epoch counts resets, so that a call from before one is not taken for one
	// of a model that was seen after it.
	epoch int
}

func (c *counts) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	held := c.stats.InFlight
	c.epoch++
	c.stats = Stats{
		InFlight: held, MostInFlight: held,
		Paths: make(map[string]int64), Models: make(map[string]ModelStats),
	}
}

func (c *counts) enter(model string, r *http.Request, body []byte) *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &c.stats
	if _, known := s.Models[model]; !known && len(s.Models) >= maxNames {
		model = "other"
	}
	s.Total++
	s.InFlight++
	s.MostInFlight = max(s.MostInFlight, s.InFlight)
	s.Paths[r.URL.Path]++
	of := s.Models[model]
	of.Total++
	of.InFlight++
	of.MostInFlight = max(of.MostInFlight, of.InFlight)
	s.Models[model] = of
	s.Last = Last{Path: r.URL.Path, Query: r.URL.RawQuery, Header: r.Header.Clone(), Body: body}
	return &call{model: model, number: of.Total, total: s.Total, epoch: c.epoch}
}

// leave takes the call out of those in flight; a second time does nothing.
func (c *counts) leave(call *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if call.left {
		return
	}
	call.left = true
	c.stats.InFlight--
	if call.epoch != c.epoch {
		return
	}
	of := c.stats.Models[call.model]
	of.InFlight--
	c.stats.Models[call.model] = of
}

func (c *counts) abort(call *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if call.epoch != c.epoch {
		return
	}
	c.stats.Aborted++
	of := c.stats.Models[call.model]
	of.Aborted++
	c.stats.Models[call.model] = of
}

func (c *counts) invalid() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Invalid++
}

func (c *counts) unauthorized() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Unauthorized++
}

func (c *counts) snapshot() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Paths = maps.Clone(c.stats.Paths)
	s.Models = maps.Clone(c.stats.Models)
	return s
}

// showStats answers GET /mock/stats. Credentials are left out, and the body is
// given as text.
func (m *Mock) showStats(w http.ResponseWriter, _ *http.Request) {
	s := m.Stats()
	last := s.Last.Header.Clone()
	for _, name := range []string{"Authorization", "X-Api-Key", "Api-Key"} {
		if last.Get(name) != "" {
			last.Set(name, "***")
		}
	}
	s.Last.Header = last
	writeJSON(w, http.StatusOK, struct {
		Stats
		LastBody string `json:"last_body"`
	}{s, string(s.Last.Body)})
}

func (m *Mock) reset(w http.ResponseWriter, _ *http.Request) {
	m.Reset()
	writeJSON(w, http.StatusOK, object{"reset": true})
}

func requestID(n int64) string { return "req_mock_" + strconv.FormatInt(n, 10) }
