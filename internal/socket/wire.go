package socket

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairleadhq/fairlead/internal/buffer"
)

const (
	// piece is how much is written under one deadline.
	piece = 64 << 10
	// controlRoom is how much more than its bound the outbox takes of pongs.
	controlRoom = 4 << 10
)

// The frames that are written: a first byte of the last and only frame of a message.
const (
	opText  = 0x81
	opClose = 0x88
	opPing  = 0x89
)

// wire is the connection as the library sees it. What the library writes, which is
// control frames, one by one, goes into the outbox, but for its close frames: they
// only tell which code the socket is to be closed with.
type wire struct {
	net.Conn

	config  *Config
	buffers *buffer.Buffers
	begun   time.Time
	heard   atomic.Int64 // when something was last read, since the begin, in ns

	// Only who reads uses these.
	early     []byte // read by the server before
	inspector inspector
	readErr   error

	mu      sync.Mutex
	out     *buffer.Buffer // frames that are to be written; nil if there are none
	taken   int            // bytes that are being written
	writing bool           // a goroutine writes
	closing bool           // the last frame is in the outbox, or out
	code    int            // of a close frame that the library wanted to write; 0 if none
	err     error          // why nothing can be written or read any more
	room    chan struct{}  // closed when there may be room; nil if nobody waits for it
	writeBy time.Time      // the deadline that is set; only who writes uses it
	now     *now           // for who writes; nil where it can't be had
	writers sync.WaitGroup // waits for who writes
}

// Read implements net.Conn. The inspector looks at what comes.
func (w *wire) Read(p []byte) (int, error) {
	if w.readErr != nil {
		return 0, w.readErr
	}
	n, err := w.take(p)
	if n > 0 {
		w.heard.Store(int64(time.Since(w.begun)))
		passed, wrong := w.inspector.look(p[:n])
		if wrong != nil {
			n, err = passed, wrong
		}
	}
	w.readErr = err
	if n > 0 {
		return n, nil
	}
	return 0, err
}

func (w *wire) take(p []byte) (int, error) {
	if len(w.early) == 0 {
		return w.Conn.Read(p)
	}
	n := copy(p, w.early)
	if w.early = w.early[n:]; len(w.early) == 0 {
		w.early = nil
	}
	return n, nil
}

// bound sets the time for a message whose first frame has begun, unless it is there
// already. The function that it returns lifts it.
func (w *wire) bound() (lift func()) {
	if w.inspector.isWhole() {
		return func() {}
	}
	w.deadline(time.Now().Add(w.config.MessageWithin))
	return func() { w.deadline(time.Time{}) }
}

// deadline sets that of reads, unless the end has set one.
func (w *wire) deadline(t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closing && w.err == nil {
		_ = w.SetReadDeadline(t)
	}
}

// Write implements net.Conn, for the library.
func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.err != nil:
		return 0, w.err
	case w.closing:
	case p[0] == opClose:
		w.code = noCode
		if len(p) >= 4 {
			w.code = int(binary.BigEndian.Uint16(p[2:]))
		}
		w.closeLocked(w.code, "")
	case w.pending() > w.config.Outbox+controlRoom:
		// It asks without reading the answers: the latest alone must be answered.
	default:
		w.append(p)
		w.startFlush()
	}
	return len(p), nil
}

// Close implements net.Conn, for the library: the connection ends with the socket.
func (w *wire) Close() error { return nil }

func (w *wire) isOpen() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err == nil && !w.closing
}

// send puts a message of text into the outbox.
func (w *wire) send(ctx context.Context, parts [][]byte) error {
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.err == nil && !w.closing && w.pending() > 0 && w.pending()+size > w.config.Outbox {
		if err := w.wait(ctx); err != nil {
			return err
		}
	}
	if w.err != nil {
		return w.err
	}
	if w.closing {
		return ErrClosed
	}
	w.frame(opText, size)
	for _, part := range parts {
		w.append(part)
	}
	w.startFlush()
	return nil
}

// pending is how many bytes the client has not been sent. The caller holds the mutex.
func (w *wire) pending() int {
	if w.out == nil {
		return w.taken
	}
	return w.taken + len(w.out.Bytes())
}

// wait returns when there may be room. The caller holds the mutex, which is released
// meanwhile.
func (w *wire) wait(ctx context.Context) error {
	if w.room == nil {
		w.room = make(chan struct{})
	}
	room := w.room
	w.mu.Unlock()
	defer w.mu.Lock()
	select {
	case <-room:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// wake lets those who wait for room look again. The caller holds the mutex.
func (w *wire) wake() {
	if w.room != nil {
		close(w.room)
		w.room = nil
	}
}

// frame begins a frame of so many bytes. The caller holds the mutex.
func (w *wire) frame(first byte, size int) {
	const (
		short = 125 // the longest that the second byte tells
		two   = 126
		eight = 127
	)
	var head [10]byte
	b := append(head[:0], first)
	switch {
	case size <= short:
		b = append(b, byte(size)) //nolint:gosec // see above
	case size < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, two), uint16(size))
	default:
		b = binary.BigEndian.AppendUint64(append(b, eight), uint64(size))
	}
	w.append(b)
}

