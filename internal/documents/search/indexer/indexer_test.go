//go:build linux

package indexer

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/child"
	"github.com/fairleadhq/fairlead/internal/documents/search/shelf"
)

// TestMain is the program of the children too: its first argument says what it is to do.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || strings.HasPrefix(os.Args[1], "-") {
		os.Exit(m.Run())
	}
	if err := behave(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// behave does what its name says: the real work, or something that no child should do.
func behave(name string) error {
	in := bufio.NewReader(os.Stdin)
	switch name {
	case Command:
		return Serve(context.Background(), os.Stdin, os.Stdout)
	case "silent":
		_, err := io.Copy(io.Discard, in)
		return err
	case "deaf":
		<-time.After(time.Hour)
	case "dying":
		_, err := in.ReadByte()
		return errors.Join(err, errors.New("it dies"))
	case "babbling":
		_, err := os.Stdout.WriteString("this is no segment")
		_, end := io.Copy(io.Discard, in)
		return errors.Join(err, end)
	case "boasting":
		_, err := os.Stdout.Write([]byte{messageSegment, 0xfe, 0xff, 0xff, 0xff, 0xff, 0x7f})
		_, end := io.Copy(io.Discard, in)
		return errors.Join(err, end)
	}
	return errors.New("no such child")
}

func newIndexer(t *testing.T, name string, c Config) *Indexer {
	t.Helper()
	c.Command = []string{child.OwnProgram, name}
	x := New(c)
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

// lotOf makes chunks of words.
func lotOf(r *rand.Rand, first int64, n int) []fairlead.Chunk {
	chunks := make([]fairlead.Chunk, n)
	for i := range chunks {
		var text strings.Builder
		for range r.IntN(60) {
			fmt.Fprintf(&text, "word%d running 東京 1,234.5 ", r.IntN(500))
		}
		chunks[i] = fairlead.Chunk{Number: first + int64(i), Text: text.String(), Section: fmt.Sprintf("Risks %d", i/7), Context: "Revenue | 2024"}
	}
	return chunks
}

var title = shelf.Title{Name: "annual_report.txt", About: fairlead.About{Title: "Report", Language: "en", Company: "Acme"}}

// segments are those of documents, as a Maker makes them.
func segments(ctx context.Context, maker shelf.Maker, seed uint64) (all [][]byte, err error) {
	r := rand.New(rand.NewPCG(seed, 1))
	m, err := maker.Begin(ctx, title)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	number := int64(1)
	for group := range int64(3) {
		for range 1 + r.IntN(3) {
			lot := lotOf(r, number, 1+r.IntN(300))
			number += int64(len(lot))
			if err := m.Add(ctx, lot); err != nil {
				return nil, err
			}
		}
		data, err := m.Build(ctx, group)
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// TestSameSegments: the child makes what would be made here, byte for byte, whoever else
// wants something of it, and whatever was left half done.
func TestSameSegments(t *testing.T) {
	t.Parallel()
	x := newIndexer(t, Command, Config{})
	var group sync.WaitGroup
	for seed := range uint64(4) {
		group.Go(func() {
			want, err := segments(t.Context(), shelf.NewWords(shelf.NoSynonyms), seed)
			if err != nil {
				t.Error(err)
				return
			}
			left, err := x.Begin(t.Context(), title)
			if err == nil {
				err = left.Add(t.Context(), lotOf(rand.New(rand.NewPCG(seed, 2)), 99, 5))
				left.Close()
			}
			got, err2 := segments(t.Context(), x, seed)
			if err = errors.Join(err, err2); err != nil || !slices.EqualFunc(got, want, bytes.Equal) {
				t.Errorf("seed %d: not the same segments, %v", seed, err)
			}
		})
	}
	group.Wait()
}

// TestFailures: whatever the child does, there is an error that says what it was, in time,
// and the next child is another.
func TestFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, code string }{
		{"dying", "indexer_crashed"},
		{"babbling", "indexer_crashed"},
		{"boasting", "indexer_crashed"},
		{"silent", "indexer_late"},
		{"deaf", "indexer_late"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			answer := time.Minute
			if c.code == "indexer_late" {
				answer = 50 * time.Millisecond
			}
			x := newIndexer(t, c.name, Config{Answer: answer})
			for range 3 {
				_, err := segments(t.Context(), x, 1)
				if e := fairlead.AsError(err); err == nil || e.Code != c.code || e.Kind != fairlead.Internal {
					t.Errorf("got %v, want %s", err, c.code)
				}
			}
		})
	}
	x := New(Config{Command: []string{"/there/is/no/such/program"}})
	if _, err := x.Begin(t.Context(), title); err == nil || fairlead.AsError(err).Code != "indexer_start" {
		t.Errorf("got %v, want indexer_start", err)
	}
}

// TestCanceled: whoever is no longer waited for waits no longer, be it for the child's
// answer or for the child.
func TestCanceled(t *testing.T) {
	t.Parallel()
	x := newIndexer(t, "silent", Config{})
	ctx, cancel := context.WithCancel(t.Context())
	begun := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		<-begun
		if _, err := x.Begin(ctx, title); !fairlead.IsKind(err, fairlead.Canceled) {
			t.Errorf("waiting for its turn: got %v", err)
		}
	})
	group.Go(func() {
		m, err := x.Begin(ctx, title)
		close(begun)
		if err != nil {
			t.Error(err)
			return
		}
		defer m.Close()
		if err = m.Add(ctx, lotOf(rand.New(rand.NewPCG(1, 1)), 1, 3)); err != nil {
			t.Error(err)
		}
		time.AfterFunc(20*time.Millisecond, cancel)
		if _, err := m.Build(ctx, 1); !fairlead.IsKind(err, fairlead.Canceled) {
			t.Errorf("waiting for the answer: got %v", err)
		}
	})
	group.Wait()
}

