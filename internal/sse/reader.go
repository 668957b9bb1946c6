package sse

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
)

// byteOrderMark may begin a stream and is no part of its first line.
const byteOrderMark = "\ufeff"

// ErrFrameTooLong says that a frame is longer than the Reader allows.
var ErrFrameTooLong = errors.New("sse: frame too long")

const (
	// firstBuffer is what a held stream costs while its frames are small.
	firstBuffer = 4 << 10
	// burstBuffer is what the buffer grows to when reads fill it.
	burstBuffer = 16 << 10
	// maxEmptyReads is how many reads in a row may bring nothing.
	maxEmptyReads = 100
)

// Buffers are buffers that no Reader uses at the moment. The zero Buffers has none.
type Buffers struct{ pool sync.Pool }

func (b *Buffers) get() []byte {
	if held, ok := b.pool.Get().(*[]byte); ok {
		return *held
	}
	return make([]byte, firstBuffer)
}

func (b *Buffers) put(buf []byte) {
	if len(buf) >= firstBuffer && len(buf) <= burstBuffer {
		b.pool.Put(&buf)
	}
}

// awaiter is a source that can be waited for without a buffer; what Await meets,
// the next Read tells.
type awaiter interface{ Await() }

// Reader reads blocks of whole frames. It is used by one goroutine.
type Reader struct {
	r        io.Reader
	await    awaiter  // r, or nil
	buffers  *Buffers // where buf is from
	maxFrame int
	// err ends the stream, once the whole frames before it are returned.
	err error

	// buf[start:whole] is whole frames not yet returned, buf[whole:end] what
	// may become one; buf[scan:end] has not been looked at.
	buf                     []byte
	start, whole, scan, end int
	// lf is how far buf is known to hold no \n from scan on.
	lf int
	// full says that the last read filled the buffer.
	full bool
	// begun says that what may be a byte order mark has been dealt with.
	begun bool

	// midLine says that the line at scan has bytes before scan. afterCR says
	// that a \n at scan belongs to the line end before it, crlf that line ends
	// with \n are what the stream used last. held says that the frame that ends
	// at scan waits for such a \n.
	midLine, afterCR, crlf, held bool
}

// NewReader returns a Reader of r whose frames may be maxFrame bytes long,
// terminator included. It takes buffers of 4 KiB, and up to 4 KiB more than
// maxFrame. Where r has a method Await, which waits for bytes and leaves them to
// be read, a Reader that holds no bytes holds no buffer while it waits.
func NewReader(r io.Reader, maxFrame int, buffers *Buffers) *Reader {
	await, _ := r.(awaiter)
	return &Reader{r: r, await: await, buffers: buffers, maxFrame: maxFrame, crlf: true}
}

// Next returns all whole frames that are buffered, and blocks on the
// underlying reader until there is at least one. The block is valid until the
// next call.
//
// The error is io.EOF when the stream ended after a whole frame,
// io.ErrUnexpectedEOF when it ended within one, ErrFrameTooLong, or that of the
// underlying reader. Whole frames before it are returned first, without it;
// after that every call returns it. A byte order mark at the start of the
// stream is dropped.
//
// A \r at the end of what was read may be half of \r\n. Where the line before
// ended in \n, the frame waits for what follows; where it ended in \r, the
// frame is returned at once, and should a \n follow after all, it begins the
// next block.
func (r *Reader) Next() (frames []byte, err error) {
	for {
		if r.whole > r.start {
			frames = r.buf[r.start:r.whole]
			r.start = r.whole
			return frames, nil
		}
		if r.err != nil {
			return nil, r.err
		}
		err := r.fill()
		if r.begun = r.begun || r.begin(err); r.begun {
			r.advance()
		}
		if r.err == nil && err != nil {
			r.finish(err)
		}
	}
}

