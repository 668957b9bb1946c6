package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/fairleadhq/fairlead/client/internal/form"
)

// maxWait is the longest wait that the client sits out. Whoever is told to
// stay away for longer should know at once.
const maxWait = 60 * time.Second

// backoff says how often to try and how long to wait in between.
type backoff struct {
	attempts    int
	first, most time.Duration
	// jitter picks a wait between 0 and its argument.
	jitter func(time.Duration) time.Duration
}

func fullJitter(bound time.Duration) time.Duration {
	if bound <= 0 {
		return 0
	}
	return rand.N(bound + 1) //nolint:gosec // spreads waits; nothing depends on its secrecy
}

// wait returns how long to wait after the given attempt, the first being 1,
// when the service named no wait.
func (b backoff) wait(attempt int) time.Duration {
	bound := b.first
	for range attempt - 1 {
		bound = min(bound*2, b.most)
	}
	return b.jitter(min(bound, b.most))
}

// call is a request that can be sent more than once.
type call struct {
	method, path, accept string
	class                Class
	body                 []byte
	// form, if not nil, is the body instead.
	form *form.Form
	// open, if not nil, looks at the beginning of an answer of status 200. An
	// *APIError of it is a refusal like another.
	open func(*http.Response) error
}

// do sends the request until it is answered with 200 or 201, or the error is final.
// What open left of the answer's body is unread: whatever goes wrong in it is not
// tried again.
func (c *Client) do(ctx context.Context, what call) (*http.Response, error) {
	for attempt := 1; ; attempt++ {
		answer, err := c.try(ctx, what)
		if err == nil {
			return answer, nil
		}
		wait, again := c.nextWait(ctx, attempt, err)
		if !again || what.form != nil && !what.form.Again() {
			return nil, err
		}
		if interrupted := pause(ctx, wait); interrupted != nil {
			return nil, fmt.Errorf("client: waiting to try again: %w; last: %w", interrupted, err)
		}
	}
}

// try sends the request once. An error is an *APIError if the service
// answered.
func (c *Client) try(ctx context.Context, what call) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, what.method, c.base+what.path, bytes.NewReader(what.body))
	if err != nil {
		return nil, &badRequestError{err}
	}
	if what.form != nil {
		if err := what.form.Attach(request); err != nil {
			return nil, &badRequestError{err}
		}
		tellDeadline(ctx, request.Header)
	}
	request.Header.Set("Accept", what.accept)
	request.Header.Set("X-API-Key", c.key)
	if len(what.body) > 0 {
		request.Header.Set("Content-Type", "application/json")
		tellDeadline(ctx, request.Header)
	}
	if what.class != "" {
		request.Header.Set("X-Fairlead-Class", string(what.class))
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	switch {
	case answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusCreated:
		err = readAPIError(answer)
	case what.open != nil:
		err = what.open(answer)
	}
	if err != nil {
		_ = answer.Body.Close()
		return nil, err
	}
	return answer, nil
}

// tellDeadline says how much time there is left, so that the service does not
// begin what can't be done in it.
func tellDeadline(ctx context.Context, h http.Header) {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return
	}
	left := max(time.Until(deadline), time.Millisecond) // nothing is no time to name
	h.Set("X-Request-Timeout", strconv.FormatFloat(left.Seconds(), 'f', 3, 64))
}

// nextWait says whether to try again after err, and when.
func (c *Client) nextWait(ctx context.Context, attempt int, err error) (time.Duration, bool) {
	if attempt >= c.backoff.attempts || ctx.Err() != nil {
		return 0, false
	}
	var refusal *APIError
	var bad *badRequestError
	wait := time.Duration(0)
	switch {
	case errors.As(err, &bad), isBroken(err):
		return 0, false
	case errors.As(err, &refusal):
		if !refusal.temporary() {
			return 0, false
		}
		wait = refusal.RetryAfter
	}
	if wait <= 0 {
		wait = c.backoff.wait(attempt)
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return 0, false // the answer would come too late: tell now
	}
	return wait, true
}

// isBroken reports whether an answer began: it is not asked for again.
func isBroken(err error) bool {
	_, broken := errors.AsType[*BrokenError](err)
	return broken
}

func pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
