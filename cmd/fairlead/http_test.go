package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The flags of the command http:
//
//	-k KEY       sends X-API-Key: KEY
//	-H NAME:VALUE adds a header; an empty value takes the default one away
//	-d BODY      sends the body, or with @FILE a file's bytes, as JSON unless a
//	             header says otherwise
//	-F NAME=TEXT sends a form with that field, or with @FILE that file; it may be
//	             there several times
//	-chunked     sends it without a declared length
//	-stall       does not come to the body's end until the request is abandoned
//	-pad N       puts N letters in place of the word PADDING, wherever it is
//	-o FILE      writes the answer's body to a file too
//	-n N         sends the request N times, one after the other, and shows the last
//	             answer; with -bg all at once, under the names NAME1 to NAMEN
//	-await RE    sends it again until the whole answer matches: the status line,
//	             the headers, an empty line, the body
//	-ca FILE     trusts that certificate
//	-bg NAME     goes on in the background, under that name
//	-until RE    with -bg: goes on only when the body so far matches, and shows it
type request struct {
	method, url string
	header      http.Header
	body        []byte
	hasBody     bool
	form        *form
	chunked     bool
	stall       bool
	pad         int
	out         string
	times       int
	await       *regexp.Regexp
	ca          string
	background  string
	until       *regexp.Regexp
}

// awaitPause is the time between two tries of -await. It keeps a story well
// below the burst guard's limit.
const awaitPause = 50 * time.Millisecond

// client sends a story's requests.
type client struct {
	transport *http.Transport
	ctx       context.Context //nolint:containedctx // the story's own, which ends with it
	cancel    context.CancelFunc
	sent      map[string]*exchange
}

func newClient() *client {
	ctx, cancel := context.WithCancel(context.Background())
	return &client{
		transport: &http.Transport{DisableCompression: true, ForceAttemptHTTP2: true},
		ctx:       ctx, cancel: cancel, sent: make(map[string]*exchange),
	}
}

func (c *client) close() {
	c.cancel()
	for _, x := range c.sent {
		<-x.done
	}
	c.transport.CloseIdleConnections()
}

// answer is what came back.
type answer struct {
	status int
	head   string // the status line and the headers
	body   []byte
}

func (a *answer) whole() string { return a.head + "\n" + string(a.body) }

// exchange is a request on its way.
type exchange struct {
	cancel context.CancelFunc
	more   chan struct{} // says that the body has grown
	done   chan struct{} // closed when the answer is there or failed

	mu     sync.Mutex
	answer answer
	err    error // of sending; a body that broke off is told in the head
}

func (c *client) send(r *request) (*exchange, error) {
	transport := c.transport
	if r.ca != "" {
		pem, err := os.ReadFile(r.ca)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		transport = transport.Clone()
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	ctx, cancel := context.WithCancel(c.ctx)
	var body io.Reader
	if r.hasBody {
		body = bytes.NewReader(r.body)
		if r.chunked {
			body = io.MultiReader(body)
		}
		if r.stall {
			body = io.MultiReader(body, &silence{ctx})
		}
	}
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, body)
	if err != nil {
		cancel()
		return nil, err
	}
	req.Header = r.header.Clone()
	x := &exchange{cancel: cancel, more: make(chan struct{}, 1), done: make(chan struct{})}
	go func() {
		defer close(x.done)
		defer cancel()
		x.run(transport, req)
		if r.ca != "" {
			transport.CloseIdleConnections()
		}
	}()
	return x, nil
}

