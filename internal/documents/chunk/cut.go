package chunk

import (
	"math"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/canon"
)

// rest says whether more comes behind the buffer that is of the same page and section.
type rest uint8

const (
	isWhole rest = iota
	goesOn
)

// The bounds of ratio.
const (
	leastRatio = 0.25
	mostRatio  = 4
)

// aim is what a chunk is cut for: its sizes are estimates.
type aim struct {
	wanted, most float64
	bytes        int64
	// all says that the rest of the buffer may be the chunk.
	all bool
}

// aim says how large the next chunk is to be. The last ones before an end are made of
// about the same size.
func (s *splitter) aim(r rest) aim {
	toUnits := part / s.ratio
	most := float64(s.most)
	if head := len(s.context(s.at)) / 4; float64(head) < most/2 {
		most -= float64(head)
	}
	a := aim{most: most * toUnits, wanted: 0.9 * most * toUnits, bytes: int64(s.most * bytesPerToken)}
	if r == isWhole {
		a.all = true
		total, shared := float64(s.cost-s.startCost), float64(s.overlap)/s.ratio
		n := math.Ceil((total - shared) / (0.97*a.most - shared))
		a.wanted = min(shared+(total-shared)/max(n, 1), a.most)
	}
	return a
}

// cut cuts a chunk off the buffer.
func (s *splitter) cut(a aim) error {
	for {
		to := s.choose(a)
		text := s.text[:to.end-s.at]
		estimate := max(float64(to.cost-s.startCost)/part, 1)
		tokens := int(math.Ceil(estimate))
		if s.counter != nil {
			tokens = s.counter.Count(string(text))
			if tokens > s.most && to.end > s.least() {
				s.learn(max(s.ratio, float64(tokens)/estimate), 1)
				a = s.shrink(a, len(text), 0.95*float64(s.most)/float64(tokens))
				continue
			}
			if len(text) > 64 {
				s.learn(float64(tokens)/estimate, 0.1)
			}
		}
		c := s.chunk(to.end)
		c.Tokens = max(tokens, 1)
		s.seq++
		if err := s.emit(c); err != nil {
			return err
		}
		s.drop(to)
		return nil
	}
}

// shrink is an aim for less than what had that many bytes and was too much: for that
// share of it. What is in the chunk before is left out if it is the larger part.
func (s *splitter) shrink(a aim, bytes int, share float64) aim {
	cost := float64(bytes) / float64(len(s.text)) * float64(s.cost-s.startCost)
	a.most = min(a.most, cost) * share
	a.bytes, a.all = int64(bytes)-1, false
	if float64(s.freshCost-s.startCost) > a.most/2 {
		s.skip(place{next: s.fresh, cost: s.freshCost})
	}
	a.wanted = min(a.wanted, a.most)
	return a
}

// learn has the ratio take that much of a new one.
func (s *splitter) learn(ratio, weight float64) {
	s.ratio = min(max(s.ratio+(ratio-s.ratio)*weight, leastRatio), mostRatio)
}

// least is where the shortest chunk that could be cut now ends: behind one rune that is
// in none yet.
func (s *splitter) least() int64 {
	_, n := utf8.DecodeRune(s.text[s.fresh-s.at:])
	return s.fresh + int64(n)
}

// choose is the place to cut at.
func (s *splitter) choose(a aim) place {
	end := place{end: s.end(), next: s.end(), cost: s.cost}
	if a.all && a.fits(s, end) {
		return end
	}
	var best place
	bestScore := math.Inf(-1)
	for _, p := range s.places {
		if p.end <= s.fresh {
			continue
		}
		if !a.fits(s, p) {
			break
		}
		if score := a.score(p.rank, float64(p.cost-s.startCost)); score >= bestScore {
			best, bestScore = p, score
		}
	}
	if math.IsInf(bestScore, -1) {
		return s.anywhere(a)
	}
	return best
}

// fits reports whether what ends at p is not too large.
func (a aim) fits(s *splitter, p place) bool {
	return float64(p.cost-s.startCost) <= a.most && p.end-s.at <= a.bytes
}

// score says how good a place of that rank is for a chunk of that size. Any place with a
// better rank is better than one that is not near the wanted size at all.
func (a aim) score(r rank, size float64) float64 {
	off := math.Abs(size-a.wanted) / a.wanted
	near := 0.25
	switch {
	case r >= phrase && off <= near:
		return 50 + 4*float64(r-phrase)*near - 4*off
	case r >= phrase && size > 0.4*a.wanted:
		return 40 - off
	case r >= word && off <= near:
		return 30 + float64(r)*0.1 - off
	case r >= phrase:
		return 20 + size/a.wanted
	case r >= word:
		return 10 + size/a.wanted
	}
	return -off
}

