//go:build !linux || (!amd64 && !arm64)

package poll

import (
	"errors"
	"time"
)

// Poller is there on Linux only.
type Poller struct{}

// Event tells that something happened at a socket.
type Event struct {
	FD     int
	Closed bool
}

func unsupported() error { return errors.New("the load generator needs Linux on amd64 or arm64") }

// New fails.
func New() (*Poller, error) { return nil, unsupported() }

// Exact does nothing.
func (*Poller) Exact() {}

// Awake does nothing.
func (*Poller) Awake() {}

// Close does nothing.
func (*Poller) Close() error { return nil }

// Add fails.
func (*Poller) Add(int) error { return unsupported() }

// Wait fails.
func (*Poller) Wait(time.Duration, func(Event)) error { return unsupported() }

// Listen fails.
func Listen(int) (fd, bound int, err error) { return 0, 0, unsupported() }

// Accept fails.
func Accept(int) (fd int, ok bool, err error) { return 0, false, unsupported() }

// Dial fails.
func Dial(int) (int, error) { return 0, unsupported() }

// Read fails.
func Read(int, []byte) (int, error) { return 0, unsupported() }

// Write fails.
func Write(int, []byte) (int, error) { return 0, unsupported() }

// Awake does nothing.
func (*Poller) Awake() {}

// Close does nothing.
func Close(int) {}

// RaiseFiles fails.
func RaiseFiles(int) (int, error) { return 0, unsupported() }
