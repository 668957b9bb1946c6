// Package budget bounds the memory for bodies: of requests while they are worked on,
// and of answers that are held back. There is one Budget, and an Account for each
// call, which takes from it and gives back what is left at its end.
//
// Start with Budget and Account.
package budget

import (
	"math/bits"
	"sync"

	"github.com/fairleadhq/fairlead"
)

// appShare is the part of a budget that one app may fill: one in so many.
const appShare = 2

// Buffers of these sizes are kept for the next body: larger ones are too dear to
// keep.
const (
	smallestKept = 512
	largestKept  = 512 << 10
)

// keptAccounts is how many apps' accounts are kept while nothing is on them: to make
// one anew for each call is dearer.
const keptAccounts = 1024

// Budget bounds the bytes of bodies that are in flight at one time. One app may
// fill a half of it, so that none can shut the others out. It keeps buffers that
// are not in use: making one of 100 KiB costs more than all else that the service
// does with it.
type Budget struct {
	whole        *Budget // that it is a part of; nil if of none
	limit, share int64
	kept         [11]sync.Pool // of *[]byte, each of twice the size of those before

	mu   sync.Mutex
	used int64
	apps map[fairlead.AppID]*appAccount
}

// appAccount is how many bytes an app has in flight.
type appAccount struct{ used int64 }

// New returns a budget of limit bytes (0 = no limit), in which one body of
// the size most has room, whoever sends it.
func New(limit, most int64) *Budget {
	return &Budget{limit: limit, share: max(limit/appShare, min(most, limit)), apps: make(map[fairlead.AppID]*appAccount)}
}

// Part returns a budget of one part in so many of b, in which most bytes have room for
// one app: what is taken from it is taken from b too. It is for what stays longer than
// a body, and is not to leave no room for those.
func (b *Budget) Part(parts, most int64) *Budget {
	part := New(b.limit/parts, most)
	part.whole = b
	return part
}

// Used is how many bytes are in flight.
func (b *Budget) Used() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// reserve takes n bytes for app if they are there.
func (b *Budget) reserve(app fairlead.AppID, n int64) bool {
	if !b.take(app, n) {
		return false
	}
	if b.whole == nil || b.whole.reserve(app, n) {
		return true
	}
	b.put(app, n)
	return false
}

// take is reserve in this budget alone.
func (b *Budget) take(app fairlead.AppID, n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.apps[app]
	if a == nil {
		a = new(appAccount)
		b.apps[app] = a
	}
	if b.limit > 0 && (b.used+n > b.limit || a.used+n > b.share) {
		b.tidy(app, a)
		return false
	}
	b.used += n
	a.used += n
	return true
}

// tidy lets go of an account with nothing on it, if there are many. The caller holds
// the mutex.
func (b *Budget) tidy(app fairlead.AppID, a *appAccount) {
	if a.used == 0 && len(b.apps) > keptAccounts {
		delete(b.apps, app)
	}
}

// roomFor is how large a buffer for n bytes is.
func roomFor(n int64) int64 {
	if n < smallestKept || n > largestKept {
		return n
	}
	return 1 << bits.Len64(uint64(n-1))
}

// class is where buffers of a size that roomFor tells are kept; nil if they are
// not.
func (b *Budget) class(size int64) *sync.Pool {
	if size < smallestKept || size > largestKept || size&(size-1) != 0 {
		return nil
	}
	return &b.kept[bits.TrailingZeros64(uint64(size))-bits.TrailingZeros(smallestKept)]
}

// buffer is an empty buffer of a size that roomFor tells.
func (b *Budget) buffer(size int64) []byte {
	if kept := b.class(size); kept != nil {
		if buf, ok := kept.Get().(*[]byte); ok {
			return (*buf)[:0]
		}
	}
	return make([]byte, 0, size)
}

// recycle takes a buffer that nobody uses any more.
func (b *Budget) recycle(buf []byte) {
	if kept := b.class(int64(cap(buf))); kept != nil {
		kept.Put(&buf)
	}
}

func (b *Budget) release(app fairlead.AppID, n int64) {
	if n == 0 { // nothing was reserved, perhaps for an app without an account
		return
	}
	b.put(app, n)
	if b.whole != nil {
		b.whole.release(app, n)
	}
}

// put is release in this budget alone.
func (b *Budget) put(app fairlead.AppID, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.apps[app]
	b.used -= n
	a.used -= n
	b.tidy(app, a)
}
