package search

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
)

// run runs the Searcher until the test, or what it returns, ends it.
func (st *stage) run(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = st.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	for !st.running.Load() {
		<-time.After(time.Millisecond)
	}
	return stop
}

// TestStartFindsWhatHappened while the program did not run.
func TestStartFindsWhatHappened(t *testing.T) {
	st := newStage(t, nil)
	dir := st.config.Dir
	stays := st.put(t, "a", fairlead.Document{}, "a text that stays")
	goes := st.put(t, "a", fairlead.Document{}, "a text that goes")
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	st.library.remove(goes.ID)
	comes := st.library.put("a", fairlead.Document{}, "a text that comes")
	other := st.library.put("b", fairlead.Document{}, "a text of another app")
	st.open(t, dir, nil)
	st.run(t)
	got := documentsOf(st.find(t, "a", asking("text")))
	slices.Sort(got)
	if want := []fairlead.DocumentID{stays.ID, comes.ID}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := documentsOf(st.find(t, "b", asking("text"))); !slices.Equal(got, []fairlead.DocumentID{other.ID}) {
		t.Errorf("got %v", got)
	}
	r, _ := st.room("a")
	if held, _ := r.shelf.Held(); len(held) != 2 {
		t.Errorf("the shelf has %v", held)
	}
}

// TestChunksWithOtherNumbers: the store was set back, and has given chunks other numbers
// than the shelf knows; there are as many.
func TestChunksWithOtherNumbers(t *testing.T) {
	t.Run("none is the same", func(t *testing.T) { renumbered(t, 100) })
	t.Run("most are the same", func(t *testing.T) { renumbered(t, 1) })
}

func renumbered(t *testing.T, by int64) {
	t.Helper()
	st := newStage(t, nil)
	dir := st.config.Dir
	d := st.put(t, "a", fairlead.Document{}, "a text of fish", "a text of birds", "a text of cows")
	stays := st.put(t, "a", fairlead.Document{}, "---", "a text of trees", "a text of flowers")
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	st.library.mu.Lock()
	for i := range st.library.chunks[d.ID] {
		st.library.chunks[d.ID][i].Number += by
	}
	st.library.mu.Unlock()
	st.open(t, dir, nil)
	r, err := st.room("a")
	if err != nil {
		t.Fatal(err)
	}
	for document, want := range map[*fairlead.Document]bool{&d: false, &stays: true} {
		if got, err := r.shelf.Holds(t.Context(), document, st.library); got != want || err != nil {
			t.Errorf("%s is in the shelf: %v, %v", document.ID, got, err)
		}
	}
	st.run(t)
	for deadline := time.Now().Add(20 * time.Second); !st.finds(t, "fish") && time.Now().Before(deadline); {
		<-time.After(10 * time.Millisecond)
	}
	for _, word := range []string{"fish", "birds", "cows", "trees", "flowers"} {
		if !st.finds(t, word) {
			t.Errorf("%s are not found", word)
		}
	}
}

// finds reports whether a passage with that word is found by it.
func (st *stage) finds(t *testing.T, word string) bool {
	t.Helper()
	return slices.ContainsFunc(st.find(t, "a", asking(word)), func(p fairlead.Passage) bool { return strings.Contains(p.Text, word) })
}

// TestDamagedIsMadeAnew: damage is found when the index is opened, or read.
func TestDamagedIsMadeAnew(t *testing.T) {
	st := newStage(t, nil)
	dir := st.config.Dir
	d := st.put(t, "a", fairlead.Document{}, "some text")
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	damaged := 0
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Base(name) == "languages" {
			return err
		}
		damaged++
		return os.WriteFile(name, []byte("not what it was"), 0o600)
	})
	if err != nil || damaged == 0 {
		t.Fatalf("damaged %d files: %v", damaged, err)
	}
	st.open(t, dir, nil)
	st.run(t)
	if got := documentsOf(st.find(t, "a", asking("text"))); !slices.Equal(got, []fairlead.DocumentID{d.ID}) {
		t.Errorf("got %v", got)
	}
}

// TestDamageFoundLater: what finds it is told to come back, and finds it mended.
func TestDamageFoundLater(t *testing.T) {
	st := newStage(t, nil)
	d := st.put(t, "a", fairlead.Document{}, "some text")
	r, err := st.room("a")
	if err != nil {
		t.Fatal(err)
	}
	if e := errorOf(t, st.damaged(r), fairlead.Busy, "search_index_rebuilding"); e.RetryAfter < time.Second {
		t.Errorf("retry after %v", e.RetryAfter)
	}
	st.run(t)
	if got := documentsOf(st.find(t, "a", asking("text"))); !slices.Equal(got, []fairlead.DocumentID{d.ID}) {
		t.Errorf("got %v", got)
	}
}

// TestStoreThatFails: the shelf is compared again, and a search of one that is new says
// that it has to wait.
func TestStoreThatFails(t *testing.T) {
	st := newStage(t, nil)
	st.library.put("a", fairlead.Document{}, "some text")
	st.library.mu.Lock()
	st.library.fails = errors.New("broken")
	st.library.mu.Unlock()
	st.run(t)
	_, err := st.Search(t.Context(), callOf("a"), asking("text"))
	wantError(t, err, fairlead.Busy, "search_index_rebuilding")
}
