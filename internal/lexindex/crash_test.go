package lexindex

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

var errDied = errors.New("the machine died")

// mortal is a directory of a machine that dies at some operation: nothing is changed
// from then on, and what was not made to last by then is lost in part.
type mortal struct {
	disk

	dir    string
	r      *rand.Rand
	left   int            // operations until it dies
	unsafe map[string]int // files that were not closed yet
	fresh  map[string]int // files whose names were not made to last yet
}

// die reports whether it is dead, and counts an operation.
func (m *mortal) die() bool {
	if m.left--; m.left != 0 {
		return m.left < 0
	}
	for name := range m.fresh {
		if m.r.IntN(2) == 0 {
			_ = m.disk.Remove(name)
		}
	}
	for name := range m.unsafe {
		path := filepath.Join(m.dir, name)
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		b = b[:m.r.IntN(len(b)+1)]
		for i := range min(m.r.IntN(10), len(b)) {
			b[len(b)-1-i] = byte(m.r.Uint32())
		}
		_ = os.WriteFile(path, b, 0o600)
	}
	return true
}

func (m *mortal) Create(name string) (io.WriteCloser, error) {
	if m.die() {
		return nil, errDied
	}
	f, err := m.disk.Create(name)
	m.unsafe[name], m.fresh[name] = 0, 0
	return &mortalFile{f, m, name}, err
}

func (m *mortal) Rename(from, to string) error {
	if m.die() {
		return errDied
	}
	delete(m.fresh, from) // the old name may stay in its place: then it is as before
	return m.disk.Rename(from, to)
}

func (m *mortal) Remove(name string) error {
	if m.die() {
		return errDied
	}
	return m.disk.Remove(name)
}

func (m *mortal) Sync() error {
	if m.die() {
		return errDied
	}
	clear(m.fresh)
	return m.disk.Sync()
}

type mortalFile struct {
	io.WriteCloser

	m    *mortal
	name string
}

func (f *mortalFile) Write(b []byte) (int, error) {
	if f.m.die() {
		if f.m.left == 0 {
			_, _ = f.WriteCloser.Write(b[:f.m.r.IntN(len(b)+1)])
		}
		return 0, errDied
	}
	return f.WriteCloser.Write(b)
}

func (f *mortalFile) Close() error {
	if f.m.die() {
		_ = f.WriteCloser.Close()
		return errDied
	}
	delete(f.m.unsafe, f.name)
	return f.WriteCloser.Close()
}

// life is what became of an index until its machine died.
type life struct {
	m *naive
	// must are the groups that were flushed, and not removed since; never are those that
	// were removed, and that was flushed.
	must, never map[int64]bool
	removed     []int64 // since the last Flush
}

// live does random things to an index until its machine dies.
func (l *life) live(t *testing.T, x *Index, r *draws) {
	t.Helper()
	for step := range 400 {
		var err error
		switch r.IntN(8) {
		case 0, 1, 2, 3:
			docs := r.docs(1 + r.IntN(30))
			if err = addTo(x, int64(step), docs); err == nil {
				l.m.add(int64(step), docs)
			}
		case 4:
			err = l.remove(x, r)
		case 5, 6:
			if err = x.Flush(); err == nil {
				l.flushed()
			}
		case 7:
			err = x.Merge(t.Context())
		}
		switch {
		case errors.Is(err, errDied):
			return
		case err != nil:
			t.Fatal(err)
		}
	}
}

func (l *life) remove(x *Index, r *draws) error {
	groups, err := x.Groups()
	if err != nil || len(groups) == 0 {
		return err
	}
	group := groups[r.IntN(len(groups))].Number
	delete(l.must, group)
	delete(l.m.groups, group)
	l.removed = append(l.removed, group)
	return x.Remove(group)
}

func (l *life) flushed() {
	for group := range l.m.groups {
		l.must[group] = true
	}
	for _, group := range l.removed {
		l.never[group] = true
	}
	l.removed = nil
}

// TestMachineDies: wherever it dies, the index is found with all that was flushed, and
// what is found in it is right.
func TestMachineDies(t *testing.T) {
	t.Parallel()
	deaths := 0
	for left := 1; left < 400; left += 1 + left/15 {
		r := &draws{Rand: rand.New(rand.NewPCG(uint64(left), 3)), fields: 2, words: 60}
		dir, m := t.TempDir(), newNaive(2)
		options := Options{Fields: 2, FlushBytes: 5000}
		dying := options
		machine := &mortal{disk: hasty{folder(dir)}, dir: dir, r: r.Rand, left: left, unsafe: make(map[string]int), fresh: make(map[string]int)}
		dying.disk = machine
		x, err := Open(dir, dying)
		if err != nil {
			t.Fatal(err)
		}
		l := &life{m: m, must: make(map[int64]bool), never: make(map[int64]bool)}
		l.live(t, x, r)
		if machine.left <= 0 {
			deaths++
		}
		x.change.Lock()
		x.views.close()
		x.change.Unlock()
		l.reborn(t, dir, options)
	}
	if deaths < 30 {
		t.Errorf("it died only %d times", deaths)
	}
}

