package chunk

// spread is how many bytes of a word are not parted, and how far the places are apart at
// which a longer one can be.
const spread = 24

// scanner finds the places at which the text of a block can be parted.
type scanner struct {
	meter    meter
	sentence sentence
	last     rune
	is       script // of last
	gap      int    // bytes of white space behind it
	ends     int    // line feeds in that
	word     int    // bytes since the last place
	begun    bool
}

// begin begins a block.
func (c *scanner) begin() { *c = scanner{} }

// before says whether the text can be parted before r, which is not white space, and how
// well.
func (c *scanner) before(r rune, is script) (rank, bool) {
	switch {
	case !c.begun:
		return glyph, false
	case c.gap > 0:
		return c.behindSpace(r), true
	case c.sentence.ended == bare && !sticks(r, is):
		return phrase, true
	case sticks(r, is) || opens(c.last) || isJoiner(c.last):
		return glyph, c.word >= 4*spread
	case is == han || c.is == han:
		return word, true
	}
	return glyph, c.word >= spread
}

// behindSpace is the rank of the place between white space and r.
func (c *scanner) behindSpace(r rune) rank {
	switch {
	case c.ends > 1:
		return paragraph
	case c.sentence.endsBefore(r, true):
		return phrase
	case c.ends > 0:
		return line
	}
	return word
}

// take goes on by a rune of n bytes.
func (c *scanner) take(r rune, n int, is script) {
	c.sentence.next(r, is)
	if is == white {
		c.gap += n
		if r == '\n' {
			c.ends++
		}
		return
	}
	if c.gap > 0 || c.word >= 4*spread || c.word >= spread && !sticks(r, is) {
		c.word = 0
	}
	c.begun, c.gap, c.ends, c.last, c.is = true, 0, 0, r, is
	c.word += n
}

// letters goes on by small ASCII letters in the middle of a word, as take does, and
// returns how many there were and what they add to the estimate: most of most texts.
func (c *scanner) letters(text []byte) (n, cost int) {
	if !c.begun || c.gap > 0 || c.is != lower {
		return 0, 0
	}
	for n < len(text) && text[n] >= 'a' && text[n] <= 'z' && c.word < spread {
		c.last = rune(text[n])
		c.sentence.letter(c.last)
		cost += c.meter.add(lower)
		c.word++
		n++
	}
	return n, cost
}
