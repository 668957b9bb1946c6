package providertest

import (
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Key is the key that the model under test must send to its upstream.
const Key = "sk-canary-51d4c7a2e9"

// keyPiece is the part of the key that Denies repeats, as real providers do.
const keyPiece = "c7a2e9"

// Behaviour is what an upstream of the suite does with every request.
type Behaviour string

// The behaviours. Only Answers is without fault.
const (
	Answers          Behaviour = "answers"
	RateLimits       Behaviour = "rate limits"   // 429 with Retry-After: 7
	Unavailable      Behaviour = "unavailable"   // 503 without Retry-After
	Fails            Behaviour = "fails"         // 500
	Denies           Behaviour = "denies"        // 401 that repeats a piece of the key
	Rejects          Behaviour = "rejects"       // 400 with a message for the caller
	TellsKey         Behaviour = "tells the key" // 400 with a piece of it in the message
	TellsKeyInError  Behaviour = "tells the key in an error"
	TellsKeyInHead   Behaviour = "tells the key in a head" // that cannot be read
	Switches         Behaviour = "switches protocols"      // 101, and holds the connection
	KnowsNot         Behaviour = "knows not"               // 404 with a message for the caller
	Redirects        Behaviour = "redirects"               // 307 to another origin
	AnswersHTML      Behaviour = "answers HTML"            // 200
	AnswersNothing   Behaviour = "answers nothing"         // 200 with an empty body
	AnswersPlainJSON Behaviour = "answers plain JSON to a stream"
	BreaksJSON       Behaviour = "breaks JSON"      // 200 with half an object, ending cleanly
	CutsOff          Behaviour = "cuts off"         // the connection, within the body
	HangsUp          Behaviour = "hangs up"         // before the head
	Unreachable      Behaviour = "unreachable"      // nobody listens
	NoEndMarker      Behaviour = "no end marker"    // of a stream
	NoFinish         Behaviour = "no finish reason" // a stream with its end marker only
	HalfFrame        Behaviour = "half a frame"     // a stream that ends cleanly within a frame
	ErrorEvent       Behaviour = "error event"      // within a stream that ends like a whole one
	MalformedEvent   Behaviour = "malformed event"  // likewise
	NeverAnswers     Behaviour = "never answers"
	Stalls           Behaviour = "stalls"     // after the first event of a stream
	NeverEnds        Behaviour = "never ends" // events as fast as they are read
)

// Upstream is what a model under test is to speak to.
type Upstream struct {
	Behaviour Behaviour
	// URL is the root of the upstream's API, such as http://127.0.0.1:4711/v1.
	URL string
	// Roots trust it; nil without TLS.
	Roots *x509.CertPool
}

// canned is a running upstream.
type canned struct {
	behaviour Behaviour
	speech    *speech
	url       string
	roots     *x509.CertPool
	server    *httptest.Server
	// elsewhere is where Redirects points to; strays counts who came.
	elsewhere *httptest.Server
	strays    atomic.Int64
	// gone gets the time at which a handler saw that its caller left.
	gone chan time.Time

	mu       sync.Mutex
	onArrive func()
}

func newCanned(behaviour Behaviour, says *speech, tls int) *canned {
	c := &canned{behaviour: behaviour, speech: says, gone: make(chan time.Time, 2*stopTries)}
	c.elsewhere = httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { c.strays.Add(1) }))
	c.server = httptest.NewUnstartedServer(http.HandlerFunc(c.serve))
	c.server.EnableHTTP2 = tls == http2
	c.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug) // handshakes that end early
	if tls == 0 {
		c.server.Start()
	} else {
		c.server.StartTLS()
		c.roots = x509.NewCertPool()
		c.roots.AddCert(c.server.Certificate())
	}
	c.url = c.server.URL + "/v1"
	if behaviour == Unreachable {
		c.server.Close()
	}
	return c
}

func (c *canned) close() {
	c.server.CloseClientConnections()
	c.server.Close()
	c.elsewhere.Close()
}

// onRequest has f called when a request was read; the returned function ends
// that.
func (c *canned) onRequest(f func()) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onArrive = f
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.onArrive = nil
	}
}

// nextGone waits for the next caller that left.
func (c *canned) nextGone() (time.Time, bool) {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case at := <-c.gone:
		return at, true
	case <-timeout.C:
		return time.Time{}, false
	}
}

func (c *canned) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		return
	}
	if r.Header.Get(c.speech.keyHeader) != c.speech.key {
		c.answerError(w, http.StatusUnauthorized, "no key came")
		return
	}
	c.mu.Lock()
	arrive := c.onArrive
	c.mu.Unlock()
	if arrive != nil {
		arrive()
	}
	if c.refuse(w, r) {
		return
	}
	switch {
	case strings.HasSuffix(r.URL.Path, c.speech.otherPath):
		c.answer(w, c.speech.answer)
	case strings.Contains(string(body), `"stream":true`) && c.behaviour != AnswersPlainJSON:
		frames := slices.Concat([]string{c.speech.second}, c.speech.last)
		if c.speech.usage != "" && strings.Contains(string(body), `"include_usage":true`) {
			frames = slices.Insert(frames, len(frames)-1, c.speech.usage)
		}
		c.stream(w, r, frames)
	default:
		c.answer(w, c.speech.chat)
	}
}