func (l *life) reborn(t *testing.T, dir string, options Options) {
	t.Helper()
	x, err := Open(dir, options)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if err := x.Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	found := l.recognize(t, x)
	if x.Stats().RemovedDocs == 0 { // they would count in what a naive computation does not see here
		r := &draws{Rand: rand.New(rand.NewPCG(1, 1)), fields: 2, words: 60}
		for range 5 {
			q := r.query()
			got, err := x.Search(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			check(t, q, got, found.scores(q, found.within(nil)))
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if s := x.Stats(); len(entries) > s.Files+1 {
		t.Errorf("%d files are left, and %d are used", len(entries), s.Files)
	}
}

// recognize returns what an index has, and checks that it is what it must have.
func (l *life) recognize(t *testing.T, x *Index) *naive {
	t.Helper()
	groups, err := x.Groups()
	if err != nil {
		t.Fatal(err)
	}
	found := newNaive(2)
	for _, g := range groups {
		if l.never[g.Number] {
			t.Errorf("group %d is there, and it was removed for good", g.Number)
		}
		delete(l.must, g.Number)
		for first, docs := range l.m.written {
			if len(docs) == g.Docs && slices.Contains(idsOf(x, g.Number), first) {
				found.add(g.Number, docs)
			}
		}
	}
	if len(l.must) > 0 || len(found.groups) != len(groups) {
		t.Fatalf("%v are not there, and were flushed; %d groups, of which %d are what was added", l.must, len(groups), len(found.groups))
	}
	return found
}

func idsOf(x *Index, group int64) (ids []int64) {
	parts, _ := x.views.parts()
	for _, p := range parts {
		for i := range p.live.Groups() {
			if g := p.live.Group(i); g.Number == group {
				ids = append(ids, p.live.ID(g.First))
			}
		}
	}
	return ids
}

// TestCutFiles: of a file that was cut or changed, Open or a search says so, or what is
// found is right.
func TestCutFiles(t *testing.T) {
	t.Parallel()
	r := &draws{Rand: rand.New(rand.NewPCG(5, 3)), fields: 1, words: 60}
	dir := t.TempDir()
	x, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for group := range int64(5) {
		if err := addTo(x, group, r.docs(50)); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	damage(t, dir, manifestName, r.Rand)
	damage(t, dir, fileName(1), r.Rand)
	if err := os.Remove(filepath.Join(dir, fileName(1))); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrDamaged) {
		t.Errorf("without its segment: %v", err)
	}
}

// damage cuts or changes a file in many ways, and opens the index.
func damage(t *testing.T, dir, name string, r *rand.Rand) {
	t.Helper()
	path := filepath.Join(dir, name)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	defer write(whole)
	for range 300 {
		b := slices.Clone(whole)
		if r.IntN(2) == 0 {
			b = b[:r.IntN(len(b))]
		} else {
			b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		}
		write(b)
		x, err := Open(dir, Options{})
		if err == nil {
			_, err = x.Search(t.Context(), Query{Terms: []QueryTerm{{Text: "w1", Weight: 1}, {Text: "w2", Weight: 1}}, K: 10})
			err = errors.Join(err, x.Verify(t.Context()), x.Close())
		}
		if !errors.Is(err, ErrDamaged) {
			t.Fatalf("%s is damaged: %v", name, err)
		}
	}
}

// TestRemovedAndAddedAgain: a group that was removed and added with other documents is
// not found as it was before, when the machine dies.
func TestRemovedAndAddedAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	x, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(addTo(x, 1, uniform(1, 3)), addTo(x, 2, uniform(2, 3)), x.Flush(), x.Remove(1), x.Remove(2), addTo(x, 1, uniform(7, 3))); err != nil {
		t.Fatal(err)
	}
	x.change.Lock()
	x.views.close()
	x.change.Unlock()
	x, err = Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if groups, err := x.Groups(); err != nil || len(groups) > 0 {
		t.Errorf("groups %v, %v are there", groups, err)
	}
}

// TestCutWhileOpen: a file that is cut while it is in use is damage, and not the end of
// the program.
func TestCutWhileOpen(t *testing.T) {
	t.Parallel()
	r := &draws{Rand: rand.New(rand.NewPCG(5, 3)), fields: 1, words: 3000}
	dir := t.TempDir()
	x, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if err := errors.Join(addTo(x, 1, r.docs(2000)), x.Flush()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, fileName(1))
	if info, err := os.Stat(path); err != nil || info.Size() < 1<<15 {
		t.Fatalf("the file is short: %v, %v", info, err)
	}
	if err := os.Truncate(path, 4096); err != nil {
		t.Fatal(err)
	}
	damaged := 0
	for range 20 {
		_, err := x.Search(t.Context(), r.query())
		if errors.Is(err, ErrDamaged) {
			damaged++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if damaged == 0 && runtime.GOOS == "linux" {
		t.Error("searches did not find out")
	}
}

// TestOtherRules: an index that was made by other rules is of no use.
func TestOtherRules(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, c := range []struct {
		options Options
		want    error
	}{
		{Options{Made: "a"}, nil},
		{Options{Made: "b"}, ErrDamaged},
		{Options{Made: "a", Fields: 2}, ErrDamaged},
		{Options{Made: "a", K1: 2, B: .5}, nil},
	} {
		x, err := Open(dir, c.options)
		if !errors.Is(err, c.want) {
			t.Fatalf("%+v: %v, want %v", c.options, err, c.want)
		}
		if err != nil {
			continue
		}
		_ = addTo(x, 1, []Doc{{ID: 1, Fields: [][]Term{{{Text: "word", Count: 1}}}}})
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		if err := addTo(x, 2, []Doc{{ID: 2}}); !errors.Is(err, ErrClosed) {
			t.Errorf("added to a closed index: %v", err)
		}
	}
}