// anywhere is a place in a word of which no place is near enough. It parts no rune.
func (s *splitter) anywhere(a aim) place {
	total := max(float64(s.cost-s.startCost), 1)
	end := s.at + min(int64(float64(len(s.text))*a.most/total), a.bytes, int64(len(s.text))-1)
	for _, p := range s.places {
		if p.end > s.fresh {
			end = min(end, p.end-1)
			break
		}
	}
	for end > s.fresh && !utf8.RuneStart(s.text[end-s.at]) {
		end--
	}
	if end <= s.fresh {
		end = s.least()
	}
	for _, p := range s.places {
		if p.end == end {
			return p
		}
	}
	return place{end: end, next: end, cost: s.startCost + int64(total*float64(end-s.at)/float64(len(s.text)))}
}

// chunk is what the buffer holds up to end.
func (s *splitter) chunk(end int64) fairlead.Chunk {
	c := fairlead.Chunk{Seq: s.seq, Start: s.at, End: end, Context: s.context(s.at), Page: s.units[0].page}
	rows := int64(0)
	for _, u := range s.units {
		if u.start >= end {
			break
		}
		c.LastPage = u.page
		if isRow(u.kind) {
			rows += u.within(s.at, end)
		}
	}
	c.Section, c.Table = s.inside(end).path(), 2*rows > end-s.at
	return c
}

// within is how much of a unit is in a span.
func (u *unit) within(start, end int64) int64 { return min(u.end, end) - max(u.start, start) }

// inside is the section of the chunk that ends there: the one that two thirds of its
// text are in, else the one that all of it is in. Headings count where there is nothing
// else.
func (s *splitter) inside(end int64) *section {
	var last *section
	var all []*section
	bytes, total := make(map[*section]int64), int64(0)
	for _, u := range s.units {
		if u.start >= end {
			break
		}
		last = u.section
		if u.kind == canon.Heading {
			continue
		}
		n := u.within(s.at, end)
		if bytes[u.section] += n; bytes[u.section] == n {
			all = append(all, u.section)
		}
		total += n
	}
	if len(all) == 0 {
		return last
	}
	shared := all[0]
	for _, in := range all {
		if 3*bytes[in] >= 2*total {
			return in
		}
		shared = shared.shared(in)
	}
	return shared
}

// context is what the reader of a chunk that begins there should know beside: the head of
// the table, unless that is in the chunk.
func (s *splitter) context(at int64) string {
	for _, u := range s.units {
		if u.end > at {
			return u.head
		}
	}
	return ""
}

// drop takes a chunk off the buffer, but for what the next one has of it too.
func (s *splitter) drop(to place) {
	if to.next >= s.end() {
		s.text, s.places, s.units = s.text[:0], s.places[:0], s.units[:0]
		return
	}
	s.fresh, s.freshCost = to.next, to.cost
	s.skip(s.shared(to))
}

// shared is the place behind which the next chunk begins, if this one ends at to: that of
// the first sentence of what they may have in common, or of the first word.
func (s *splitter) shared(to place) place {
	var in unit
	for _, u := range s.units {
		if u.end > to.next {
			in = u
			break
		}
	}
	if isRow(in.kind) || s.overlap == 0 {
		return to
	}
	least := to.cost - int64(float64(s.overlap)/s.ratio)
	best, bestRank := to, -1
	for _, p := range s.places {
		if p.end >= to.end {
			break
		}
		if p.cost < least || p.next <= s.at || p.next < in.domain {
			continue
		}
		if r := int(min(p.rank, phrase)); r > bestRank && (p.rank != line || bestRank < int(word)) {
			best, bestRank = p, r
		}
	}
	return best
}

// skip has the buffer begin behind a place.
func (s *splitter) skip(to place) {
	s.text = append(s.text[:0], s.text[to.next-s.at:]...)
	s.at, s.startCost = to.next, to.cost
	places, units := s.places[:0], s.units[:0]
	for _, p := range s.places {
		if p.end > s.at {
			places = append(places, p)
		}
	}
	for _, u := range s.units {
		if u.end > s.at {
			units = append(units, u)
		}
	}
	s.places, s.units = places, units
}
