package documents_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// keyA and keyB are of two apps.
	keyA = "a-test-key-of-the-first-app-0001"
	keyB = "a-test-key-of-another-app-000002"
	// patience is how long anything may take; it is used up by a test that fails.
	patience = 2 * time.Minute
	// pause is the time between two looks at what is awaited.
	pause = 20 * time.Millisecond
	// binary is where the program is named.
	binary = "FAIRLEAD_BIN"
)

func proof() bool { return os.Getenv("FAIRLEAD_PROOF") != "" }

// TestMain builds the program, unless one is named.
func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	if err := flag.Set("test.parallel", "6"); err != nil { // they mostly wait
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if os.Getenv(binary) != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "fairlead-documents-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "fairlead")
	build := exec.Command("go", "build", "-o", program, "./cmd/fairlead")
	build.Dir, build.Stderr = "../..", os.Stderr
	if err := errors.Join(build.Run(), os.Setenv(binary, program)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// service is a running Fairlead, which can be killed and started again.
type service struct {
	dir, url string
	client   *http.Client
	cmd      *exec.Cmd
	exited   chan struct{}
	log      *gathered // of all its runs
}

// gathered is what a process writes.
type gathered struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds to it.
func (g *gathered) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.Write(p)
}

func (g *gathered) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.String()
}

// newService starts a service in a directory of its own, with more YAML behind the usual.
func newService(t *testing.T, more string) *service {
	t.Helper()
	return newServiceAt(t, filepath.Join(t.TempDir(), "data"), more)
}

// newServiceAt does the same with a data directory.
func newServiceAt(t *testing.T, data, more string) *service {
	t.Helper()
	s := &service{
		dir: data, log: &gathered{},
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16, DisableCompression: true}, Timeout: patience},
	}
	config := "limits: {max_concurrent_requests: 0, rate_limit_per_minute: 0, burst: {requests_per_second: 0}}\n" +
		"apps:\n  - {name: first, keys: [" + keyA + "]}\n  - {name: other, keys: [" + keyB + "]}\n" + more
	if err := os.WriteFile(s.config(), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.stop(t)
		s.client.CloseIdleConnections()
		log := s.log.String()
		if strings.Contains(log, "panic") || strings.Contains(log, "DATA RACE") {
			t.Errorf("the service panicked or raced")
		}
		if t.Failed() {
			t.Logf("the log ends with\n%s", log[max(0, len(log)-3000):])
		}
	})
	s.start(t)
	return s
}

func (s *service) config() string { return s.dir + ".yaml" }

// start starts the service and waits until it listens.
func (s *service) start(t *testing.T) {
	t.Helper()
	s.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), os.Getenv(binary),
		"serve", "--config", s.config(), "--data-dir", s.dir, "--listen", "127.0.0.1:0")
	out := &gathered{}
	s.cmd.Stdout, s.cmd.Stderr = out, s.log
	s.cmd.Env = append(os.Environ(), "WORKER_THREADS=2")
	s.exited = make(chan struct{})
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.exited)
		_ = s.cmd.Wait() // how it ended is not of interest here
	}()
	listening := regexp.MustCompile(`(?m)^listening on (\S+)$`)
	await(t, "the service to listen", func() bool {
		select {
		case <-s.exited:
			t.Fatalf("the service ended: %s", s.log)
		default:
		}
		found := listening.FindStringSubmatch(out.String())
		if found != nil {
			s.url = found[1]
		}
		return found != nil
	})
}

// stop ends the service in good order.
func (s *service) stop(t *testing.T) {
	t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-s.exited:
	case <-time.After(patience):
		t.Errorf("the service does not stop")
		s.kill()
	}
}

// kill ends it as a loss of power would, but for the disk.
func (s *service) kill() {
	_ = s.cmd.Process.Kill()
	<-s.exited
	s.client.CloseIdleConnections()
}

