package documents_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// survivor is a service that is killed at work, and what it has said so far.
type survivor struct {
	*service

	number func() int // the next file's

	mu sync.Mutex
	// kept are the documents that were acknowledged and not deleted since; gone those
	// whose deletion was acknowledged. A document in neither may be there or not.
	kept, gone map[string]file
	searched   int
}

// file is what was uploaded.
type file struct {
	name, word string
	data       []byte
}

// newFile is the nth file. Some are one chunk, some are many.
func newFile(n int) file {
	word := fmt.Sprintf("canary%dx", n)
	return file{word + ".md", word, prose(word, []int{200, 3_000, 20_000, 120_000}[n%4])}
}

// TestKill kills the service at random moments while it receives, reads, deletes and
// searches, and holds it to what it had acknowledged.
func TestKill(t *testing.T) {
	t.Parallel()
	kills(t, 12)
}

// TestProofKill does so more often.
func TestProofKill(t *testing.T) {
	if !proof() {
		t.Skip("left out: set FAIRLEAD_PROOF=1")
	}
	kills(t, 100)
}

func kills(t *testing.T, times int) {
	t.Helper()
	var mu sync.Mutex
	count := 0
	s := &survivor{
		service: newService(t, ""), kept: make(map[string]file), gone: make(map[string]file),
		number: func() int {
			mu.Lock()
			defer mu.Unlock()
			count++
			return count
		},
	}
	for range times {
		s.spell(t, time.Duration(50+rand.IntN(700))*time.Millisecond)
		s.start(t)
		s.check(t)
	}
	s.settle(t)
	t.Logf("%d kills, %d documents kept, %d deleted, %d searches", times, len(s.kept), len(s.gone), s.searched)
	if len(s.kept) < times/4 || len(s.gone) == 0 || s.searched == 0 {
		t.Error("that is too little to have shown anything")
	}
}

// spell lets clients work for a while, and kills the service under them.
func (s *survivor) spell(t *testing.T, length time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var group sync.WaitGroup
	for _, work := range []func(context.Context) error{s.uploads, s.uploads, s.deletes, s.searches} {
		group.Go(func() {
			for ctx.Err() == nil {
				if err := work(ctx); err != nil && ctx.Err() == nil {
					t.Error(err)
					return
				}
			}
		})
	}
	<-time.After(length)
	cancel() // whatever is not answered by now is not acknowledged
	s.kill()
	group.Wait()
}

// uploads sends one file.
func (s *survivor) uploads(ctx context.Context) error {
	f := newFile(s.number())
	a, err := s.send(ctx, keyA, "/documents/upload", f.name, f.data)
	if err != nil {
		return err
	}
	var d document
	if err := json.Unmarshal(a.body, &d); err != nil || a.status != http.StatusCreated {
		return fmt.Errorf("upload: %v", a)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept[d.ID] = f
	return wait(ctx, 30*time.Millisecond)
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
	return nil
}

// deletes takes away any document, whatever its state.
func (s *survivor) deletes(ctx context.Context) error {
	s.mu.Lock()
	var id string
	var f file
	for id, f = range s.kept {
		delete(s.kept, id) // it may be deleted from now on
		break
	}
	s.mu.Unlock()
	if id == "" {
		return wait(ctx, 10*time.Millisecond)
	}
	a, err := s.try(ctx, request{method: http.MethodDelete, path: "/documents/" + id, key: keyA})
	if err != nil {
		return err
	}
	if a.status != http.StatusOK {
		return fmt.Errorf("delete %s: %v", id, a)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone[id] = f
	return wait(ctx, 120*time.Millisecond)
}

// searches searches, and looks up what was found: it is where it is told to be, and in no
// document that was deleted before.
func (s *survivor) searches(ctx context.Context) error {
	s.mu.Lock()
	gone := make(map[string]bool, len(s.gone))
	for id := range s.gone {
		gone[id] = true
	}
	s.searched++
	s.mu.Unlock()
	a, err := s.try(ctx, request{http.MethodPost, "/documents/search", keyA, "", strings.NewReader(`{"query": "sales in region 7", "limit": 5}`)})
	if err != nil {
		return err
	}
	var found struct {
		Results []passage `json:"results"`
	}
	if err := json.Unmarshal(a.body, &found); err != nil || a.status != http.StatusOK {
		return fmt.Errorf("search: %v", a)
	}
	for _, p := range found.Results {
		if gone[p.Document] {
			return fmt.Errorf("a document is found that was deleted: %+v", p)
		}
		text, err := s.try(ctx, request{method: http.MethodGet, path: fmt.Sprintf("/documents/%s/content?start=%d&end=%d", p.Document, p.Start, p.End), key: keyA})
		if err != nil {
			return err
		}
		if text.status != http.StatusNotFound && (text.status != http.StatusOK || string(text.body) != p.Text) { // it may be deleted since
			return fmt.Errorf("a passage is not where it is told to be: %+v, there is %v", p, text)
		}
	}
	return nil
}

// check compares the list of documents with what was acknowledged.
func (s *survivor) check(t *testing.T) {
	t.Helper()
	all := s.list(t)
	names := make(map[string]string)
	for id, d := range all {
		if _, gone := s.gone[id]; gone {
			t.Errorf("%s was deleted, and is there", id)
		}
		if other := names[d.Name]; other != "" {
			t.Errorf("%s is there twice, as %s and %s", d.Name, other, id)
		}
		names[d.Name] = id
		if d.ended() && d.Status != "ready" {
			t.Errorf("%s ended as %+v", id, d)
		}
	}
	for id, f := range s.kept {
		if all[id] == nil || all[id].Name != f.name {
			t.Errorf("%s was acknowledged, and is lost", id)
		}
	}
}

// settle waits until every document is ready, and compares each with what an upload
// without trouble makes of it.
func (s *survivor) settle(t *testing.T) {
	t.Helper()
	began := time.Now()
	var all map[string]*document
	await(t, "all documents to be ready", func() bool {
		all = s.list(t)
		for _, d := range all {
			if !d.ended() {
				return false
			}
		}
		return true
	})
	t.Logf("%d documents are ready %v after the last start", len(all), time.Since(began).Round(time.Millisecond))
	s.check(t)
	for id, f := range s.kept {
		if d := all[id]; d != nil { // check told of those that are lost
			s.compare(t, d, f)
		}
	}
}

// compare holds a document to what an upload without trouble makes of its file.
func (s *survivor) compare(t *testing.T, d *document, f file) {
	t.Helper()
	calm, text := s.ready(t, keyB, f.name, f.data), s.content(t, keyA, d.ID)
	if d.Chunks != calm.Chunks || d.Text != calm.Text || d.Pages != calm.Pages || text != s.content(t, keyB, calm.ID) {
		t.Errorf("%s has become %+v, and undisturbed %+v", f.name, d, calm)
	}
	found := s.search(t, f.word)
	if len(found) != min(d.Chunks, 50) {
		t.Errorf("%d of %d chunks of %s are found", len(found), d.Chunks, f.name)
	}
	for _, p := range found {
		if p.Document != d.ID || p.End > int64(len(text)) || text[p.Start:p.End] != p.Text {
			t.Errorf("%s is found where it is not: %+v", f.word, p)
		}
	}
}