// refuse answers for the behaviours that are the same for every request.
func (c *canned) refuse(w http.ResponseWriter, r *http.Request) bool {
	refusals := map[Behaviour]func(){
		RateLimits: func() {
			w.Header().Set("Retry-After", "7")
			c.answerError(w, http.StatusTooManyRequests, "slow down")
		},
		Unavailable: func() { c.answerError(w, http.StatusServiceUnavailable, "overloaded") },
		Fails:       func() { c.answerError(w, http.StatusInternalServerError, "oops") },
		Denies:      func() { c.answerError(w, http.StatusUnauthorized, "Incorrect API key provided: sk-***"+keyPiece) },
		Rejects:     func() { c.answerError(w, http.StatusBadRequest, "temperature is too high") },
		KnowsNot:    func() { c.answerError(w, http.StatusNotFound, "no such model") },
		Redirects: func() {
			http.Redirect(w, r, c.elsewhere.URL+r.URL.Path, http.StatusTemporaryRedirect)
		},
		AnswersHTML: func() {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html><body>Welcome to nginx!</body></html>")
		},
		AnswersNothing: func() { w.Header().Set("Content-Type", "application/json") },
		TellsKey:       func() { c.answerError(w, http.StatusBadRequest, "Incorrect API key provided: "+Key[:12]+"***") },
		TellsKeyInHead: func() { hijack(w, "HTTP/1.1 200 OK\r\n"+Key+" "+Key+"\r\n\r\n") },
		Switches: func() {
			hijack(w, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
		},
		HangsUp: func() { panic(http.ErrAbortHandler) },
		NeverAnswers: func() {
			<-r.Context().Done()
			c.sawGone()
		},
	}
	refuse, ok := refusals[c.behaviour]
	if ok {
		refuse()
	}
	return ok
}

func (c *canned) sawGone() {
	select {
	case c.gone <- time.Now():
	default:
	}
}

// hijack writes head and holds the connection until the other end closes it.
func hijack(w http.ResponseWriter, head string) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, head); err != nil || conn.SetReadDeadline(time.Now().Add(patience)) != nil {
		return
	}
	_, _ = io.Copy(io.Discard, conn)
}

func (c *canned) answerError(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, c.speech.errorBody(message))
}

// answer writes a whole answer, or as much of it as the behaviour lets.
func (c *canned) answer(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json")
	if c.behaviour == TellsKeyInError {
		body = c.speech.errorBody(keyError)
	}
	if c.behaviour == BreaksJSON {
		body = body[:len(body)/2]
	}
	if c.behaviour == CutsOff {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = io.WriteString(w, body[:len(body)/2])
		flush(w)
		panic(http.ErrAbortHandler)
	}
	_, _ = io.WriteString(w, body)
}

// keyError is what an upstream says that tells the key.
const keyError = "no quota for " + Key

// stream writes an event stream, with what the behaviour does to it after its
// first event. frames are those of a whole one, after the first.
func (c *canned) stream(w http.ResponseWriter, r *http.Request, frames []string) {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	send := func(frame string) bool {
		_, err := io.WriteString(w, frame)
		flush(w)
		return err == nil
	}
	says := c.speech
	send(says.first)
	breaks := map[Behaviour]func() []string{
		CutsOff:     func() []string { panic(http.ErrAbortHandler) },
		NoEndMarker: func() []string { return frames[:len(frames)-1] },
		NoFinish:    func() []string { return []string{says.second, says.unfinished} },
		ErrorEvent: func() []string {
			return append([]string{says.frame(says.errorBody("the model fell over"))}, frames...)
		},
		MalformedEvent: func() []string {
			// As many good ones follow as make it look like a whole stream.
			return slices.Concat([]string{says.broken}, slices.Repeat([]string{says.second}, 9), frames)
		},
		HalfFrame: func() []string { return []string{says.half} },
		TellsKeyInError: func() []string {
			return append([]string{says.frame(says.errorBody(keyError))}, frames...)
		},
		Stalls: func() []string {
			<-r.Context().Done()
			c.sawGone()
			return nil
		},
		NeverEnds: func() []string {
			for r.Context().Err() == nil && send(says.second) {
			}
			c.sawGone()
			return nil
		},
	}
	if breakIt, ok := breaks[c.behaviour]; ok {
		frames = breakIt()
	}
	for _, frame := range frames {
		send(frame)
	}
}

func flush(w http.ResponseWriter) {
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}
