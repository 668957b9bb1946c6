//go:build linux

package front

import (
	"sync"

	"github.com/fairleadhq/fairlead/internal/front/plain"
)

const (
	// bodyRoom is how much of an answer's body is held back until it is known
	// whether more comes: as much as net/http holds back, so that chunks are the
	// same.
	bodyRoom = 2 << 10
	// outRoom is the size of the buffer for what is ready to be written; it
	// grows with a long head up to maxOut, above which it is not kept.
	outRoom = 4 << 10
	maxOut  = 16 << 10
)

// out holds a part of an answer on its way: ready comes before body, and body may
// still become a chunk or all of the body.
type out struct {
	ready []byte
	body  []byte
	end   []byte // of a chunk
}

// outs are those that nobody uses at the moment.
type outs struct{ pool sync.Pool }

func (p *outs) get() *out {
	if o, ok := p.pool.Get().(*out); ok {
		return o
	}
	return &out{ready: make([]byte, 0, outRoom), body: make([]byte, 0, bodyRoom), end: []byte(lineEnd)}
}

func (p *outs) put(o *out) {
	if cap(o.ready) > maxOut {
		return
	}
	o.ready, o.body = o.ready[:0], o.body[:0]
	p.pool.Put(o)
}

// heads are readers of heads that nobody uses at the moment.
type heads struct{ pool sync.Pool }

func (p *heads) get() *plain.Head {
	if r, ok := p.pool.Get().(*plain.Head); ok {
		return r
	}
	return new(plain.Head)
}

func (p *heads) put(r *plain.Head) { p.pool.Put(r) }
