package canon

import "github.com/fairleadhq/fairlead"

// sections are those that were not handed out yet. They are, in their order, as soon as
// all before them have ended.
type sections struct {
	list  []fairlead.Section // an End of 0 is not known
	above []int              // those that are open, by their places in list
	count int
}

// open begins a section.
func (s *sections) open(section fairlead.Section) {
	if s.count >= mostOutlined {
		return
	}
	s.count++
	s.above = append(s.above, len(s.list))
	s.list = append(s.list, section)
}

// close ends the sections of that level, and below, at end; it returns those that can be
// handed out. Level 0 is above all.
func (s *sections) close(level int, end int64) []fairlead.Section {
	for n := len(s.above); n > 0 && s.list[s.above[n-1]].Level >= level; n = len(s.above) {
		s.list[s.above[n-1]].End = end
		s.above = s.above[:n-1]
	}
	if len(s.above) > 0 {
		return nil
	}
	ended := s.list
	s.list = nil
	return ended
}
