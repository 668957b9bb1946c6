//go:build !unix

package wire

import (
	"errors"
	"net"

	"github.com/fairleadhq/fairlead/internal/buffer"
)

// descriptor does not exist on this system: a kept connection that has died is
// found out by using it.
type descriptor struct{}

func describe(*net.TCPConn, *buffer.Buffers) *descriptor { return nil }

func (*descriptor) fill() (*buffer.Buffer, error) { return nil, errors.ErrUnsupported }

func (*descriptor) glance([]byte) (int, error) { return 0, errors.ErrUnsupported }

func (*descriptor) put(_, _ []byte) (int, error) { return 0, errors.ErrUnsupported }

func (*descriptor) asked() bool { return false }

func (*descriptor) ask(_, _ []byte, _ func()) (int, error) { return 0, errors.ErrUnsupported }
