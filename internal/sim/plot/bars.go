package plot

// Bars draws for each category one bar of each series, from left to right, and
// writes its value beside it. A series has one Y for each category, and no X; the
// values are along the chart's X axis, whose Y axis is the categories.
func Bars(c Chart, categories []string) []byte {
	const (
		bar   = 16
		gap   = 14
		names = 215 // room for the categories
		value = 70  // room for a value behind its bar
	)
	row := float64(bar*len(c.Series) + gap)
	bottom := head + row*float64(len(categories))
	var values []float64
	for _, s := range c.Series {
		values = append(values, s.Y...)
	}
	p := begin(bottom+foot+float64(legendLine*((len(c.Series)+1)/2)+legendLine), c.Title)
	p.text(right, 24, "t", c.Title)
	p.text(right, 44, "n", c.Note)
	x := newSpan(c.X, names, width-value, values)
	for _, v := range x.ticks() {
		p.add(`<path class="g" d="M%s %dV%s"/>`, num(x.at(v)), head, num(bottom))
		p.text(x.at(v), bottom+20, "n m", short(v))
	}
	p.text((names+width-value)/2, bottom+40, "m", c.X.Label)
	for i, category := range categories {
		top := head + row*float64(i) + gap/2
		p.text(names-10, top+row/2-2, "e", category)
		for n, s := range c.Series {
			y := top + float64(bar*n)
			p.add(`<rect class="c%d" x="%d" y="%s" width="%s" height="%d"/>`, n%colours, names, num(y), num(max(x.at(s.Y[i])-names, 1)), bar-3)
			p.text(max(x.at(s.Y[i]), names+1)+6, y+bar-5, "n", short(s.Y[i]))
		}
	}
	p.add(`<path class="a" d="M%d %dV%s"/>`, names, head, num(bottom))
	all := make([]string, 0, len(c.Series))
	for _, s := range c.Series {
		all = append(all, s.Name)
	}
	p.legend(all, bottom+foot, p.barKey)
	return p.end()
}
