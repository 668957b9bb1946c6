// Package browser_test drives the pages with a real Chromium, as a person
// does: with the keyboard and the eyes. The page and the rest of the HTTP API come
// from the real program with `fairlead mock` behind it.
//
// Start with the tests in chat_test.go and documents_test.go; harbour is what stands
// between the browser and the program.
package browser_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log" //nolint:depguard // the proxy's errors go to such a logger
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

const (
	binaryEnv     = "FAIRLEAD_BIN"
	startDeadline = 60 * time.Second
	stopDeadline  = 10 * time.Second
)

// stack is what all tests share: the program, and a browser.
type stack struct {
	root, key string
	library   libraryStack
	browser   context.Context //nolint:containedctx // chromedp keeps the browser in it
	missing   string          // why there is no browser
}

// shared is made by TestMain.
var shared stack

// TestMain builds the program, unless FAIRLEAD_BIN names one, and starts it.
func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "fairlead-browser-")
	if err != nil {
		return failed(err)
	}
	defer os.RemoveAll(dir)
	chromium, err := findChromium()
	if err != nil {
		shared.missing = err.Error()
		return m.Run()
	}
	binary, err := programIn(dir)
	if err != nil {
		return failed(err)
	}
	stop, err := shared.startPrograms(binary, dir)
	defer stop()
	if err != nil {
		return failed(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.UserDataDir(filepath.Join(dir, "profile")),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-dev-shm-usage", true))
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
	defer end()
	browser, end := chromedp.NewContext(allocator)
	defer end()
	if err := chromedp.Do(browser); err != nil {
		return failed(fmt.Errorf("start %s: %w", chromium, err))
	}
	shared.browser = browser //nolint:fatcontext // it is set once
	return m.Run()
}

func failed(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func findChromium() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if file, err := exec.LookPath(name); err == nil {
			return file, nil
		}
	}
	return "", errors.New("no chromium, so the pages are not tested (apt install chromium)")
}

// programIn is the program to test: the one that FAIRLEAD_BIN names, or one that is
// built into dir.
func programIn(dir string) (string, error) {
	if binary := os.Getenv(binaryEnv); binary != "" {
		return filepath.Abs(binary)
	}
	binary := filepath.Join(dir, "fairlead")
	build := exec.Command("go", "build", "-o", binary, "./cmd/fairlead")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return binary, nil
}

// startPrograms starts the mock upstream and the service before it; stop ends what
// was started.
func (s *stack) startPrograms(binary, dir string) (stop func(), err error) {
	var started []*program
	stop = func() {
		for _, p := range started {
			p.stop()
		}
	}
	s.key = "fl-test-" + rand.Text()
	mock, err := startProgram(binary, "mock upstream on ", "mock", "--listen", "127.0.0.1:0")
	if err != nil {
		return stop, err
	}
	started = append(started, mock)
	config := fmt.Sprintf(`server: {data_dir: %q}
limits: {rate_limit_per_minute: 0, burst: {requests_per_second: 1000, block: 1}}
apps:
  - {name: page, keys: [%q], rate_limit_per_minute: 200}
llm:
  default_model: mock+tokens=40
  providers:
    upstream: {base_url: %q, api_key: anything, dialect: openai, models: ["mock+tokens=40", "mock+tokens=60+pace=50ms"]}
`, filepath.Join(dir, "data"), s.key, mock.said)
	file := filepath.Join(dir, "fairlead.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return stop, err
	}
	serve, err := startProgram(binary, "listening on ", "serve", "--config", file, "--listen", "127.0.0.1:0")
	if err != nil {
		return stop, err
	}
	started = append(started, serve)
	s.root = serve.said
	library, err := s.library.start(binary, dir)
	if library != nil {
		started = append(started, library)
	}
	return stop, err
}

// program is a process of the binary.
type program struct {
	cmd   *exec.Cmd
	said  string // what followed the prefix in its output
	ended chan struct{}
}

// startProgram returns when the program has printed a line with that prefix.
func startProgram(binary, prefix string, args ...string) (*program, error) {
	p := &program{cmd: exec.Command(binary, args...), ended: make(chan struct{})}
	var log bytes.Buffer // of no interest before the program has ended
	p.cmd.Stderr = &log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	lines := make(chan string, 1)
	go func() {
		defer close(p.ended)
		for scan := bufio.NewScanner(out); scan.Scan(); {
			if rest, ok := strings.CutPrefix(scan.Text(), prefix); ok {
				select {
				case lines <- strings.TrimSpace(rest):
				default:
				}
			}
		}
	}()
	select {
	case p.said = <-lines:
		return p, nil
	case <-p.ended:
		_ = p.cmd.Wait()
		return nil, fmt.Errorf("%s ended at once:\n%s", args[0], log.String())
	case <-time.After(startDeadline):
		p.stop()
		return nil, fmt.Errorf("%s printed no %q within %v:\n%s", args[0], prefix, startDeadline, log.String())
	}
}

func (p *program) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(stopDeadline):
		fmt.Fprintf(os.Stderr, "%s did not end within %v of SIGTERM\n", p.cmd.Args[1], stopDeadline)
		_ = p.cmd.Process.Kill()
	}
	_ = p.cmd.Wait()
}

// harbour is where the browser goes: everything but the socket is passed on to the
// real program.
type harbour struct {
	*service
	root  string
	seen  *requests
	lines *lines
}

// needBrowser skips a test where there is no browser; never where the project's own
// checks run.
func needBrowser(t *testing.T) {
	t.Helper()
	if shared.missing == "" {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal(shared.missing)
	}
	t.Skip("left out: " + shared.missing)
}

// toProgram passes requests on to the program, as a proxy before it would.
func toProgram(t *testing.T) http.Handler {
	t.Helper()
	return toProgramAt(t, shared.root)
}

func toProgramAt(t *testing.T, root string) http.Handler {
	t.Helper()
	target, err := url.Parse(root)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
		},
		ErrorLog: log.New(io.Discard, "", 0), // that a line was cut is what some tests are about
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Else net/http closes the body of a request once its answer begins, and the
		// proxy, which may not have seen the end of it yet, cuts the answer.
		_ = http.NewResponseController(w).EnableFullDuplex()
		proxy.ServeHTTP(w, r)
	})
}

// newHarbour has script give the answers.
func newHarbour(t *testing.T, script script) *harbour {
	t.Helper()
	needBrowser(t)
	h := &harbour{service: newService(t, shared.key, script), seen: &requests{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/ws/ticket", h.ticket)
	mux.HandleFunc("/ws", h.socket)
	mux.Handle("/", toProgram(t))
	h.serve(mux)
	return h
}

// serve has the browser's requests answered by a handler.
func (h *harbour) serve(handler http.Handler) {
	h.t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.seen.note(r)
		r.URL.Path = strings.TrimPrefix(r.URL.Path, "/below/this")
		handler.ServeHTTP(w, r)
	}))
	h.lines = &lines{Listener: server.Listener}
	server.Listener = h.lines
	server.Start()
	h.t.Cleanup(server.Close)
	h.root = server.URL
}

// lines are the connections of a browser, which can be cut.
type lines struct {
	net.Listener

	mu  sync.Mutex
	all []net.Conn
}

// Accept implements net.Listener.
func (l *lines) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.all = append(l.all, conn)
	}
	return conn, err
}

func (l *lines) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range l.all {
		_ = conn.Close()
	}
	l.all = nil
}

// requests are the addresses that a browser has asked for.
type requests struct {
	mu  sync.Mutex
	all []string
}

func (r *requests) note(request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, request.Method+" "+request.URL.String())
}

func (r *requests) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.all, "\n")
}
