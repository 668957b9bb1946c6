package alert

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	maxAttempts    = 5
	attemptTimeout = 10 * time.Second
	// firstBackoff bounds the wait after the first attempt; each further one may
	// be twice as long. All attempts and waits together take at most 200 s, or
	// 310 s if the webhook asks for longer waits.
	firstBackoff = 10 * time.Second
	// maxRetryAfter is the longest wait that a webhook may ask for.
	maxRetryAfter = time.Minute
	// maxAnswerBytes is how much of an answer is read, and then ignored.
	maxAnswerBytes = 64 << 10
	maxHeadBytes   = 64 << 10
	maxRedirects   = 3
)

// badAddress has no detail, because the address is a secret.
const badAddress = "the address is not an http or https URL with a host"

// webhook posts messages to one address, which is a secret: no error names it
// or its host. That is why causes are told in words of our own; those of
// net/http and of the resolver name both.
type webhook struct {
	address string
	client  *http.Client
}

// newWebhook makes the webhook for the address; nil for the transport means one
// of its own.
func newWebhook(address string, transport http.RoundTripper) (*webhook, error) {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return nil, errors.New(badAddress)
	}
	if transport == nil {
		transport = &http.Transport{
			DialContext:            (&net.Dialer{Timeout: attemptTimeout}).DialContext,
			TLSHandshakeTimeout:    attemptTimeout,
			DisableKeepAlives:      true, // notices are rare
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxHeadBytes,
		}
	}
	return &webhook{address: address, client: &http.Client{Transport: transport, CheckRedirect: checkRedirect}}, nil
}

// checkRedirect follows where the message would arrive as it is, at the same
// origin. Elsewhere it is not ours to send; and as a GET it would be lost
// though the answer says that all is well.
func checkRedirect(next *http.Request, via []*http.Request) error {
	first := via[0].URL
	if len(via) > maxRedirects || next.Method != http.MethodPost ||
		next.URL.Scheme != first.Scheme || next.URL.Host != first.Host {
		return http.ErrUseLastResponse
	}
	return nil
}

// deliver posts the body until the webhook accepts it. It waits between
// attempts with exponential back-off and full jitter, and gives up after the
// last or when another would not help. Once stopping is closed there is one
// more attempt, or none if one is under way; ctx bounds them all. A body may
// arrive twice, when only the answer was lost.
func (w *webhook) deliver(ctx context.Context, stopping <-chan struct{}, body []byte) error {
	for attempt := 1; ; attempt++ {
		err := w.post(ctx, body)
		if err == nil {
			return nil
		}
		if err.permanent || attempt == maxAttempts || isClosed(stopping) {
			return fmt.Errorf("post after %d attempts: %w", attempt, err)
		}
		wait := time.NewTimer(max(backoff(attempt), err.retryAfter))
		select {
		case <-wait.C:
		case <-stopping:
			wait.Stop()
		}
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// backoff is a random wait after the n-th attempt, the first being 1. Full
// jitter: any length up to the bound is as likely (M. Brooker, Exponential
// Backoff And Jitter, AWS Architecture Blog, 2015).
func backoff(n int) time.Duration {
	return rand.N(firstBackoff << (n - 1)) //nolint:gosec // G404: nothing secret, only spread
}

// postError is an attempt that failed.
type postError struct {
	reason     string
	retryAfter time.Duration // at least so long to wait
	permanent  bool          // another attempt would fail likewise
}

func (e *postError) Error() string { return e.reason }

// post makes one attempt; nil means that the webhook accepted the body.
func (w *webhook) post(ctx context.Context, body []byte) *postError {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.address, bytes.NewReader(body))
	if err != nil {
		return &postError{reason: badAddress, permanent: true}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "fairlead")
	resp, err := w.client.Do(req)
	if err != nil {
		return &postError{reason: cause(err)}
	}
	defer resp.Body.Close()
	// Read so that the other side can finish; what it says does not matter, and
	// neither does an answer that breaks off after its status.
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswerBytes)
	return judgeAnswer(resp, time.Now())
}

// judgeAnswer says whether the answer accepts, and whether to try again.
func judgeAnswer(resp *http.Response, now time.Time) *postError {
	status := resp.StatusCode
	if status >= 200 && status <= 299 {
		return nil
	}
	failed := &postError{reason: "answered with status " + strconv.Itoa(status)}
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		failed.retryAfter = retryAfter(resp.Header.Get("Retry-After"), now)
	case status == http.StatusRequestTimeout, status >= 500:
	default:
		failed.permanent = true
	}
	return failed
}

// retryAfter reads the header of that name, seconds or a date; 0 if it says
// nothing useful.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(min(max(seconds, 0), int(maxRetryAfter/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}

// cause tells in fixed words why there was no answer.
func cause(err error) string {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // it would hide from what it wraps whether that is a timeout
	}
	if failed, ok := errors.AsType[net.Error](err); ok && failed.Timeout() {
		return "no answer in time"
	}
	if errors.Is(err, context.Canceled) {
		return "the service ended before the answer"
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "the host's name cannot be resolved"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "the host's certificate is not accepted"
	}
	if failed, ok := errors.AsType[*net.OpError](err); ok && failed.Op == "dial" {
		return "the host cannot be connected to"
	}
	return "the connection failed"
}
