package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
)

// TestRandomReaders: whatever is cut and resumed, joined it is what was written:
// nothing lost, nothing doubled. With a budget that is too small a reader may end
// as Gone, and has read a beginning then.
func TestRandomReaders(t *testing.T) {
	const events, readers = 100, 1000
	for _, c := range []struct {
		name   string
		budget int64
	}{{"room for all", 0}, {"no room", MinBudget}} {
		t.Run(c.name, func(t *testing.T) {
			logs := New(Config{Budget: c.budget, Keep: time.Hour})
			l := open(t, logs, "a", Options{First: 1})
			slow := cursor(t, l, 0)
			all := make([]pieces, readers)
			var wg sync.WaitGroup
			for i := range all {
				all[i].rand = rand.New(rand.NewPCG(1, uint64(i)))
				wg.Go(func() { all[i].read(t.Context(), l) })
			}
			want := write(t, l, events)
			wg.Wait()
			if _, err := slow.Take(); fairlead.IsKind(err, fairlead.Gone) != (c.budget > 0) {
				t.Errorf("a reader that never read: %v", err)
			}
			slow.Close()
			for i := range all {
				p := &all[i]
				switch {
				case errors.Is(p.err, io.EOF) && bytes.Equal(p.text.Bytes(), want):
				case c.budget > 0 && fairlead.IsKind(p.err, fairlead.Gone) && bytes.HasPrefix(want, p.text.Bytes()):
				default:
					t.Fatalf("reader %d read %d of %d bytes, %v", i, p.text.Len(), len(want), p.err)
				}
			}
			check(t, logs)
			if s := logs.Stats(); s.Readers != 0 {
				t.Errorf("left: %+v", s)
			}
		})
	}
}

// write writes random events, closes the log, and returns them joined.
func write(t *testing.T, l *Log, events int) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(2, 2))
	var all bytes.Buffer
	for i := range events {
		event := bytes.Repeat([]byte{byte('a' + i%26)}, r.IntN(900))
		all.Write(event)
		add(t, l, string(event))
	}
	l.Close(nil)
	return all.Bytes()
}

// pieces is what a reader has read over connections that break.
type pieces struct {
	rand *rand.Rand
	text bytes.Buffer
	last int64
	err  error // why it stopped
}

// read reads all of a log, leaving and coming back at random.
func (p *pieces) read(ctx context.Context, l *Log) {
	for p.err == nil {
		var c *Cursor
		if c, p.err = l.Cursor(p.last); p.err != nil {
			return
		}
		for n := 1 + p.rand.IntN(4); n > 0 && p.take(ctx, c); n-- {
		}
		c.Close()
	}
}

// take reads a batch, of which some may be lost when the connection breaks. It
// reports whether it did not.
func (p *pieces) take(ctx context.Context, c *Cursor) bool {
	b, err := c.Next(ctx)
	if err != nil {
		p.err = err
		return false
	}
	took := 1 + p.rand.IntN(b.Len())
	left := took
	for seq, event := range b.All() {
		if left--; left < 0 {
			return false
		}
		if seq != p.last+1 {
			p.err = fmt.Errorf("event %d after %d", seq, p.last)
		}
		p.text.Write(event)
		p.last = seq
	}
	return took == b.Len()
}

// TestAgainstTheNaiveLog runs random programs over several logs, and holds each
// reader to a log that keeps everything for ever.
func TestAgainstTheNaiveLog(t *testing.T) {
	for seed := range uint64(15) {
		synctest.Test(t, func(t *testing.T) {
			p := program{t: t, r: rand.New(rand.NewPCG(3, seed)), logs: New(Config{Budget: 12 * MinBudget, Keep: minutes5})}
			for range 1500 {
				p.step()
			}
			for _, n := range p.all {
				n.log.Close(nil)
			}
			for _, reader := range p.readers {
				reader.cursor.Close()
			}
			<-time.After(2 * minutes5)
			if s := p.logs.Stats(); s.Logs+s.Running+s.Readers != 0 || s.Bytes != 0 {
				t.Errorf("seed %d: left %+v", seed, s)
			}
		})
	}
}