// append puts bytes into the outbox. The caller holds the mutex.
func (w *wire) append(p []byte) {
	if w.out == nil {
		w.out = w.buffers.Get()
	}
	b := w.out.Bytes()
	if len(b)+len(p) > cap(b) {
		b = w.grow(b, len(p))
	}
	w.out.Set(append(b, p...))
}

// grow makes room behind b for so many bytes more: for as many again as are there, but
// for no more than may wait. The caller holds the mutex.
func (w *wire) grow(b []byte, more int) []byte {
	most := w.config.Outbox + controlRoom - w.taken
	grown := make([]byte, len(b), max(len(b)+more, min(2*cap(b), most)))
	copy(grown, b)
	return grown
}

// startFlush has the outbox written, if nobody does yet. The caller holds the mutex.
func (w *wire) startFlush() {
	if !w.writing {
		w.writing = true
		w.writers.Go(w.flush)
	}
}

// flush writes until the outbox is empty.
func (w *wire) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.out != nil && w.err == nil {
		batch := w.out
		w.out, w.taken = nil, len(batch.Bytes())
		w.mu.Unlock()
		err := w.put(batch.Bytes())
		w.buffers.Put(batch)
		w.mu.Lock()
		w.taken = 0
		w.wake()
		if err != nil {
			w.failLocked(stalled(err))
		}
	}
	w.writing = false
	if w.closing && w.err == nil {
		_ = w.SetReadDeadline(time.Now().Add(w.config.CloseWithin))
	}
}

// put writes to the client: what its socket takes at once, and the rest as it does.
func (w *wire) put(p []byte) error {
	if w.now != nil {
		n, err := w.now.write(p)
		if err != nil {
			return err
		}
		p = p[n:]
	}
	const slack = 16 // a deadline that is so little later is left as it is: setting one is dear
	for part := range slices.Chunk(p, piece) {
		now, grace := time.Now(), w.config.WriteWithin
		if left := w.writeBy.Sub(now); left < grace || left > grace+grace/slack {
			w.writeBy = now.Add(grace + grace/slack)
			_ = w.SetWriteDeadline(w.writeBy)
		}
		if _, err := w.Conn.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// stalled names the error of a write.
func stalled(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ErrStalled
	}
	return err
}

// close puts the last frame into the outbox.
func (w *wire) close(code int, reason string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closing && w.err == nil {
		w.closeLocked(code, reason)
	}
}

func (w *wire) closeLocked(code int, reason string) {
	w.closing = true
	w.wake()
	if code == noCode {
		w.frame(opClose, 0)
	} else {
		reason = reason[:min(len(reason), longestText)]
		w.frame(opClose, 2+len(reason))
		w.append(binary.BigEndian.AppendUint16(nil, uint16(code))) //nolint:gosec // four digits
		w.append([]byte(reason))
	}
	w.startFlush()
}

// fail ends the connection at once, for a reason.
func (w *wire) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failLocked(err)
}

func (w *wire) failLocked(err error) {
	if w.err != nil {
		return
	}
	w.err = err
	w.wake()
	if w.out != nil {
		w.buffers.Put(w.out)
		w.out = nil
	}
	_ = w.Conn.Close() // which ends whoever reads or writes
}

// fault is the code for a client that broke the protocol; 0 if it did not: the socket
// is closed already, or the connection is gone.
func (w *wire) fault() int {
	if wrong, ok := errors.AsType[*wrongError](w.readErr); ok {
		return wrong.code
	}
	if w.readErr != nil || !w.isOpen() {
		return 0
	}
	return Protocol
}

// linger has the client read the last frame, when what it sends can't be read any
// more. It reports whether the socket was closed from this side.
func (w *wire) linger() bool {
	if w.isOpen() || w.reason(nil) != ErrClosed { //nolint:errorlint // it is ErrClosed itself, or the socket has failed
		return false
	}
	w.writers.Wait()
	w.drain()
	return true
}

// drain says that nothing more is written, and reads on until the client has closed
// the connection or has had its time: what is left unread when a connection is closed
// destroys what was written before.
func (w *wire) drain() {
	half, ok := w.Conn.(interface{ CloseWrite() error })
	if !ok || w.reason(nil) != ErrClosed || half.CloseWrite() != nil { //nolint:errorlint // see linger
		return
	}
	_ = w.SetReadDeadline(time.Now().Add(w.config.CloseWithin))
	_, _ = io.CopyBuffer(io.Discard, onlyReader{w.Conn}, make([]byte, readBuffer))
}

// onlyReader hides what else a reader can do, which needs larger buffers.
type onlyReader struct{ io.Reader }

// reason is why the socket has ended.
func (w *wire) reason(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.err != nil:
		return w.err
	case w.closing:
		return ErrClosed
	case w.readErr != nil:
		return w.readErr
	}
	return err
}

// end closes the connection when the last frame is out.
func (w *wire) end() {
	w.mu.Lock()
	if !w.closing {
		w.failLocked(ErrClosed)
	}
	w.mu.Unlock()
	w.writers.Wait()
	w.drain()
	w.fail(ErrClosed)
}
