package jsonscan

import (
	"bytes"
	"hash/maphash"
)

// fewNames is how many names are compared one by one before they are hashed.
const fewNames = 16

// names is a set of member names. Few are kept without allocating; many cost one
// map entry each, so that a hostile object is still read in linear time.
type names struct {
	few  [fewNames][]byte
	n    int
	many map[uint64][]byte
	seed maphash.Seed
}

// add adds the name and reports whether it was new.
func (s *names) add(name []byte) bool {
	for _, other := range s.few[:s.n] {
		if bytes.Equal(other, name) {
			return false
		}
	}
	if s.n < fewNames {
		s.few[s.n] = name
		s.n++
		return true
	}
	if s.many == nil {
		s.many = make(map[uint64][]byte)
		s.seed = maphash.MakeSeed()
	}
	// Two names of one hash are next to impossible; the second then takes the
	// next free place.
	for h := maphash.Bytes(s.seed, name); ; h++ {
		other, taken := s.many[h]
		if !taken {
			s.many[h] = name
			return true
		}
		if bytes.Equal(other, name) {
			return false
		}
	}
}
