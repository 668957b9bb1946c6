package turnstile

// line holds those who wait, in the order in which they came. The turnstile's mutex
// guards it.
type line struct {
	first, last *waiter
	length      int
}

// waiter is one in the line.
type waiter struct {
	in         chan struct{} // closed when it is let in
	waits      bool          // it stands in the line
	prev, next *waiter
}

// add puts a new one at the end.
func (l *line) add() *waiter {
	w := &waiter{in: make(chan struct{}), waits: true, prev: l.last}
	if l.last == nil {
		l.first = w
	} else {
		l.last.next = w
	}
	l.last = w
	l.length++
	return w
}

// remove takes out one who stands in it.
func (l *line) remove(w *waiter) {
	if w.prev == nil {
		l.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		l.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next, w.waits = nil, nil, false
	l.length--
}
