package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api/budget"
	"github.com/fairleadhq/fairlead/internal/life"
)

const (
	// bodyProgress is how long a client may be silent while it sends a body.
	bodyProgress = 20 * time.Second
	// bodyRate is how many bytes a second a body must have had on average, once
	// that time is over: one that trickles in is cut off, however often it does.
	bodyRate = 1 << 10
)

// due is by when the next bytes of a body must be there, of which n have come since
// began.
func due(began time.Time, n int64) time.Time {
	const most = 1 << 32 // what is earned by so many bytes is far beyond any deadline
	earned := time.Duration(min(n, most)) * time.Second / bodyRate
	return began.Add(min(bodyProgress+earned, time.Since(began)+bodyProgress))
}

// The most that a buffer starts with: for a body of declared length, and for
// one of undeclared length. It grows as the body comes, so that a client who
// announces much and sends little takes little.
const (
	firstDeclared   = 256 << 10
	firstUndeclared = 16 << 10
)

// ReadJSON reads the request's body, which must be declared as JSON. It blocks
// until the body is there, its client has been silent for too long, or ctx's
// deadline comes. It holds the body's bytes in the budget until the exchange
// ends; then they are another's. Errors are of Kind WrongType, TooLarge, Busy and Invalid, the last also
// for the headers that Call read.
func (x *Exchange) ReadJSON(ctx context.Context) ([]byte, error) {
	if x.wish != nil {
		return nil, x.wish
	}
	if err := checkType(x.R.Header); err != nil {
		return nil, err
	}
	if err := x.refuseStream(); err != nil {
		return nil, err
	}
	limit := x.config.MaxBody
	declared := x.R.ContentLength
	if limit > 0 && declared > limit {
		return nil, tooLarge(limit)
	}
	most := limit
	size := int64(firstUndeclared)
	if declared >= 0 {
		most, size = declared, min(declared, firstDeclared)
	}
	buf, err := x.memory.Buffer(size)
	if err != nil {
		return nil, err
	}
	body, err := x.readBody(ctx, buf, most)
	x.memory.Hold(body)
	if err == nil && limit > 0 && int64(len(body)) > limit {
		err = tooLarge(limit)
	}
	x.bodyRead = err == nil
	if err != nil { // what is left of the body is not worth reading
		x.closeAfter()
		return nil, err
	}
	return body, nil
}

// readBody reads the body into buf, which it returns in any case.
func (x *Exchange) readBody(ctx context.Context, buf []byte, most int64) ([]byte, error) {
	if here, ok := x.R.Body.(interface{ Buffered() int64 }); ok && here.Buffered() == x.R.ContentLength {
		return x.readHere(buf) //nolint:contextcheck // there is nothing to wait for
	}
	defer x.cutReads(ctx)()
	return x.readAll(ctx, buf, most)
}

// cutReads has the reads of the body end with ctx, until its result is called: a call
// that is ended from elsewhere does not wait for its body.
func (x *Exchange) cutReads(ctx context.Context) (restore func()) {
	cut := make(chan struct{})
	stop := life.AfterFunc(ctx, func() {
		defer close(cut)
		_ = x.control.SetReadDeadline(longAgo())
	})
	return func() {
		if !stop() {
			<-cut // or it would come after the next line, and end the connection
		}
		_ = x.control.SetReadDeadline(time.Time{})
	}
}

// readHere reads a body that has come already, for which buf has room.
func (x *Exchange) readHere(buf []byte) ([]byte, error) {
	for {
		n, err := x.R.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil || n == 0 {
			return buf, unreadable(x.Context(), cmp.Or(err, io.ErrNoProgress))
		}
	}
}

// closeAfter ends the connection after the answer. In HTTP/2 it would end other
// streams too, and there is no need.
func (x *Exchange) closeAfter() {
	if x.R.ProtoMajor == 1 {
		x.W.Header().Set("Connection", "close")
	}
}

// readAll reads on into buf, which it returns in any case, until the body ends, or is longer than most.
func (x *Exchange) readAll(ctx context.Context, buf []byte, most int64) ([]byte, error) {
	began := time.Now()
	for {
		if len(buf) == cap(buf) {
			more := int64(cap(buf))
			if most > 0 { // one byte more is enough to see that it is passed
				more = min(more, most+1-int64(len(buf)))
			}
			var err error
			if buf, err = x.memory.Grow(buf, more); err != nil {
				return buf, err
			}
		}
		_ = x.control.SetReadDeadline(soonest(ctx, due(began, int64(len(buf)))))
		if ctx.Err() != nil { // perhaps before the line above, which undid what that set
			return buf, ctx.Err()
		}
		n, err := x.R.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case most > 0 && int64(len(buf)) > most, errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return buf, unreadable(ctx, err)
		}
	}
}

// longAgo is a deadline that has passed.
func longAgo() time.Time { return time.Unix(1, 0) }

// soonest is t, or the deadline of ctx if that comes first.
func soonest(ctx context.Context, t time.Time) time.Time {
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(t) {
		return deadline
	}
	return t
}

// KeepBody hands the body that was read, and what else is reserved for the call, to
// an account that outlives the exchange. It is the call's Memory from then on, and
// is to be closed when the call has ended.
func (x *Exchange) KeepBody() *budget.Account {
	kept := x.memory.HandOver()
	x.call.Memory = kept
	return kept
}

// appID is whose share of the memory is used.
func (x *Exchange) appID() fairlead.AppID {
	if x.App == nil {
		return ""
	}
	return x.App.ID
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// unreadable names the error of a read: the operation's time is over, the call
// was ended from elsewhere, or its client is too slow or gone. That ctx has
// ended alone says nothing: the server ends it after any failed read.
func unreadable(ctx context.Context, err error) error {
	deadline, bounded := ctx.Deadline()
	_, ended := errors.AsType[*fairlead.Error](context.Cause(ctx))
	switch {
	case isTimeout(err) && bounded && !time.Now().Before(deadline):
		return context.DeadlineExceeded
	case isTimeout(err) && ended:
		return ctx.Err()
	case isTimeout(err):
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
	if declared == "" || declared == "application/json" {
		return nil
	}
	media, _, err := mime.ParseMediaType(declared)
	// fetch says text/plain of a string whose type its caller did not say.
	if err == nil && (media == "application/json" || media == "text/plain" || strings.HasSuffix(media, "+json")) {
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
