package api

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/fairleadhq/fairlead"
)

// bodyProgress is how long a client may be silent while it sends a body.
const bodyProgress = 20 * time.Second

// firstBodyRead is the buffer that a body of undeclared length starts with.
const firstBodyRead = 16 << 10

// ReadJSON reads the request's body, which must be declared as JSON. It holds
// the body's bytes in the budget until the exchange ends. Errors are of Kind
// WrongType, TooLarge, Busy and Invalid.
func (x *Exchange) ReadJSON() ([]byte, error) {
	if err := checkType(x.R.Header); err != nil {
		return nil, err
	}
	limit := x.config.MaxBody
	declared := x.R.ContentLength
	if limit > 0 && declared > limit {
		return nil, tooLarge(limit)
	}
	size := declared
	if size < 0 {
		size = firstBodyRead
	}
	if err := x.reserve(size); err != nil {
		return nil, err
	}
	defer func() { _ = x.control.SetReadDeadline(time.Time{}) }()
	body, err := x.readAll(make([]byte, 0, size+1), limit)
	if err != nil {
		// What is left of the body is not worth reading.
		x.W.Header().Set("Connection", "close")
	}
	return body, err
}

// readAll reads on into buf until the body ends.
func (x *Exchange) readAll(buf []byte, limit int64) ([]byte, error) {
	for {
		if len(buf) == cap(buf) {
			more := int64(cap(buf))
			if limit > 0 { // one byte over the limit is enough to see that it is passed
				more = min(more, limit+1-int64(len(buf)))
			}
			if err := x.reserve(more); err != nil {
				return nil, err
			}
			buf = slices.Grow(buf, int(more))
		}
		_ = x.control.SetReadDeadline(time.Now().Add(bodyProgress))
		n, err := x.R.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case limit > 0 && int64(len(buf)) > limit:
			return nil, tooLarge(limit)
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return nil, unreadable(err)
		}
	}
}

func (x *Exchange) reserve(n int64) error {
	if !x.config.Bodies.reserve(n) {
		return &fairlead.Error{
			Kind: fairlead.Busy, Code: "memory_pressure", Message: "Service is busy, please try again later",
			Detail: "The requests in flight fill the memory set aside for them", RetryAfter: x.config.BusyWait(),
		}
	}
	x.reserved += n
	return nil
}

func unreadable(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return &fairlead.Error{
			Kind: fairlead.Invalid, Code: codeBodyTimeout, Message: "The request's body did not arrive in time", Err: err,
		}
	}
	return &fairlead.Error{
		Kind: fairlead.Invalid, Code: "body_unreadable", Message: "The request's body could not be read", Err: err,
	}
}

func tooLarge(limit int64) error {
	return &fairlead.Error{
		Kind: fairlead.TooLarge, Code: "body_too_large", Message: "The request's body is too large",
		Detail: fmt.Sprintf("the limit is %d bytes", limit),
	}
}

// checkType accepts a body that is declared as JSON, or not declared at all.
func checkType(h http.Header) error {
	if encoding := h.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return wrongType("a compressed body is not accepted")
	}
	declared := h.Get("Content-Type")
	if declared == "" {
		return nil
	}
	media, _, err := mime.ParseMediaType(declared)
	if err == nil && (media == "application/json" || strings.HasSuffix(media, "+json")) {
		return nil
	}
	return wrongType("send Content-Type: application/json")
}

func wrongType(detail string) error {
	return &fairlead.Error{
		Kind: fairlead.WrongType, Code: "unsupported_content_type",
		Message: "The request's body is not of a content type that is understood", Detail: detail,
	}
}
