package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/fairleadhq/fairlead/internal/http1"
	"github.com/fairleadhq/fairlead/internal/reach"
	"github.com/fairleadhq/fairlead/internal/sse"
)

// minPiece is how many characters of the key in a row give it away. Providers
// mask a key that they repeat, but its ends.
const minPiece = 8

// secret is the provider's key.
type secret string

// in reports whether text holds the key or minPiece characters of it in a row.
func (s secret) in(text string) bool {
	if len(s) <= minPiece {
		return s != "" && strings.Contains(text, string(s))
	}
	for at := 0; at+minPiece <= len(text); at++ {
		if strings.Contains(string(s), text[at:at+minPiece]) {
			return true
		}
	}
	return false
}

// loggable is err without what the upstream may have written into it. What is known to hold none of that is
// kept; of anything else only the types are told.
func loggable(err error) error {
	if err == nil {
		return nil
	}
	if gone, ok := errors.AsType[*goneError](err); ok {
		return gone // of our own caller
	}
	if broken, ok := errors.AsType[*brokenError](err); ok {
		return &brokenError{loggable(broken.err)}
	}
	if dial, ok := errors.AsType[*http1.DialError](err); ok {
		return &http1.DialError{Err: loggable(dial.Err)}
	}
	if cut, ok := errors.AsType[*http1.CutError](err); ok {
		return &http1.CutError{Where: cut.Where, Err: loggable(cut.Err)}
	}
	if malformed, ok := errors.AsType[*http1.MalformedError](err); ok {
		return malformed
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op
	}
	if name, ok := errors.AsType[*net.DNSError](err); ok {
		return name
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return number
	}
	for _, known := range [...]error{
		context.Canceled, context.DeadlineExceeded, os.ErrDeadlineExceeded,
		io.ErrUnexpectedEOF, io.EOF, io.ErrClosedPipe, io.ErrNoProgress, net.ErrClosed,
		reach.ErrRefused, errTotal, errNoContent, sse.ErrFrameTooLong, http1.ErrSilence, http1.ErrPoolTimeout, http1.ErrPoolFull,
		http1.ErrConnectTimeout, http1.ErrWriteTimeout, http1.ErrRequest,
	} {
		if errors.Is(err, known) {
			return known
		}
	}
	return fmt.Errorf("an error that may quote the upstream, of the type %s", typesOf(err))
}

// typesOf names the types of err and of the errors that it wraps.
func typesOf(err error) string {
	const most = 5
	var types []string
	for ; err != nil && len(types) < most; err = errors.Unwrap(err) {
		types = append(types, fmt.Sprintf("%T", err))
	}
	return strings.Join(types, ", ")
}
