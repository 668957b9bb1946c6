// Package plot draws curves and bars as SVG that stands alone: no scripts, no
// fonts of its own, readable on light and on dark ground, and told apart by
// dashes and marks as well as by colour. The same figures make the same bytes.
//
// Start with Lines and Bars.
package plot

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"strconv"
)

// Chart is what one picture, or one panel of a picture, shows.
type Chart struct {
	Title string
	// Note is a line below the title; it may be empty.
	Note   string
	X, Y   Axis
	Series []Series
}

// Axis is one of a chart's axes.
type Axis struct {
	// Label names what is measured, with its unit.
	Label string
	Scale Scale
	// Min and Max bound the axis; what lies beyond is drawn at its end. Where both
	// are 0, the axis has room for all values. A Logarithmic one needs them.
	Min, Max float64
}

// Scale is how values are spread over an axis.
type Scale int

// The scales.
const (
	Linear Scale = iota
	Logarithmic
)

// Series is one curve: as many Y as X.
type Series struct {
	Name string
	X, Y []float64
}

// Sizes, in the picture's own units.
const (
	width      = 760
	panel      = 240 // height of a panel's axes
	left       = 72
	right      = 24
	head       = 64 // room for title and note
	foot       = 48 // room for the labels of the axis
	legendLine = 22
	markRadius = 3.5
	fewPoints  = 30 // up to so many are marked
	colours    = 8
)

// style is the pictures' style sheet. The colours are chosen to be told apart by
// people who see fewer of them (after M. Okabe and K. Ito).
const style = `<style>
text{font:13px system-ui,sans-serif;fill:#1f2328}.t{font-weight:600;font-size:15px}.n{fill:#59636e}.m{text-anchor:middle}.e{text-anchor:end}
.bg{fill:#ffffff}.g{stroke:#d1d9e0}.a{stroke:#59636e}.l{fill:none;stroke-width:2;stroke-linejoin:round}
.c0{stroke:#0072b2;fill:#0072b2}.c1{stroke:#c04f00;fill:#c04f00}.c2{stroke:#008060;fill:#008060}.c3{stroke:#b0578d;fill:#b0578d}
.c4{stroke:#8a6d00;fill:#8a6d00}.c5{stroke:#3f6fd1;fill:#3f6fd1}.c6{stroke:#6e7781;fill:#6e7781}.c7{stroke:#9a3b3b;fill:#9a3b3b}
@media (prefers-color-scheme:dark){text{fill:#f0f6fc}.n{fill:#9198a1}.bg{fill:#0d1117}.g{stroke:#2f353d}.a{stroke:#9198a1}
.c0{stroke:#56b4e9;fill:#56b4e9}.c1{stroke:#ff8b3d;fill:#ff8b3d}.c2{stroke:#2fcfa4;fill:#2fcfa4}.c3{stroke:#e79fc8;fill:#e79fc8}
.c4{stroke:#f0e442;fill:#f0e442}.c5{stroke:#8fb0ff;fill:#8fb0ff}.c6{stroke:#b1bac4;fill:#b1bac4}.c7{stroke:#ff8d8d;fill:#ff8d8d}}
.l{fill:none}
</style>
`

// dashes tell curves apart without their colours.
func dashes(series int) string {
	return [colours]string{"", "8 4", "2 3", "10 3 2 3", "", "8 4", "2 3", "10 3 2 3"}[series%colours]
}

// picture is an SVG in the making.
type picture struct{ bytes.Buffer }

func (p *picture) add(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// text writes at a place. class may turn and align it.
func (p *picture) text(x, y float64, class, text string) {
	p.add(`<text x="%s" y="%s" class="%s">%s</text>`, num(x), num(y), class, html.EscapeString(text))
}

// num spells a coordinate.
func num(v float64) string {
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) // to a tenth of a unit
}

// begin opens a picture.
func begin(height float64, title string) *picture {
	p := &picture{}
	p.add(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %s" role="img">`, width, num(height))
	p.add("<title>%s</title>", html.EscapeString(title))
	p.WriteString(style)
	p.add(`<rect class="bg" width="%d" height="%s"/>`, width, num(height))
	return p
}

func (p *picture) end() []byte {
	p.add("</svg>")
	return p.Bytes()
}

// span is an axis laid over a stretch of the picture.
type span struct {
	axis     Axis
	from, to float64 // coordinates of Min and Max
}

// newSpan lays an axis for the values over a stretch.
func newSpan(axis Axis, from, to float64, values []float64) span {
	if axis.Min == 0 && axis.Max == 0 {
		for _, v := range values {
			axis.Max = max(axis.Max, v)
		}
		if axis.Max == 0 {
			axis.Max = 1
		}
		axis.Max = math.Ceil(axis.Max/step(axis.Max)) * step(axis.Max)
	}
	return span{axis: axis, from: from, to: to}
}

// at is the coordinate of a value.
func (s *span) at(v float64) float64 {
	low, high := s.axis.Min, s.axis.Max
	v = min(max(v, low), high)
	if s.axis.Scale == Logarithmic {
		v, low, high = math.Log10(v), math.Log10(low), math.Log10(high)
	}
	return s.from + (s.to-s.from)*(v-low)/(high-low)
}

// step is a round number that divides an axis up to most into 4 to 10 parts.
func step(most float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(most)))
	for _, part := range []float64{0.1, 0.2, 0.5} {
		if most/(unit*part) <= 10 { // parts
			return unit * part
		}
	}
	return unit
}

// ticks are the values to name on the axis.
func (s *span) ticks() []float64 {
	var all []float64
	if s.axis.Scale == Logarithmic {
		for power := math.Ceil(math.Log10(s.axis.Min) - 1e-9); power <= math.Log10(s.axis.Max)+1e-9; power++ {
			all = append(all, math.Pow(10, power))
		}
		return all
	}
	by := step(s.axis.Max - s.axis.Min)
	for i := 0; s.axis.Min+float64(i)*by <= s.axis.Max*(1+1e-9); i++ {
		all = append(all, s.axis.Min+float64(i)*by)
	}
	return all
}

// short spells a value for people.
func short(v float64) string {
	const kilo, digits = 1000, 3
	if v >= 10*kilo {
		return strconv.FormatFloat(v/kilo, 'g', digits, 64) + "k"
	}
	if v >= kilo {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', digits, 64)
}
