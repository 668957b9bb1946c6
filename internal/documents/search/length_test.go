package search

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/search/meaning"
)

// usual is how long the model's vectors are in these tests, odd another length.
const usual, odd = 64, 100

// withLengths is a stage whose model makes vectors as long as it likes.
func withLengths(t *testing.T, m *model) *stage {
	t.Helper()
	return withModel(t, m, func(c *Config) { c.Embed = meaning.Embed{Model: "embedder"} })
}

// restart is what a restart of the program does.
func (st *stage) restart(t *testing.T, m *model) {
	t.Helper()
	dir, errand := st.config.Dir, st.config.Errand
	st.Close()
	st.open(t, dir, func(c *Config) { c.Model, c.Errand, c.Embed = m, errand, meaning.Embed{Model: "embedder"} })
}

// meant finds a document of app a by what it means: no word of the question is in it.
func (st *stage) meant(t *testing.T, question string, want fairlead.DocumentID) {
	t.Helper()
	if got := documentsOf(st.find(t, "a", asking(question))); len(got) == 0 || got[0] != want {
		t.Errorf("%s: got %v, want %s first", question, got, want)
	}
}

// whole fails where documents' vectors are not all there, and of that length.
func (st *stage) whole(t *testing.T, length int) {
	t.Helper()
	for id := range st.library.chunks {
		st.hasVectors(t, id, length)
	}
}

// hasVectors fails where a document's vectors are not all there, and of that length.
func (st *stage) hasVectors(t *testing.T, id fairlead.DocumentID, length int) {
	t.Helper()
	st.library.mu.Lock()
	defer st.library.mu.Unlock()
	for _, c := range st.library.chunks[id] {
		if got := len(st.library.vectors["embedder/0"][c.Number]); got != length {
			t.Errorf("a vector of %s has %d numbers, want %d", id, got, length)
		}
	}
}

// TestOneOddAnswer: one answer of another length costs its document some seconds, no other
// document anything, and nothing is left of it.
func TestOneOddAnswer(t *testing.T) {
	for name, length := range map[string]int{"longer": odd, "shorter": 3, "absurd": 100_000} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { oneOddAnswer(t, length) })
		})
	}
}

func oneOddAnswer(t *testing.T, length int) {
	t.Helper()
	m, gave := newModel(), false
	m.long = func(text string) int {
		if strings.Contains(text, "hound") && !gave {
			gave = true
			return length
		}
		return usual
	}
	st := withLengths(t, m)
	defer st.Close()
	car := st.put(t, "a", fairlead.Document{EmbeddingPending: true}, "an automobile is repaired")
	dog := st.put(t, "a", fairlead.Document{EmbeddingPending: true}, "a hound barks")
	foreign := st.put(t, "b", fairlead.Document{EmbeddingPending: true}, "some cash")
	last := st.put(t, "a", fairlead.Document{EmbeddingPending: true}, "a bit of rain")
	stop := st.run(t)
	<-time.After(4 * time.Second)
	if st.library.pending(foreign.ID) {
		t.Error("another app waits for it")
	}
	<-time.After(26 * time.Second)
	for _, d := range []fairlead.Document{car, dog, last} {
		if st.library.pending(d.ID) {
			t.Errorf("%s is pending", d.ID)
		}
	}
	stop()
	st.restart(t, m)
	stop = st.run(t)
	defer stop()
	later := st.put(t, "a", fairlead.Document{EmbeddingPending: true}, "some money")
	st.embedded(t)
	st.whole(t, usual)
	st.meant(t, "dog", dog.ID)
	st.meant(t, "cash", later.ID)
	if n := m.count(fairlead.OpenAIEmbeddings); n > 10 {
		t.Errorf("asked %d times", n)
	}
	stop()
}

