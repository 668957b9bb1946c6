package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api/budget"
)

const (
	goodKey  = "a-good-key"
	adminKey = "the-admin-token"
)

type keys struct{}

func (keys) Authenticate(key string) (*fairlead.App, error) {
	if key != goodKey {
		return nil, &fairlead.Error{Kind: fairlead.Unauthenticated, Code: "invalid_api_key", Message: "Invalid API key"}
	}
	return &fairlead.App{ID: "crm"}, nil
}

func (keys) IsAdmin(key string) bool { return key == adminKey }

// face is a face made of routes.
type face struct {
	name   string
	routes []Route
}

func (f face) Name() string    { return f.name }
func (f face) Routes() []Route { return f.routes }

func (f face) Prefix() string {
	if f.name == "openai" {
		return "/v1/"
	}
	return "/"
}

func (f face) ErrorBody(e *fairlead.Error, requestID string) []byte {
	body, _ := json.Marshal([]string{f.name, e.Code, requestID})
	return body
}

// setting is a router with what the test looks at.
type setting struct {
	*Router
	bodies  *budget.Budget
	refused []string
	log     bytes.Buffer
}

func newSetting(t *testing.T, routes ...Route) *setting {
	t.Helper()
	s := &setting{bodies: budget.New(8<<20, 100_000)}
	var err error
	s.Router, err = New(Config{
		Faces: []Face{face{"native", routes}, face{"openai", []Route{
			{http.MethodGet, "/v1/models/{id...}", AppKey, func(x *Exchange) error { return x.Write("text/plain", []byte(x.R.PathValue("id"))) }},
		}}},
		Keys: keys{}, MaxBody: 100_000, Bodies: s.bodies, Logger: slog.New(slog.NewTextHandler(&s.log, nil)), BusyWait: func() time.Duration { return 3 * time.Second },
		SlowReaderGrace: 10 * time.Second, Refused: func(route, reason string) { s.refused = append(s.refused, route+" "+reason) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *setting) do(method, target string, body io.Reader, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), method, target, body)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func echo(x *Exchange) error {
	body, err := x.ReadJSON(x.Context())
	if err != nil {
		return err
	}
	return x.Write("text/plain", body)
}

func TestNoPolicyNoStart(t *testing.T) {
	_, err := New(Config{Faces: []Face{face{"native", []Route{{Method: http.MethodGet, Path: "/open", Handle: echo}}}}})
	if err == nil || !strings.Contains(err.Error(), "GET /open") || !strings.Contains(err.Error(), "policy") {
		t.Errorf("error %v, want one that names the route without a policy", err)
	}
	twice := Route{Method: http.MethodGet, Path: "/twice", Policy: Public, Handle: echo}
	if _, err := New(Config{Faces: []Face{face{"native", []Route{twice, twice}}}}); err == nil {
		t.Error("a route declared twice was accepted")
	}
}

func TestWhoIsCalling(t *testing.T) {
	s := newSetting(t, Route{http.MethodGet, "/app", AppKey, func(x *Exchange) error {
		return x.Write("text/plain", []byte(x.App.ID))
	}})
	for _, c := range []struct {
		header []string
		status int
		code   string
	}{
		{[]string{"X-API-Key", goodKey}, 200, ""},
		{[]string{"x-api-key", goodKey}, 200, ""},
		{[]string{"Api-Key", goodKey}, 200, ""},
		{[]string{"Authorization", "Bearer " + goodKey}, 200, ""},
		{[]string{"Authorization", "bearer  " + goodKey + " "}, 200, ""},
		{[]string{"Authorization", "Bearer " + goodKey, "X-API-Key", goodKey}, 200, ""},
		{[]string{"Authorization", "Bearer another", "X-API-Key", goodKey}, 400, "conflicting_api_keys"},
		{[]string{"X-API-Key", goodKey, "X-API-Key", "another"}, 400, "conflicting_api_keys"},
		{[]string{"X-API-Key", "another", "Api-Key", goodKey}, 400, "conflicting_api_keys"},
		{[]string{"Authorization", "Basic " + goodKey}, 401, "missing_api_key"},
		{[]string{"Authorization", goodKey}, 401, "missing_api_key"},
		{[]string{"Authorization", "Bearer "}, 401, "missing_api_key"},
		{[]string{"X-API-Key", ""}, 401, "missing_api_key"},
		{nil, 401, "missing_api_key"},
		{[]string{"X-API-Key", "another"}, 401, "invalid_api_key"},
		{[]string{"X-API-Key", adminKey}, 401, "invalid_api_key"},
	} {
		w := s.do(http.MethodGet, "/app?key="+goodKey, nil, c.header...)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.code) {
			t.Errorf("%v: %d %s, want %d %s", c.header, w.Code, w.Body, c.status, c.code)
		}
		if (w.Code == http.StatusUnauthorized) != (w.Header().Get("Www-Authenticate") != "") {
			t.Errorf("%v: status %d with Www-Authenticate %q", c.header, w.Code, w.Header().Get("Www-Authenticate"))
		}
		if w.Header().Get("X-Request-Id") == "" {
			t.Errorf("%v: no request id", c.header)
		}
	}
}

// TestNoWayAround: whatever the Host and however the path is spelled, a route
// that needs a key does not answer without one.
func TestNoWayAround(t *testing.T) {
	s := newSetting(t,
		Route{http.MethodGet, "/open", Public, func(x *Exchange) error { return x.Write("text/plain", []byte("open")) }},
		Route{http.MethodGet, "/app", AppKey, func(x *Exchange) error { return x.Write("text/plain", []byte("secret")) }},
	)
	for _, path := range []string{
		"/app", "/app/", "//app", "/./app", "/open/../app", "/open/..%2fapp", "/%61pp", "/app%00", "/APP", "/app;x", "/app?x=/open",
		"/open/%2e%2e/app", "///app", "/v1/models/../../app", "/v1/models/..%2f..%2fapp",
	} {
		for _, host := range []string{"", "localhost", "127.0.0.1", "open", "a/b", "[::1]"} {
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions, "FOO"} {
				r := httptest.NewRequestWithContext(t.Context(), method, "/x", nil)
				u, err := r.URL.Parse(path)
				if err != nil {
					continue
				}
				u.Path, _ = strings.CutPrefix(strings.ReplaceAll(path, "?x=/open", ""), "#")
				r.URL, r.RequestURI, r.Host = u, path, host
				r.Header.Set("X-Original-Url", "/open")
				r.Header.Set("X-Forwarded-Host", "open")
				w := httptest.NewRecorder()
				s.ServeHTTP(w, r)
				if w.Code == http.StatusOK || strings.Contains(w.Body.String(), "secret") {
					t.Errorf("%s %s with Host %q: %d %s", method, path, host, w.Code, w.Body)
				}
			}
		}
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	s := newSetting(t, Route{http.MethodPost, "/echo", AppKey, echo})
	for _, c := range []struct {
		method, path string
		status       int
		face, allow  string
	}{
		{http.MethodPost, "/nope", 404, "native", ""},
		{http.MethodPost, "/v1/nope", 404, "openai", ""},
		{http.MethodGet, "/echo", 405, "native", "POST"},
		{http.MethodPut, "/v1/models/x", 405, "openai", "GET, HEAD"},
		{http.MethodGet, "/", 404, "native", ""},
	} {
		w := s.do(c.method, c.path, nil, "X-API-Key", goodKey)
		if w.Code != c.status || w.Header().Get("Allow") != c.allow || !strings.Contains(w.Body.String(), c.face) {
			t.Errorf("%s %s: %d, Allow %q, %s", c.method, c.path, w.Code, w.Header().Get("Allow"), w.Body)
		}
	}
	if len(s.refused) != 5 {
		t.Errorf("refused: %q, want all five counted", s.refused)
	}
}

func TestWildcardTakesSlashes(t *testing.T) {
	s := newSetting(t)
	if w := s.do(http.MethodGet, "/v1/models/openai/gpt-4o:free", nil, "X-API-Key", goodKey); w.Body.String() != "openai/gpt-4o:free" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

func TestHeadLimits(t *testing.T) {
	s := newSetting(t)
	long := s.do(http.MethodGet, "/v1/models/"+strings.Repeat("x", 9000), nil, "X-API-Key", goodKey)
	if long.Code != http.StatusRequestURITooLong || !strings.Contains(long.Body.String(), `"openai","url_too_long"`) {
		t.Errorf("long URL: %d %s", long.Code, long.Body)
	}
	fat := s.do(http.MethodGet, "/v1/models/x", nil, "X-API-Key", goodKey, "X-Fat", strings.Repeat("x", 70_000))
	if fat.Code != http.StatusRequestHeaderFieldsTooLarge || !strings.Contains(fat.Body.String(), `"openai","headers_too_large"`) {
		t.Errorf("large headers: %d %s", fat.Code, fat.Body)
	}
}

func TestBodies(t *testing.T) {
	s := newSetting(t, Route{http.MethodPost, "/echo", Public, echo})
	unknown := func(n int) io.Reader { return io.MultiReader(strings.NewReader(strings.Repeat("x", n))) }
	for _, c := range []struct {
		name   string
		body   io.Reader
		header []string
		status int
	}{
		{"declared", strings.NewReader("{}"), []string{"Content-Type", "application/json"}, 200},
		{"with charset", strings.NewReader("{}"), []string{"Content-Type", "application/json; charset=utf-8"}, 200},
		{"no type", strings.NewReader("{}"), nil, 200},
		{"length not declared", unknown(50_000), nil, 200},
		{"at the limit", strings.NewReader(strings.Repeat("x", 100_000)), nil, 200},
		{"at the limit, not declared", unknown(100_000), nil, 200},
		{"over the limit", strings.NewReader(strings.Repeat("x", 100_001)), nil, 413},
		{"over the limit, not declared", unknown(100_001), nil, 413},
		{"form", strings.NewReader("{}"), []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		{"text, as fetch says", strings.NewReader("{}"), []string{"Content-Type", "text/plain;charset=UTF-8"}, 200},
		{"odd type", strings.NewReader("{}"), []string{"Content-Type", ";;"}, 415},
		{"gzip", strings.NewReader("{}"), []string{"Content-Encoding", "gzip"}, 415},
		{"broken", io.MultiReader(strings.NewReader("{"), broken{}), nil, 400},
	} {
		w := s.do(http.MethodPost, "/echo", c.body, c.header...)
		if w.Code != c.status {
			t.Errorf("%s: %d %s, want %d", c.name, w.Code, w.Body, c.status)
		}
		if used := s.bodies.Used(); used != 0 {
			t.Errorf("%s: %d bytes still reserved", c.name, used)
		}
	}
}

// broken is a body whose client is gone.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("reset") }

// TestACallsMemoryIsTheBudget: what is held for a call on its way is given back by
// whoever took it, or at the end.
func TestACallsMemoryIsTheBudget(t *testing.T) {
	b := budget.New(100_000, 90_000)
	used := make([]int64, 0, 3)
	rt, err := New(Config{
		Faces: []Face{face{"native", []Route{{http.MethodPost, "/hold", Public, func(x *Exchange) error {
			memory := x.Call().Memory
			for _, n := range []int64{60_000, 30_000} {
				if err := memory.Reserve(n); err != nil {
					return err
				}
				used = append(used, b.Used())
			}
			memory.Return(60_000)
			used = append(used, b.Used())
			return memory.Reserve(60_001)
		}}}}},
		Bodies: b, BusyWait: func() time.Duration { return 7 * time.Second }, Refused: func(string, string) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	w := (&setting{Router: rt}).do(http.MethodPost, "/hold", nil)
	if want := []int64{60_000, 90_000, 30_000}; w.Code != http.StatusServiceUnavailable || !slices.Equal(used, want) || b.Used() != 0 {
		t.Errorf("status %d, used %v, want %v; %d bytes at the end", w.Code, used, want, b.Used())
	}
}

func TestBodiesInFlightAreBounded(t *testing.T) {
	b := budget.New(100_000, 90_000)
	inside, leave := make(chan struct{}), make(chan struct{})
	rt, err := New(Config{
		Faces: []Face{face{"native", []Route{{http.MethodPost, "/hold", Public, func(x *Exchange) error {
			if _, err := x.ReadJSON(x.Context()); err != nil {
				return err
			}
			inside <- struct{}{}
			<-leave
			return x.Write("text/plain", nil)
		}}}}},
		MaxBody: 90_000, Bodies: b, BusyWait: func() time.Duration { return 7 * time.Second }, Refused: func(string, string) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &setting{Router: rt}
	done := make(chan int)
	go func() { done <- s.do(http.MethodPost, "/hold", strings.NewReader(strings.Repeat("x", 80_000))).Code }()
	<-inside
	w := s.do(http.MethodPost, "/hold", strings.NewReader(strings.Repeat("x", 30_000)))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "7" || !strings.Contains(w.Body.String(), "memory_pressure") {
		t.Errorf("a body that does not fit: %d %v %s", w.Code, w.Header(), w.Body)
	}
	go func() { done <- s.do(http.MethodPost, "/hold", strings.NewReader("{}")).Code }()
	<-inside // a small one still fits
	close(leave)
	for range 2 {
		if code := <-done; code != http.StatusOK {
			t.Errorf("status %d", code)
		}
	}
	if b.Used() != 0 {
		t.Errorf("%d bytes still reserved", b.Used())
	}
}

func TestPanicIsA500(t *testing.T) {
	s := newSetting(t, Route{http.MethodGet, "/panic", Public, func(x *Exchange) error {
		if x.R.URL.RawQuery != "" {
			_ = x.Write("text/plain", []byte("half"))
		}
		panic("a secret")
	}})
	w := s.do(http.MethodGet, "/panic", nil)
	if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "internal_error") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if log := s.log.String(); !strings.Contains(log, w.Header().Get("X-Request-Id")) || strings.Contains(log, "a secret") {
		t.Errorf("log %s", log)
	}
	func() {
		defer func() {
			if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // a panic's value, not an error that was returned
				t.Errorf("panic %v, want the one that aborts the connection", p)
			}
		}()
		s.do(http.MethodGet, "/panic?begun", nil)
	}()
}

// clocked is a ResponseWriter that remembers the deadlines it was given.
type clocked struct {
	*httptest.ResponseRecorder
	deadlines []time.Time
}

func (c *clocked) SetWriteDeadline(t time.Time) error {
	c.deadlines = append(c.deadlines, t)
	return nil
}

// TestWriteDeadlineIsTakenBack: HTTP/2 ends a stream at a deadline that was left
// behind, however long after the last write.
func TestWriteDeadlineIsTakenBack(t *testing.T) {
	s := newSetting(t, Route{http.MethodGet, "/answer", Public, func(x *Exchange) error {
		call := &fairlead.Call{App: &fairlead.App{}}
		return x.Answer(call, Shape{}, func(emit fairlead.Emit) error {
			for _, e := range []fairlead.Event{{Head: &fairlead.Head{Stream: true}}, {Data: []byte("a")}, {Data: []byte("b")}} {
				if err := emit(e); err != nil {
					return err
				}
				if n := len(x.W.(*clocked).deadlines); n > 0 && !x.W.(*clocked).deadlines[n-1].IsZero() { //nolint:forcetypeassert,errcheck // made below
					t.Error("a deadline is left behind after a write")
				}
			}
			return emit(fairlead.Event{End: &fairlead.End{}})
		})
	}})
	w := &clocked{ResponseRecorder: httptest.NewRecorder()}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/answer", nil)
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0
	s.ServeHTTP(w, r)
	set := slices.DeleteFunc(w.deadlines, time.Time.IsZero)
	if len(set) != 2 {
		t.Errorf("deadlines %v: each write must have one", w.deadlines)
	}
}

// TestWriteDeadlineIsSetWhenItMust: over HTTP/1 a deadline stays until a write
// needs a later one. Each write has its grace, and a sixteenth more at most.
func TestWriteDeadlineIsSetWhenItMust(t *testing.T) {
	const writes = 100
	synctest.Test(t, func(t *testing.T) {
		w := &clocked{ResponseRecorder: httptest.NewRecorder()}
		write := func(x *Exchange, emit fairlead.Emit) error {
			err := emit(fairlead.Event{Data: []byte("a")})
			left, grace := time.Until(w.deadlines[len(w.deadlines)-1]), x.config.SlowReaderGrace
			if left < grace || left > grace+grace/16 {
				t.Errorf("%v were left for a write, want %v", left, grace)
			}
			<-time.After(50 * time.Millisecond)
			return err
		}
		s := newSetting(t, Route{http.MethodGet, "/answer", Public, func(x *Exchange) error {
			return x.Answer(&fairlead.Call{App: &fairlead.App{}}, Shape{}, func(emit fairlead.Emit) error {
				err := emit(fairlead.Event{Head: &fairlead.Head{Stream: true}})
				for range writes {
					err = errors.Join(err, write(x, emit))
				}
				return errors.Join(err, emit(fairlead.Event{End: &fairlead.End{}}))
			})
		}})
		s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/answer", nil))
		if n := len(w.deadlines); n > writes/10+1 || w.Body.Len() != writes {
			t.Errorf("%d deadlines were set for %d writes in 5 s", n, w.Body.Len())
		}
		if last := w.deadlines[len(w.deadlines)-1]; last.Before(time.Now().Add(endGrace)) {
			t.Errorf("what the server writes at the end is bounded by %v", last)
		}
	})
}

// TestAnswers runs what a gateway may emit, and looks at what comes out.
func TestAnswers(t *testing.T) {
	head := func(stream bool) fairlead.Event {
		return fairlead.Event{Head: &fairlead.Head{ContentType: "text/x", Stream: stream, Header: map[string]string{"X-Kept": "1"}}}
	}
	data := func(s string) fairlead.Event { return fairlead.Event{Data: []byte(s)} }
	end := fairlead.Event{End: &fairlead.End{}}
	failure := &fairlead.Error{Kind: fairlead.Upstream, Code: "upstream_truncated"}
	long := strings.Repeat("x", gathered+1)
	for _, c := range []struct {
		name   string
		events []fairlead.Event
		err    error
		status int
		body   string // "" for an aborted connection
	}{
		{"whole", []fairlead.Event{head(false), data("ab"), data("c"), end}, nil, 200, "ABC"},
		{"fails before anything", nil, failure, 502, `["native","upstream_truncated"`},
		{"fails after the head", []fairlead.Event{head(false)}, failure, 502, `["native","upstream_truncated"`},
		{"fails inside a short body", []fairlead.Event{head(false), data("ab")}, failure, 502, `["native","upstream_truncated"`},
		{"stream", []fairlead.Event{head(true), data("ab"), data("c"), end}, nil, 200, "<ab><c>"},
		{"stream fails before its first frame", []fairlead.Event{head(true)}, failure, 502, `["native","upstream_truncated"`},
		{"stream fails after it", []fairlead.Event{head(true), data("ab")}, failure, 200, "<ab>!upstream_truncated"},
		{"long body", []fairlead.Event{head(false), data(long), end}, nil, 200, strings.ToUpper(long)},
	} {
		t.Run(c.name, func(t *testing.T) {
			shape := Shape{
				Frames:     func(dst, frames []byte) []byte { return fmt.Appendf(dst, "<%s>", frames) },
				Whole:      func(body []byte, _ *fairlead.Call) ([]byte, error) { return bytes.ToUpper(body), nil },
				ErrorFrame: func(e *fairlead.Error, _ string) []byte { return []byte("!" + e.Code) },
			}
			w := answered(t, shape, c.events, c.err)
			if w.Code != c.status || !strings.HasPrefix(w.Body.String(), c.body) {
				t.Errorf("%d %.100q, want %d %.100q", w.Code, w.Body, c.status, c.body)
			}
			if w.Code == http.StatusOK && (w.Header().Get("X-Kept") != "1" || w.Header().Get("Content-Type") != "text/x") {
				t.Errorf("headers %v", w.Header())
			}
		})
	}
}

func TestLongBodyThatBreaksIsAborted(t *testing.T) {
	defer func() {
		if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // a panic's value, not an error that was returned
			t.Errorf("panic %v, want the one that aborts the connection", p)
		}
	}()
	answered(t, Shape{}, []fairlead.Event{
		{Head: &fairlead.Head{}}, {Data: bytes.Repeat([]byte("x"), gathered+1)},
	}, &fairlead.Error{Kind: fairlead.Upstream})
	t.Error("the handler returned: the client would take the body for whole")
}

func answered(t *testing.T, shape Shape, events []fairlead.Event, err error) *httptest.ResponseRecorder {
	t.Helper()
	s := newSetting(t, Route{http.MethodGet, "/answer", Public, func(x *Exchange) error {
		x.App = &fairlead.App{}
		return x.Answer(x.Call(), shape, func(emit fairlead.Emit) error {
			for _, e := range events {
				if err := emit(e); err != nil {
					return err
				}
			}
			return err
		})
	}})
	return s.do(http.MethodGet, "/answer", nil)
}
