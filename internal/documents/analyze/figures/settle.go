package figures

import (
	"github.com/fairleadhq/fairlead/internal/documents/analyze/metric"
	"github.com/fairleadhq/fairlead/internal/documents/analyze/period"
)

// settlePeriods makes periods that are the same look the same. The month in which a
// year ends is the one that most figures of a whole year name, or else most moments; a
// moment in that month is the end of the year.
func settlePeriods(all []Figure) {
	years, moments := make(map[int]int), make(map[int]int)
	for _, f := range all {
		switch p := f.Period; {
		case p.EndMonth == 0 || p.Quarter > 0:
		case p.Months == 12:
			years[p.EndMonth]++
		case p.Months == 0 && f.Metric.Moment():
			moments[p.EndMonth]++
		}
	}
	end := most(years)
	if end == 0 {
		end = most(moments)
	}
	for i := range all {
		all[i].Period = settled(all[i].Metric, all[i].Period, end)
	}
}

func settled(m metric.Metric, p period.Period, end int) period.Period {
	if p.Quarter > 0 {
		p.Months, p.EndMonth = 3, 0
		return p
	}
	if m.Moment() {
		p.Months = 0
		if p.EndMonth == end {
			p.EndMonth = 0
		}
		return p
	}
	if p.Months == 0 && (p.EndMonth == 0 || p.EndMonth == end) {
		p.Months = 12
	}
	if p.Months == 12 && (p.EndMonth == end || p.EndMonth == 0) {
		p.EndMonth = 0
	}
	return p
}

// most is the key with the largest count, the smallest of equals; 0 if there is none.
func most(counts map[int]int) int {
	best := 0
	for k, n := range counts {
		if b := counts[best]; n > b || n == b && k < best {
			best = k
		}
	}
	return best
}
