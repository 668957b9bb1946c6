package listener

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/places"
)

// TestBacklog: the system keeps as many connections as were asked for, and the one
// more that it always does, until somebody accepts.
func TestBacklog(t *testing.T) {
	if system := SystemBacklog(); system < 40 {
		t.Skipf("the system keeps %d at most", system)
	}
	for _, asked := range []int{1, 5, 30} {
		l, err := Listen(t.Context(), Config{Address: "127.0.0.1:0", Backlog: asked, Places: places.New(0, nil)})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		kept := 0
		for ; kept <= 2*asked+2; kept++ {
			conn, err := (&net.Dialer{Timeout: 200 * time.Millisecond}).DialContext(t.Context(), "tcp", l.Addr().String())
			if errors.Is(err, os.ErrDeadlineExceeded) || isTimeout(err) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
		if kept != asked+1 {
			t.Errorf("asked for %d: %d are kept, want %d", asked, kept, asked+1)
		}
	}
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}
