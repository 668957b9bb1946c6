package restraint

import "time"

// tally counts what went well and what did not within a window, and whose it
// was. The caller holds a lock.
type tally struct {
	span  time.Duration
	start time.Time
	now   int64
	parts [spans]part
}

// part is a span of a tally.
type part struct {
	good, bad int
	// hereBy are those who called or were served, badBy those whose calls went
	// wrong.
	hereBy, badBy parties
}

func newTally(window time.Duration) tally { return tally{span: max(window/spans, 1)} }

// advance forgets the spans that are over.
func (t *tally) advance(now time.Time) {
	if t.start.IsZero() {
		t.start = now
	}
	at := int64(now.Sub(t.start) / t.span)
	if at-t.now > spans {
		t.now = at - spans
	}
	for t.now < at {
		t.now++
		t.parts[t.now%spans] = part{}
	}
}

func (t *tally) addGood(now time.Time, party string) {
	t.advance(now)
	p := &t.parts[t.now%spans]
	p.good++
	p.hereBy.add(party)
}

// addHere notes that party calls, with an outcome that is not known yet.
func (t *tally) addHere(now time.Time, party string) {
	t.advance(now)
	t.parts[t.now%spans].hereBy.add(party)
}

func (t *tally) addBad(now time.Time, party string) {
	t.advance(now)
	p := &t.parts[t.now%spans]
	p.bad++
	p.badBy.add(party)
}

// sum is what the window holds.
func (t *tally) sum(now time.Time) (good, bad int) {
	t.advance(now)
	for i := range t.parts {
		good += t.parts[i].good
		bad += t.parts[i].bad
	}
	return good, bad
}

// culprit is the party whose alone is all that went wrong; not ok if there are
// several, or none.
func (t *tally) culprit(now time.Time) (party string, ok bool) {
	t.advance(now)
	var bad parties
	for i := range t.parts {
		bad.merge(t.parts[i].badBy)
	}
	return bad.one, bad.some && !bad.several
}

// isOnes reports whether all that went wrong is one party's, while another calls
// or is served: in this span or the one before.
func (t *tally) isOnes(now time.Time) bool {
	culprit, ok := t.culprit(now)
	here := t.parts[t.now%spans].hereBy
	here.merge(t.parts[(t.now+spans-1)%spans].hereBy)
	return ok && here.some && (here.several || here.one != culprit)
}

func (t *tally) clear() { t.parts = [spans]part{} }

// parties is nobody, one party, or several.
type parties struct {
	one           string
	some, several bool
}

func (p *parties) add(party string) { p.merge(parties{one: party, some: true}) }

func (p *parties) merge(other parties) {
	switch {
	case !other.some:
	case !p.some:
		*p = other
	case other.several || other.one != p.one:
		p.several = true
	}
}
