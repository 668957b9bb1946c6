package estimate

import (
	"sync"
	"time"
)

// shortestService is the shortest time that is told from shorter ones.
const shortestService = 100 * time.Microsecond

// Service learns how long an attempt upstream takes, for each operation and
// model: from 0.1 ms to 10,000 s, within 5 %. It may be used by several
// goroutines at once. It keeps the 4096 pairs that were used last, 0.9 KB for
// each. The zero Service knows nothing yet.
type Service struct {
	mu    sync.Mutex
	pairs table[work, sketch]
}

// work is what attempts have in common.
type work struct{ op, model string }

// Add learns that an attempt took d.
func (s *Service) Add(op, model string, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pairs.use(nil, work{op, model}, newServiceSketch).value.add(d.Seconds())
}

func newServiceSketch(s *sketch) { *s = newSketch(shortestService.Seconds()) }

// P10 is the time within which a tenth of the attempts have ended: whoever has
// less time left will hardly make it. It is not ok before 8 attempts.
func (s *Service) P10(op, model string) (d time.Duration, ok bool) {
	return s.quantile(work{op, model}, 0.1)
}

// P50 is the time within which half of the attempts have ended. It is not ok
// before 8 attempts.
func (s *Service) P50(op, model string) (d time.Duration, ok bool) {
	return s.quantile(work{op, model}, 0.5)
}

func (s *Service) quantile(pair work, p float64) (d time.Duration, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.pairs.look(nil, pair)
	if known == nil {
		return 0, false
	}
	seconds, ok := known.value.quantile(p)
	return time.Duration(seconds * float64(time.Second)), ok
}