// TestOddVectorsInTheStore: those that are of another length than most, or can't be
// compared, are as good as none, whichever document is the oldest.
func TestOddVectorsInTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newModel()
		m.long = func(string) int { return usual }
		st := withLengths(t, m)
		stop := st.run(t)
		oldest := st.put(t, "a", fairlead.Document{EmbeddingPending: true}, "an automobile is repaired", "an automobile is sold")
		st.put(t, "a", fairlead.Document{EmbeddingPending: true}, "a hound barks")
		st.put(t, "a", fairlead.Document{EmbeddingPending: true}, "some cash")
		null := st.put(t, "a", fairlead.Document{EmbeddingPending: true}, "a bit of rain")
		st.embedded(t)
		stop()
		before := m.count(fairlead.OpenAIEmbeddings)
		all := st.library.vectors["embedder/0"]
		all[st.library.chunks[oldest.ID][0].Number] = make([]float32, odd)
		all[st.library.chunks[oldest.ID][0].Number][0] = 1
		all[st.library.chunks[null.ID][0].Number] = make([]float32, usual)
		st.restart(t, m)
		stop = st.run(t)
		<-time.After(5 * time.Second)
		st.embedded(t)
		st.whole(t, usual)
		st.meant(t, "vehicle", oldest.ID)
		st.meant(t, "weather", null.ID)
		if n := m.count(fairlead.OpenAIEmbeddings) - before; n != 2+2 { // two chunks, two questions
			t.Errorf("asked %d times", n)
		}
		stop()
		st.Close()
	})
}

// TestReplacedModel: a model whose vectors have another length from now on has all of them
// made anew, whether that shows in new documents or in questions alone. So has one whose
// first answer was not like the others.
func TestReplacedModel(t *testing.T) {
	for name, test := range map[string]struct {
		restart, document bool
	}{"a new document": {false, true}, "questions": {false, false}, "a restart": {true, true}, "a restart, questions": {true, false}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, length := newModel(), usual
				m.long = func(string) int { return length }
				st := withLengths(t, m)
				stop := st.run(t)
				car := st.put(t, "a", fairlead.Document{EmbeddingPending: true}, "an automobile is repaired")
				st.put(t, "b", fairlead.Document{EmbeddingPending: true}, "some cash")
				st.embedded(t)
				m.set(func() { length = odd })
				before := m.count(fairlead.OpenAIEmbeddings)
				if test.restart {
					stop()
					st.restart(t, m)
					stop = st.run(t)
					<-time.After(5 * time.Second)
				}
				if test.document {
					st.put(t, "a", fairlead.Document{EmbeddingPending: true}, "a hound barks")
					<-time.After(5 * time.Minute)
					st.hasVectors(t, car.ID, usual)
				} else {
					for range 5 {
						st.find(t, "a", asking("vehicle"))
						<-time.After(time.Minute)
					}
				}
				<-time.After(time.Hour)
				st.embedded(t)
				st.whole(t, odd)
				st.meant(t, "vehicle", car.ID)
				if n := m.count(fairlead.OpenAIEmbeddings) - before; n > 30 {
					t.Errorf("asked %d times", n)
				}
				stop()
				st.Close()
			})
		})
	}
}

// TestFirstAnswerIsOdd: what came first is not right for good.
func TestFirstAnswerIsOdd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, gave := newModel(), false
		m.long = func(string) int {
			if !gave {
				gave = true
				return odd
			}
			return usual
		}
		st := withLengths(t, m)
		stop := st.run(t)
		car := st.put(t, "a", fairlead.Document{EmbeddingPending: true}, "an automobile is repaired")
		dog := st.put(t, "a", fairlead.Document{EmbeddingPending: true}, "a hound barks")
		st.embedded(t)
		<-time.After(5 * time.Second)
		st.embedded(t)
		st.whole(t, usual)
		st.meant(t, "vehicle", car.ID)
		st.meant(t, "dog", dog.ID)
		stop()
		st.Close()
	})
}

// TestLengthsInTurn: a text that always gets a vector of another length, or a model that
// answers now so and now so, has nothing made anew, and is not asked without end.
func TestLengthsInTurn(t *testing.T) {
	for name, long := range map[string]func(text string, nth int) int{
		"one text": func(text string, _ int) int {
			if strings.Contains(text, "hound") {
				return odd
			}
			return usual
		},
		"in turn": func(_ string, nth int) int { return usual + nth%3 },
		"two models": func(_ string, nth int) int {
			if nth > 3 && nth%2 == 0 {
				return odd
			}
			return usual
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, nth := newModel(), -1
				m.long = func(text string) int {
					nth++
					return long(text, nth)
				}
				st := withLengths(t, m)
				stop := st.run(t)
				car := st.put(t, "a", fairlead.Document{EmbeddingPending: true}, "an automobile is repaired")
				<-time.After(10 * time.Second)
				st.put(t, "a", fairlead.Document{EmbeddingPending: true}, "a hound barks")
				<-time.After(24 * time.Hour)
				st.hasVectors(t, car.ID, usual)
				if n := m.count(fairlead.OpenAIEmbeddings); n > 24*6*4 {
					t.Errorf("asked %d times in a day", n)
				}
				stop()
				st.Close()
			})
		})
	}
}
