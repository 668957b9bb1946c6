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
}

// look returns what key has, or nil. It does not count as use.
func (t *table[K, V]) look(key K) *V {
	if e := t.entries[key]; e != nil {
		return &e.value
	}
	return nil
}

// use returns what key has. If it has nothing yet, it gets the value of first.
func (t *table[K, V]) use(key K, first func() V) *V {
	e := t.entries[key]
	switch e {
	case nil:
		e = t.admit(key)
		e.value = first()
	case t.newest:
		return &e.value
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
	return &e.value
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
