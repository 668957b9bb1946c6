package chunk

import (
	"slices"
	"strings"

	"github.com/fairleadhq/fairlead/internal/documents/canon"
)

const (
	// pathBytes is how long a path of headings may be, pathTitle how long one of them.
	pathBytes = 480
	pathTitle = 120
	// pathGap parts the headings.
	pathGap = " > "
)

// section is a heading with those above it. nil is the text before the first one.
type section struct {
	above *section
	level int
	title string
}

// below is the section of a heading that comes when s is the one that is open.
func (s *section) below(level int, title string) *section {
	for s != nil && s.level >= level {
		s = s.above
	}
	return &section{above: s, level: level, title: string(canon.Cut([]byte(title), pathTitle))}
}

// depth is how many headings there are.
func (s *section) depth() int {
	n := 0
	for ; s != nil; s = s.above {
		n++
	}
	return n
}

// shared is the nearest section that both are in.
func (s *section) shared(other *section) *section {
	a, b := s.depth(), other.depth()
	for ; a > b; a-- {
		s = s.above
	}
	for ; b > a; b-- {
		other = other.above
	}
	for s != other {
		s, other = s.above, other.above
	}
	return s
}

// path is the headings, the highest first. Of a path that is too long the highest are
// left out.
func (s *section) path() string {
	var titles []string
	for n := 0; s != nil; s = s.above {
		if n += len(s.title) + len(pathGap); n > pathBytes+len(pathGap) {
			break
		}
		titles = append(titles, s.title)
	}
	var b strings.Builder
	for i, title := range slices.Backward(titles) {
		b.WriteString(title)
		if i > 0 {
			b.WriteString(pathGap)
		}
	}
	return b.String()
}
