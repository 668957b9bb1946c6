// Package indexer has a child process make the segments of the search index. To make terms
// of text and segments of terms is most of the work of taking documents in, and it comes
// in lots that are large beside a chat: in a process of the lowest priority nobody has to
// wait for it, neither for a processor nor for the collector of memory.
//
// There is one child, which makes one document's segments after the other's. It is started
// when there is something to do, and ended when there was nothing for a while, so that its
// memory is not held for nothing. It is told chunks and answers with segments; it has no
// file, no network and none of the service's keys. One that dies or does not answer is
// replaced, and the document is the next one's.
//
// Start with Indexer, the parent's side, and Serve, the child's.
package indexer

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/child"
	"github.com/fairleadhq/fairlead/internal/documents/search/shelf"
)

// Command is the name of the program's command that calls Serve.
const Command = "index-worker"

const (
	// memory is what the child's collector is to keep it below, and mostMemory what the
	// system lets it reserve. It holds the terms of one part of a document.
	memory     = 256 << 20
	mostMemory = 1 << 30
)

// Config is how the child is started. Zero values have a default.
type Config struct {
	// Command is the program and its first arguments; nil is this program's Command.
	Command []string
	// Idle is after how long without work the child is ended, 5 s by default.
	Idle time.Duration
	// Answer is how long it may take to take chunks or to make a segment, 10 minutes by
	// default: the child yields to everything else.
	Answer time.Duration
}

// Supported reports whether a child can be had by default: whether this program can be
// started again.
func Supported() bool { return child.OwnProgram != "" }

// Indexer makes segments in a child process; it is a shelf.Maker. It is safe for
// concurrent use.
type Indexer struct {
	config Config
	// turn is held by whoever uses the child.
	turn chan struct{}

	mu    sync.Mutex
	child *process    // nil when there is none
	idle  *time.Timer // ends the child; runs while nobody has the turn
}

// New returns an Indexer. It starts nothing yet.
func New(c Config) *Indexer {
	if c.Command == nil {
		c.Command = []string{child.OwnProgram, Command}
	}
	if c.Idle <= 0 {
		c.Idle = 5 * time.Second
	}
	if c.Answer <= 0 {
		c.Answer = 10 * time.Minute
	}
	return &Indexer{config: c, turn: make(chan struct{}, 1)}
}

// Begin implements shelf.Maker. It blocks while the child works for others. Errors, those
// of what it returns as well, are of Kind Canceled where ctx ended, and Internal with Code
// "indexer_start" where there was no child to be had, "indexer_crashed" where it died or
// spoke nonsense, which may be the document's doing, "indexer_killed" where the system has
// killed it, which does so where memory is short, and "indexer_late" where it did not
// answer in time.
func (x *Indexer) Begin(ctx context.Context, t shelf.Title) (shelf.Making, error) { //nolint:ireturn // as the interface has it
	select {
	case x.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fairlead.NewCanceled(ctx.Err())
	}
	for {
		p, err := x.take()
		if err != nil {
			<-x.turn
			return nil, failed("indexer_start", err)
		}
		used := p.used
		p.used = true
		m := &making{indexer: x, child: p}
		err = m.speak(ctx, func() error { return p.out.begin(t) })
		switch {
		case err == nil:
			return m, nil
		case !used || ctx.Err() != nil:
			m.Close()
			return nil, err
		}
		x.end() // it has died while it had nothing to do, which is nobody's doing
	}
}

// end ends the child, if there is one. The caller holds the turn.
func (x *Indexer) end() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.idle != nil {
		x.idle.Stop()
	}
	if x.child != nil {
		x.child.end()
		x.child = nil
	}
}

// take returns the child, which is started if there is none.
func (x *Indexer) take() (*process, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.idle != nil {
		x.idle.Stop()
	}
	if x.child == nil {
		p, err := start(x.config.Command)
		if err != nil {
			return nil, err
		}
		x.child = p
	}
	return x.child, nil
}

// leave gives the turn on. A child that is broken is gone when it returns.
func (x *Indexer) leave(p *process) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if p.broken() {
		p.end()
		x.child = nil
	} else {
		x.idle = time.AfterFunc(x.config.Idle, x.rest)
	}
	<-x.turn
}

// rest ends a child that has nothing to do.
func (x *Indexer) rest() {
	select {
	case x.turn <- struct{}{}:
		x.end()
		<-x.turn
	default: // there is something by now
	}
}

// Close ends the child. It blocks until nobody uses it.
func (x *Indexer) Close() error {
	x.turn <- struct{}{}
	x.end()
	<-x.turn
	return nil
}

// making is a document that the child makes segments of.
type making struct {
	indexer *Indexer
	child   *process
}

// Add implements shelf.Making.
func (m *making) Add(ctx context.Context, chunks []fairlead.Chunk) error {
	return m.speak(ctx, func() error { return m.child.out.chunks(chunks) })
}

// Build implements shelf.Making.
func (m *making) Build(ctx context.Context, group int64) (segment []byte, err error) {
	err = m.speak(ctx, func() error {
		if err := m.child.out.build(group); err != nil {
			return err
		}
		segment, err = m.child.in.segment()
		return err
	})
	return segment, err
}

// Close implements shelf.Making.
func (m *making) Close() { m.indexer.leave(m.child) }

// speak speaks with the child, until ctx ends or it takes too long. A child with which
// that went wrong is of no more use.
func (m *making) speak(ctx context.Context, do func() error) error {
	p := m.child
	late := time.AfterFunc(m.indexer.config.Answer, p.giveUp)
	goOn := context.AfterFunc(ctx, p.kill)
	err := do()
	if onTime, asked := late.Stop(), goOn(); err == nil && onTime && asked {
		return nil
	}
	switch {
	case ctx.Err() != nil:
		p.kill()
		return fairlead.NewCanceled(ctx.Err())
	case err == nil, p.late.Load():
		p.giveUp()
		return failed("indexer_late", errors.New("the child did not answer in time"))
	}
	return p.failure(err)
}

func failed(code string, err error) *fairlead.Error {
	return &fairlead.Error{Kind: fairlead.Internal, Code: code, Message: "The document could not be indexed", Err: err}
}
