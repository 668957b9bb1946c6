package plot

import (
	"slices"
	"strings"
)

// Lines draws each chart's curves, one chart below the other, with one legend
// for all: a name has the same colour in each.
func Lines(charts ...Chart) []byte {
	var names []string
	for _, c := range charts {
		for _, s := range c.Series {
			if !slices.Contains(names, s.Name) {
				names = append(names, s.Name)
			}
		}
	}
	const each = head + panel + foot
	p := begin(float64(each*len(charts)+legendLine*((len(names)+1)/2)+legendLine), charts[0].Title)
	for i, c := range charts {
		p.panel(c, float64(i*each), names)
	}
	p.legend(names, float64(each*len(charts)), p.lineKey)
	return p.end()
}

// panel draws a chart below top.
func (p *picture) panel(c Chart, top float64, names []string) {
	var xs, ys []float64
	for _, s := range c.Series {
		xs, ys = append(xs, s.X...), append(ys, s.Y...)
	}
	bottom := top + head + panel
	x, y := newSpan(c.X, left, width-right, xs), newSpan(c.Y, bottom, top+head, ys)
	p.text(left, top+24, "t", c.Title)
	p.text(left, top+44, "n", c.Note)
	for _, v := range y.ticks() {
		p.add(`<path class="g" d="M%d %sH%d"/>`, left, num(y.at(v)), width-right)
		p.text(left-8, y.at(v)+4, "n e", short(v))
	}
	for _, v := range x.ticks() {
		p.add(`<path class="a" d="M%s %sv5"/>`, num(x.at(v)), num(bottom))
		p.text(x.at(v), bottom+20, "n m", short(v))
	}
	p.add(`<path class="a" d="M%d %sH%d"/>`, left, num(bottom), width-right)
	p.text((left+width-right)/2, bottom+40, "m", c.X.Label)
	p.add(`<g transform="rotate(-90 18 %s)">`, num(bottom-panel/2))
	p.text(18, bottom-panel/2, "m", c.Y.Label)
	p.add("</g>")
	for _, s := range c.Series {
		p.curve(s, x, y, slices.Index(names, s.Name))
	}
}

// curve draws a series in the colour of that number.
func (p *picture) curve(s Series, x, y span, colour int) {
	var path strings.Builder
	command := "M"
	for i := range s.X {
		path.WriteString(command + num(x.at(s.X[i])) + " " + num(y.at(s.Y[i])))
		command = "L"
	}
	p.add(`<path class="c%d l" stroke-dasharray="%s" d="%s"/>`, colour%colours, dashes(colour), path.String())
	if len(s.X) > fewPoints {
		return
	}
	for i := range s.X {
		p.mark(x.at(s.X[i]), y.at(s.Y[i]), colour)
	}
}

// mark draws a point: a circle, a square, a triangle or a diamond.
func (p *picture) mark(x, y float64, colour int) {
	const r = markRadius
	class := colour % colours
	switch colour % 4 { // shapes
	case 0:
		p.add(`<circle class="c%d" cx="%s" cy="%s" r="%s"/>`, class, num(x), num(y), num(r))
	case 1:
		p.add(`<rect class="c%d" x="%s" y="%s" width="%s" height="%s"/>`, class, num(x-r), num(y-r), num(2*r), num(2*r))
	case 2:
		p.add(`<path class="c%d" d="M%s %sl%s %sh%sz"/>`, class, num(x), num(y-r), num(r), num(2*r), num(-2*r))
	default:
		p.add(`<path class="c%d" d="M%s %sl%s %sl%s %sl%s %sz"/>`, class, num(x), num(y-r), num(r), num(r), num(-r), num(r), num(-r), num(-r))
	}
}

// legend names the colours below top, two in a line, each behind its key.
func (p *picture) legend(names []string, top float64, key func(colour int, x, y float64)) {
	for i, name := range names {
		x, y := float64(left+(i%2)*(width-left-right)/2), top+float64(legendLine*(i/2)+legendLine/2)
		key(i, x, y)
		p.text(x+46, y+4, "", name)
	}
}

func (p *picture) lineKey(colour int, x, y float64) {
	p.add(`<path class="c%d l" stroke-dasharray="%s" d="M%s %sh36"/>`, colour%colours, dashes(colour), num(x), num(y))
	p.mark(x+18, y, colour)
}

func (p *picture) barKey(colour int, x, y float64) {
	p.add(`<rect class="c%d" x="%s" y="%s" width="36" height="10"/>`, colour%colours, num(x), num(y-5))
}
