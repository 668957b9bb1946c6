package archive

import (
	"fmt"
	"hash/crc32"
	"io"

	"github.com/fairleadhq/fairlead/internal/extract"
)

// member reads a member and counts what it unfolds to.
type member struct {
	archive  *Archive
	folded   *counted
	plain    io.ReadCloser
	unfolded int64

	crc  uint32 // so far
	sum  uint32 // what it should be
	want uint64 // how long it should be
	err  error  // what ended it
}

// counted counts the bytes that are read.
type counted struct {
	r io.Reader
	n int64
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// Read implements io.Reader.
func (m *member) Read(p []byte) (int, error) {
	if m.err != nil {
		return 0, m.err
	}
	n, err := m.plain.Read(p)
	m.crc = crc32.Update(m.crc, crc32.IEEETable, p[:n])
	m.unfolded += int64(n)
	m.archive.unfolded += int64(n)
	switch limit := m.exceeded(); {
	case limit != nil:
		n, m.err = 0, limit
	case err == io.EOF && (m.crc != m.sum || uint64(m.unfolded) != m.want): //nolint:gosec // a length is not negative
		m.err = fmt.Errorf("%w: the checksum of a part is wrong", extract.ErrBroken)
	case err == io.EOF:
		m.err = io.EOF
	case err != nil:
		m.err = fmt.Errorf("%w: unfolding a part: %w", extract.ErrBroken, err)
	}
	return n, m.err
}

// exceeded is the limit that the archive has passed, or nil.
func (m *member) exceeded() error {
	limits, total := m.archive.limits, m.archive.unfolded
	if limits.Unfolded > 0 && total > limits.Unfolded {
		return &extract.LimitError{Limit: "unfolded_bytes", Most: limits.Unfolded}
	}
	if limits.Ratio <= 0 || total <= ratioFloor {
		return nil
	}
	// Members may share their bytes: then the archive's own length tells.
	if total/limits.Ratio > m.archive.size || (m.unfolded > ratioFloor && m.unfolded/limits.Ratio > m.folded.n) {
		return &extract.LimitError{Limit: "ratio", Most: limits.Ratio}
	}
	return nil
}

// Close implements io.Closer.
func (m *member) Close() error { return m.plain.Close() }
