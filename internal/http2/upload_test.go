package http2

import (
	"errors"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/http1"
)

// TestUploadEnds: when a request has ended, its body is its owner's again, whatever
// the transport still does.
func TestUploadEnds(t *testing.T) {
	body := []byte("0123456789")
	f := &flight{clock: &clock{cut: func(error) {}}, write: time.Minute}
	defer f.clock.stop()
	u := &upload{left: body, flight: f}
	p := make([]byte, 4)
	if n, err := u.Read(p); n != 4 || err != nil || string(p) != "0123" {
		t.Errorf("read %q, %v", p[:n], err)
	}
	u.end()
	clear(body)
	if n, err := u.Read(p); n != 0 || !errors.Is(err, http1.ErrClosed) {
		t.Errorf("read %d bytes after the end, %v", n, err)
	}
}
