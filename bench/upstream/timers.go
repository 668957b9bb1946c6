package upstream

// timer says that a connection has something to send at a time.
type timer struct {
	due int64 // nanoseconds of the server's clock
	fd  int
	// turn is the connection's turn when the timer was set; a timer of an
	// earlier one means nothing any more.
	turn uint32
}

// timers is a binary heap, the earliest first.
type timers []timer

func (t *timers) push(v timer) {
	*t = append(*t, v)
	h := *t
	i := len(h) - 1
	for i > 0 && h[(i-1)/2].due > v.due {
		h[i] = h[(i-1)/2]
		i = (i - 1) / 2
	}
	h[i] = v
}

// pop takes the earliest; there must be one.
func (t *timers) pop() timer {
	h := *t
	first, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	*t = h
	i := 0
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1].due < h[child].due {
			child++
		}
		if h[child].due >= last.due {
			break
		}
		h[i] = h[child]
		i = child
	}
	if len(h) > 0 {
		h[i] = last
	}
	return first
}