// fill reads once, after making room.
func (r *Reader) fill() error {
	copy(r.buf, r.buf[r.start:r.end])
	r.whole -= r.start
	r.scan -= r.start
	r.end -= r.start
	r.lf = max(0, r.lf-r.start)
	r.start = 0
	if r.end == 0 {
		r.wait()
	}
	if r.end == len(r.buf) || r.full && len(r.buf) < burstBuffer {
		size := min(max(firstBuffer, 2*len(r.buf)), r.maxFrame+firstBuffer)
		r.buf = append(make([]byte, 0, size), r.buf[:r.end]...)[:size]
	}
	for range maxEmptyReads {
		n, err := r.r.Read(r.buf[r.end:])
		r.end += n
		r.full = r.end == len(r.buf)
		if n > 0 || err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// wait waits for bytes while it has no buffer, if it can, and sees to it that there
// is one.
func (r *Reader) wait() {
	if r.await != nil && !r.full {
		if r.buf != nil {
			r.buffers.put(r.buf)
			r.buf = nil
		}
		r.await.Await()
	}
	if r.buf == nil {
		r.buf = r.buffers.get()
	}
}

// Close gives the buffer back. What Next returned is not valid any more.
func (r *Reader) Close() {
	if r.buf != nil {
		r.buffers.put(r.buf)
	}
	r.buf, r.start, r.whole, r.scan, r.end, r.lf = nil, 0, 0, 0, 0, 0
	if r.err == nil {
		r.err = io.ErrClosedPipe
	}
}

// begin drops the byte order mark, and reports false when more must be read to
// tell whether there is one. ended is the error of the read before.
func (r *Reader) begin(ended error) bool {
	got := string(r.buf[:min(r.end, len(byteOrderMark))])
	if got == byteOrderMark {
		r.start, r.whole, r.scan = len(got), len(got), len(got)
	}
	return ended != nil || !strings.HasPrefix(byteOrderMark, got) || got == byteOrderMark
}

// advance looks at what has been read and moves whole past the frames in it.
func (r *Reader) advance() {
	for r.scan < r.end && r.err == nil {
		if r.afterCR {
			r.passLF()
			continue
		}
		at := r.lineEnd()
		r.midLine = r.midLine || at > r.scan
		r.scan = at
		if at == r.end {
			break
		}
		r.scan++
		r.afterCR = r.buf[at] == '\r'
		if r.midLine {
			r.midLine = false
		} else {
			r.endFrame()
		}
		r.crlf = !r.afterCR
	}
	if r.end-r.whole > r.maxFrame {
		r.err = ErrFrameTooLong
	}
}

// endFrame notes that a blank line ended at scan.
func (r *Reader) endFrame() {
	switch {
	case r.scan-r.whole > r.maxFrame:
		r.err = ErrFrameTooLong
	case r.afterCR && r.crlf && r.scan == r.end:
		r.held = true
	default:
		r.whole = r.scan
	}
}

// passLF passes the \n, if there is one, that belongs to the \r before scan.
func (r *Reader) passLF() {
	r.afterCR = false
	ended := r.held || r.whole == r.scan
	r.held = false
	if r.buf[r.scan] == '\n' {
		r.scan++
		r.crlf = true
	}
	if ended {
		r.whole = r.scan
	}
}

// lineEnd returns the offset of the first \n or \r from scan on, or end.
func (r *Reader) lineEnd() int {
	// Where the next \n is, is kept: looking for it again after each \r would
	// take quadratic time.
	lf := max(r.lf, r.scan)
	if lf < r.end && r.buf[lf] != '\n' {
		if n := bytes.IndexByte(r.buf[lf:r.end], '\n'); n >= 0 {
			lf += n
		} else {
			lf = r.end
		}
	}
	r.lf = lf
	if n := bytes.IndexByte(r.buf[r.scan:lf], '\r'); n >= 0 {
		return r.scan + n
	}
	return lf
}

// finish ends the stream with the error of the underlying reader.
func (r *Reader) finish(err error) {
	if r.held {
		r.held = false
		r.whole = r.scan
	}
	if errors.Is(err, io.EOF) && r.whole < r.end {
		err = io.ErrUnexpectedEOF
	}
	r.err = err
}