func (x *exchange) run(transport *http.Transport, req *http.Request) {
	resp, err := transport.RoundTrip(req) // redirects are not followed
	x.mu.Lock()
	x.err = err
	if err == nil {
		x.answer = answer{status: resp.StatusCode, head: describeHead(resp)}
	}
	x.mu.Unlock()
	if err != nil {
		return
	}
	defer resp.Body.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := resp.Body.Read(buf)
		x.mu.Lock()
		x.answer.body = append(x.answer.body, buf[:n]...)
		if err != nil && !errors.Is(err, io.EOF) {
			x.answer.head += fmt.Sprintf("broken: %v\n", err)
		}
		x.mu.Unlock()
		select {
		case x.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func describeHead(resp *http.Response) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", resp.Proto, resp.Status)
	for _, name := range slices.Sorted(maps.Keys(resp.Header)) {
		for _, value := range resp.Header[name] {
			fmt.Fprintf(&b, "%s: %s\n", strings.ToLower(name), value)
		}
	}
	return b.String()
}

// snapshot is the answer as far as it has come.
func (x *exchange) snapshot() (answer, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	a := x.answer
	a.body = slices.Clone(a.body)
	return a, x.err
}

// wait waits for the end, or until the body matches.
func (x *exchange) wait(ts *testscript.TestScript, until *regexp.Regexp) answer {
	deadline := time.After(patience)
	for ended := false; ; {
		a, err := x.snapshot()
		if ended && err != nil {
			ts.Fatalf("no answer: %v", err)
		}
		if until != nil && until.Match(a.body) || until == nil && ended {
			return a
		}
		if ended {
			ts.Fatalf("the answer ended before it matched %q:\n%s", until, a.whole())
		}
		select {
		case <-x.more:
		case <-x.done:
			ended = true
		case <-deadline:
			ts.Fatalf("the answer took longer than %v; so far:\n%s", patience, a.whole())
		}
	}
}

func cmdHTTP(ts *testscript.TestScript, args []string) {
	s := storyOf(ts)
	r := parseRequest(ts, args)
	if r.background != "" {
		s.sendBehind(ts, r)
		return
	}
	a := s.sendAll(ts, r)
	if r.out != "" {
		ts.Check(os.WriteFile(ts.MkAbs(r.out), a.body, 0o600))
	}
	s.show(ts, a)
}

// sendBehind sends a request in the background, or several.
func (s *story) sendBehind(ts *testscript.TestScript, r *request) {
	for n := range r.times {
		name := r.background
		if r.times > 1 {
			name += strconv.Itoa(n + 1)
		}
		if _, taken := s.client.sent[name]; taken {
			ts.Fatalf("there is a request called %s already", name)
		}
		x, err := s.client.send(r)
		ts.Check(err)
		s.client.sent[name] = x
		if r.until != nil {
			s.show(ts, x.wait(ts, r.until))
		}
	}
}

// sendAll sends a request as often as its flags say.
func (s *story) sendAll(ts *testscript.TestScript, r *request) answer {
	deadline := time.Now().Add(patience)
	for n := 1; ; n++ {
		x, err := s.client.send(r)
		ts.Check(err)
		a := x.wait(ts, nil)
		switch {
		case r.await == nil && n >= r.times:
			return a
		case r.await != nil && r.await.MatchString(a.whole()):
			return a
		case r.await != nil && time.Now().After(deadline):
			ts.Fatalf("no answer matched %q within %v; the last:\n%s", r.await, patience, a.whole())
		case r.await != nil:
			<-time.After(awaitPause)
		}
	}
}

// show makes an answer the last one.
func (s *story) show(ts *testscript.TestScript, a answer) {
	s.last, s.document = &a, a.body
	_, _ = ts.Stdout().Write(a.body)
	fmt.Fprint(ts.Stderr(), a.head)
}

func parseRequest(ts *testscript.TestScript, args []string) *request {
	r := &request{header: make(http.Header), times: 1}
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		if args[0] == "-chunked" || args[0] == "-stall" {
			r.chunked, r.stall = r.chunked || args[0] == "-chunked", r.stall || args[0] == "-stall"
			args = args[1:]
			continue
		}
		if len(args) < 2 {
			ts.Fatalf("the flag %s needs a value", args[0])
		}
		r.flag(ts, args[0], args[1])
		args = args[2:]
	}
	need(ts, "http [FLAG…] METHOD URL", args, 2, 2)
	r.method, r.url = args[0], args[1]
	if r.form != nil {
		r.hasBody, r.body = true, r.form.end(ts, r.header)
	}
	if r.hasBody && r.header["Content-Type"] == nil {
		r.header.Set("Content-Type", "application/json")
	}
	for name, values := range r.header {
		if len(values) == 1 && values[0] == "" {
			delete(r.header, name)
		}
	}
	storyOf(ts).noteCanaries(r)
	r.padOut()
	return r
}

func (r *request) flag(ts *testscript.TestScript, name, value string) {
	var err error
	switch name {
	case "-k":
		r.header.Set("X-API-Key", value)
	case "-H":
		header, text, ok := strings.Cut(value, ":")
		if !ok {
			ts.Fatalf("a header is NAME: VALUE, not %q", value)
		}
		r.header.Add(header, strings.TrimSpace(text))
	case "-d":
		r.hasBody, r.body = true, []byte(value)
		if file, ok := strings.CutPrefix(value, "@"); ok {
			r.body = []byte(ts.ReadFile(file))
		}
	case "-F":
		if r.form == nil {
			r.form = newForm()
		}
		r.form.add(ts, value)
	case "-pad":
		r.pad, err = strconv.Atoi(value)
	case "-o":
		r.out = value
	case "-n":
		r.times, err = strconv.Atoi(value)
	case "-await":
		r.await, err = regexp.Compile("(?m)" + value)
	case "-ca":
		r.ca = ts.MkAbs(value)
	case "-bg":
		r.background = value
	case "-until":
		r.until, err = regexp.Compile("(?m)" + value)
	default:
		ts.Fatalf("http has no flag %s", name)
	}
	ts.Check(err)
}

// padOut puts the letters in place of PADDING.
func (r *request) padOut() {
	letters := strings.Repeat("x", r.pad)
	r.url = strings.ReplaceAll(r.url, "PADDING", letters)
	r.body = bytes.ReplaceAll(r.body, []byte("PADDING"), []byte(letters))
	for _, values := range r.header {
		for i := range values {
			values[i] = strings.ReplaceAll(values[i], "PADDING", letters)
		}
	}
}

// sentAs returns the request in the background that is called name.
func sentAs(ts *testscript.TestScript, name string) *exchange {
	x := storyOf(ts).client.sent[name]
	if x == nil {
		ts.Fatalf("no request is called %s", name)
	}
	return x
}

func cmdFinish(ts *testscript.TestScript, args []string) {
	x := sentAs(ts, need(ts, "finish NAME", args, 1, 1)[0])
	storyOf(ts).show(ts, x.wait(ts, nil))
}

func cmdAbandon(ts *testscript.TestScript, args []string) {
	x := sentAs(ts, need(ts, "abandon NAME", args, 1, 1)[0])
	x.cancel()
	<-x.done
}

func cmdStatus(ts *testscript.TestScript, args []string) {
	want := need(ts, "status CODE", args, 1, 1)[0]
	a := storyOf(ts).last
	if a == nil {
		ts.Fatalf("there is no answer yet")
	}
	if got := strconv.Itoa(a.status); got != want {
		ts.Fatalf("status %s, want %s:\n%s", got, want, a.whole())
	}
}