// memory is the service's resident memory in bytes, without its children's; what says
// which: VmRSS or VmHWM, the most that it was. It leaves a test out where that is not told.
func (s *service) memory(t *testing.T, what string) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		t.Skip("left out: there is no /proc")
	}
	found := regexp.MustCompile(what + `:\s+(\d+) kB`).FindSubmatch(text)
	if found == nil {
		t.Fatalf("no %s in %s", what, text)
	}
	kib, err := strconv.ParseInt(string(found[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// await waits until done reports true.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for began := time.Now(); !done(); <-time.After(pause) {
		if time.Since(began) > patience {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a *answer) String() string { return fmt.Sprintf("%d %s", a.status, a.body) }

// request is what is sent. An empty kind is JSON, if there is a body.
type request struct {
	method, path, key, kind string
	body                    io.Reader
}

// try sends a request; an error says that there was no whole answer.
func (s *service) try(ctx context.Context, r request) (*answer, error) {
	if r.body == nil {
		r.body = http.NoBody
	}
	req, err := http.NewRequestWithContext(ctx, r.method, s.url+r.path, r.body)
	if err != nil {
		return nil, err
	}
	req.GetBody = nil // nothing is tried again
	req.Header.Set("X-Api-Key", r.key)
	switch {
	case r.kind != "":
		req.Header.Set("Content-Type", r.kind)
	case r.body != http.NoBody:
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	return &answer{resp.StatusCode, resp.Header, body}, errors.Join(err, resp.Body.Close())
}

// ask sends a request, which must be answered; body is JSON, or "".
func (s *service) ask(t *testing.T, key, method, path, body string) *answer {
	t.Helper()
	r := request{method: method, path: path, key: key}
	if body != "" {
		r.body = strings.NewReader(body)
	}
	a, err := s.try(t.Context(), r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// want sends a request, such as "GET /info", that must be answered with 200, and reads the
// answer into v.
func (s *service) want(t *testing.T, key, endpoint, body string, v any) {
	t.Helper()
	method, path, _ := strings.Cut(endpoint, " ")
	a := s.ask(t, key, method, path, body)
	if a.status != http.StatusOK {
		t.Fatalf("%s %s: %v", endpoint, body, a)
	}
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("%s: %v in %s", endpoint, err, a.body)
	}
}

// document is one as the service tells of it.
type document struct {
	ID     string `json:"document_id"`
	Name   string `json:"name"`
	Status string `json:"status"`
	Code   string `json:"code"`
	Reason string `json:"reason"`
	Pages  int    `json:"pages"`
	Chunks int    `json:"chunks"`
	Text   int64  `json:"text_bytes"`
}

// ended reports whether it does not change any more.
func (d *document) ended() bool {
	return d.Status != "queued" && d.Status != "extracting" && d.Status != "indexing"
}

// form is a file as the body of an upload, and its content type. Fields are beside it.
func form(name string, data []byte, fields map[string]string) (body *bytes.Buffer, kind string) {
	body = new(bytes.Buffer)
	w := multipart.NewWriter(body)
	for field, text := range fields {
		_ = w.WriteField(field, text) // a buffer takes all
	}
	part, _ := w.CreateFormFile("file", name)
	_, _ = part.Write(data)
	_ = w.Close()
	return body, w.FormDataContentType()
}

// send uploads a file.
func (s *service) send(ctx context.Context, key, path, name string, data []byte) (*answer, error) {
	var fields map[string]string
	if strings.HasPrefix(path, "/v1/") {
		fields = map[string]string{"purpose": "user_data"}
	}
	body, kind := form(name, data, fields)
	return s.try(ctx, request{http.MethodPost, path, key, kind, body})
}

// upload uploads a file that must be taken, and waits for its end.
func (s *service) upload(t *testing.T, key, name string, data []byte) *document {
	t.Helper()
	a, err := s.send(t.Context(), key, "/documents/upload?wait=100", name, data)
	if err != nil {
		t.Fatal(err)
	}
	if a.status != http.StatusCreated && a.status != http.StatusOK {
		t.Fatalf("upload %s: %v", name, a)
	}
	d := &document{}
	if err := json.Unmarshal(a.body, d); err != nil {
		t.Fatal(err)
	}
	if !d.ended() {
		t.Fatalf("%s did not come to an end: %s", name, a.body)
	}
	return d
}

// ready uploads a file that must become ready.
func (s *service) ready(t *testing.T, key, name string, data []byte) *document {
	t.Helper()
	d := s.upload(t, key, name, data)
	if d.Status != "ready" || d.Chunks == 0 || d.Text == 0 || d.Pages == 0 {
		t.Fatalf("%s ended as %+v, want ready", name, d)
	}
	return d
}

// passage is what a search found.
type passage struct {
	Document string `json:"document_id"`
	Page     int    `json:"page"`
	Start    int64  `json:"start"`
	End      int64  `json:"end"`
	Text     string `json:"text"`
}

// search searches the first app's documents.
func (s *service) search(t *testing.T, query string) []passage {
	t.Helper()
	var found struct {
		Results []passage `json:"results"`
	}
	s.want(t, keyA, "POST /documents/search", fmt.Sprintf(`{"query": %q, "limit": 50}`, query), &found)
	return found.Results
}

// content is a document's text.
func (s *service) content(t *testing.T, key, id string) string {
	t.Helper()
	a := s.ask(t, key, http.MethodGet, "/documents/"+id+"/content", "")
	if a.status != http.StatusOK {
		t.Fatalf("content of %s: %v", id, a)
	}
	return string(a.body)
}

// list is all documents of the first app.
func (s *service) list(t *testing.T) map[string]*document {
	t.Helper()
	all := make(map[string]*document)
	for after := ""; ; {
		var page struct {
			Documents []*document `json:"documents"`
			More      bool        `json:"has_more"`
			Last      string      `json:"last_id"`
		}
		s.want(t, keyA, "GET /documents?limit=100&after="+after, "", &page)
		for _, d := range page.Documents {
			if all[d.ID] != nil {
				t.Errorf("%s is listed twice", d.ID)
			}
			all[d.ID] = d
		}
		if after = page.Last; !page.More {
			return all
		}
	}
}

// chat asks the offline provider, which must answer.
func (s *service) chat(t *testing.T) {
	t.Helper()
	var said struct {
		Content string `json:"content"`
	}
	s.want(t, keyA, "POST /chat/completion", `{"model": "local/offline", "messages": [{"role": "user", "content": "hello"}]}`, &said)
	if said.Content == "" {
		t.Error("the chat says nothing")
	}
}