// program is a random program.
type program struct {
	t       *testing.T
	r       *rand.Rand
	logs    *Logs
	all     []*naive
	readers []*reader
}

// naive is a log that keeps everything.
type naive struct {
	log    *Log
	id     string
	events []string
	ended  time.Time
}

type reader struct {
	of     *naive
	cursor *Cursor
	next   int
}

func (p *program) step() {
	defer check(p.t, p.logs)
	switch n := p.r.IntN(100); {
	case n < 2 || len(p.all) == 0:
		id := fmt.Sprint("log", len(p.all))
		if l, err := p.logs.Open("crm", id, Options{}); err == nil {
			p.all = append(p.all, &naive{log: l, id: id})
		} else if !fairlead.IsKind(err, fairlead.Busy) || p.logs.Stats().Running != 12 {
			p.t.Fatalf("open: %v with %+v", err, p.logs.Stats())
		}
	case n < 70:
		p.append(p.pick())
	case n < 78:
		p.enter(p.pick())
	case n < 80:
		if of := p.pick(); of.ended.IsZero() {
			of.ended = time.Now()
			of.log.Close(nil)
		}
	case n < 81:
		<-time.After(time.Duration(p.r.IntN(60)) * time.Second)
	case len(p.readers) > 0:
		p.read(p.r.IntN(len(p.readers)))
	}
}

// pick prefers logs that were opened late.
func (p *program) pick() *naive {
	last := min(len(p.all), 14)
	return p.all[len(p.all)-1-p.r.IntN(last)]
}

func (p *program) append(of *naive) {
	if !of.ended.IsZero() {
		return
	}
	event := strings.Repeat("x", p.r.IntN(1+p.r.IntN(6000))) + fmt.Sprint(len(of.events))
	seq, err := of.log.Append([]byte(event))
	if err != nil || seq != int64(len(of.events)) {
		p.t.Fatalf("append: number %d of %d, %v", seq, len(of.events), err)
	}
	of.events = append(of.events, event)
}

func (p *program) enter(of *naive) {
	found, err := p.logs.Find("crm", of.id)
	switch {
	case err == nil && found != of.log:
		p.t.Fatal("another log was found")
	case fairlead.IsKind(err, fairlead.Gone):
		if p.logs.Stats().Evicted == 0 {
			p.t.Fatal("gone without an eviction")
		}
		return
	case err != nil:
		if of.ended.IsZero() || time.Since(of.ended) < minutes5 {
			p.t.Fatalf("find: %v", err)
		}
		return
	}
	after := p.r.IntN(len(of.events)+1) - 1
	c, err := found.Cursor(int64(after))
	if err != nil {
		p.t.Fatalf("cursor after %d of %d: %v", after, len(of.events), err)
	}
	p.readers = append(p.readers, &reader{of, c, after + 1})
}

func (p *program) read(i int) {
	r := p.readers[i]
	b, err := r.cursor.Take()
	for seq, event := range b.All() {
		if seq != int64(r.next) || string(event) != r.of.events[r.next] {
			p.t.Fatalf("event %d is %.20q, want %d", seq, event, r.next)
		}
		r.next++
	}
	switch {
	case errors.Is(err, io.EOF) && (r.of.ended.IsZero() || r.next != len(r.of.events)):
		p.t.Fatalf("ended after %d of %d", r.next, len(r.of.events))
	case fairlead.IsKind(err, fairlead.Gone) && p.logs.Stats().Evicted == 0, err == nil && b.Len() == 0 && r.next < len(r.of.events):
		p.t.Fatalf("%v after %d of %d", err, r.next, len(r.of.events))
	}
	if err != nil || p.r.IntN(20) == 0 {
		r.cursor.Close()
		p.readers = append(p.readers[:i], p.readers[i+1:]...)
	}
}