// TestRest: a child that has nothing to do is ended, and there is another when there is.
func TestRest(t *testing.T) {
	t.Parallel()
	x := newIndexer(t, Command, Config{Idle: 10 * time.Millisecond})
	pids := make(map[int]bool)
	for range 3 {
		if _, err := segments(t.Context(), x, 1); err != nil {
			t.Fatal(err)
		}
		x.mu.Lock()
		p := x.child
		x.mu.Unlock()
		if p == nil {
			continue // it was ended at once
		}
		pids[p.cmd.Process.Pid] = true
		for tick := time.NewTicker(time.Millisecond); ; <-tick.C {
			x.mu.Lock()
			gone := x.child == nil
			x.mu.Unlock()
			if gone {
				tick.Stop()
				break
			}
		}
		if child.Resident(p.cmd.Process.Pid) != 0 {
			t.Error("the child is still there")
		}
	}
	if len(pids) < 2 {
		t.Errorf("%d children", len(pids))
	}
}

// TestKilled: a child that the system kills while it has nothing to do is nobody's
// trouble; one that is killed at work is not the document's.
func TestKilled(t *testing.T) {
	t.Parallel()
	x := newIndexer(t, Command, Config{})
	for range 3 {
		if _, err := segments(t.Context(), x, 1); err != nil {
			t.Fatal(err)
		}
		p := childOf(x)
		if err := p.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-p.gone
	}
	m, err := x.Begin(t.Context(), title)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	p := childOf(x)
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.gone
	err = m.Add(t.Context(), lotOf(rand.New(rand.NewPCG(1, 1)), 1, 300))
	if err == nil {
		_, err = m.Build(t.Context(), 1)
	}
	if err == nil || fairlead.AsError(err).Code != "indexer_killed" {
		t.Errorf("got %v, want indexer_killed", err)
	}
}

func childOf(x *Indexer) *process {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.child
}

// FuzzServe: whatever the child is told, it answers or ends with an error.
func FuzzServe(f *testing.F) {
	var good bytes.Buffer
	s := &sender{to: bufio.NewWriter(&good)}
	if err := errors.Join(s.begin(title), s.chunks(lotOf(rand.New(rand.NewPCG(1, 1)), 1, 3)), s.build(5)); err != nil {
		f.Fatal(err)
	}
	f.Add(good.Bytes())
	f.Add(good.Bytes()[:good.Len()-1])
	f.Add([]byte("S\x02"))
	f.Add([]byte{messageBegin, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, told []byte) {
		var answers bytes.Buffer
		if err := serve(t.Context(), bytes.NewReader(told), &answers); err != nil {
			return
		}
		r := &receiver{from: bufio.NewReader(&answers)}
		for answers.Len() > 0 || r.from.Buffered() > 0 {
			if _, err := r.segment(); err != nil {
				t.Fatalf("the answer is no segment: %v", err)
			}
		}
	})
}
