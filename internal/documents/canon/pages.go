package canon

import "github.com/fairleadhq/fairlead"

// pages are the pages that have no end yet: first the one in which the text is, behind
// it those that began since and have no text so far. A page begins where its text does,
// so that what stands between two pages is of the earlier one.
type pages struct {
	at    []fairlead.Page
	last  int // the number of the last one
	count int
	named bool // a reader said where one begins
}

// start begins a page. end is how long the text is. Text that comes before the first
// page is named is on page 1. A number that does not rise is put right.
func (p *pages) start(number int, end int64) {
	first := !p.named
	p.named = true
	switch {
	case first && end == 0:
		p.last = max(number, 1)
		p.at[0].Number = p.last
		return
	case first && number <= 1:
		return
	}
	p.last = max(number, p.last+1)
	p.at, p.count = append(p.at, fairlead.Page{Number: p.last}), p.count+1
}

// reach has the text go on at start, on the last page, and returns the pages that have
// their ends by that.
func (p *pages) reach(start int64) []fairlead.Page {
	n := len(p.at) - 1
	if n == 0 {
		return nil
	}
	ended := p.close(start)[:n]
	p.at = []fairlead.Page{{Number: p.last, Start: start}}
	return ended
}

// close ends all of them, where the text is that long.
func (p *pages) close(end int64) []fairlead.Page {
	for i := range p.at {
		if i > 0 {
			p.at[i].Start = end
		}
		p.at[i].End = end
	}
	return p.at
}
