package estimate

// mostNames bounds each table: names of models come from callers.
const mostNames = 4096

// table is a map that forgets the entry that was not used for the longest time
// when it has mostNames. It has no lock of its own. The zero table is empty.
type table[K comparable, V any] struct {
	entries        map[K]*named[K, V]
	newest, oldest *named[K, V]
}

type named[K comparable, V any] struct {
	key          K
	value        V
	newer, older *named[K, V]
	forgotten    bool // it is in the table no more
}

// look returns the entry of key, or nil. It does not count as use. known is what
// it or use returned before, or nil: with it nothing is looked up.
func (t *table[K, V]) look(known *named[K, V], key K) *named[K, V] {
	if known != nil && !known.forgotten {
		return known
	}
	return t.entries[key]
}

// use returns the entry of key, as look does. If there is none yet, it is made, and
// its value set by begin.
func (t *table[K, V]) use(known *named[K, V], key K, begin func(*V)) *named[K, V] {
	e := t.look(known, key)
	switch e {
	case nil:
		e = t.admit(key)
		begin(&e.value)
	case t.newest:
		return e
	default:
		t.unlink(e)
	}
	e.older, e.newer = t.newest, nil
	if t.newest != nil {
		t.newest.newer = e
	} else {
		t.oldest = e
	}
	t.newest = e
	return e
}

// admit makes an entry for key, in the place of the oldest if there are too
// many. The entry is not linked yet.
func (t *table[K, V]) admit(key K) *named[K, V] {
	if t.entries == nil {
		t.entries = make(map[K]*named[K, V])
	}
	if len(t.entries) >= mostNames {
		last := t.oldest
		t.unlink(last)
		last.forgotten = true
		last.newer, last.older = nil, nil // whoever keeps it does not keep those
		delete(t.entries, last.key)
	}
	e := &named[K, V]{key: key}
	t.entries[key] = e
	return e
}

func (t *table[K, V]) unlink(e *named[K, V]) {
	if e.newer != nil {
		e.newer.older = e.older
	} else {
		t.newest = e.older
	}
	if e.older != nil {
		e.older.newer = e.newer
	} else {
		t.oldest = e.newer
	}
}
