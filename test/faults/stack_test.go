package faults_test

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The clocks of the service under test. They are short, so that all is over soon.
const (
	callTime = 1500 * time.Millisecond // of a whole call
	readTime = 400 * time.Millisecond  // a provider's silence, and each of its other clocks
)

const (
	binaryEnv = "FAIRLEAD_BIN"
	proofEnv  = "FAIRLEAD_PROOF"
	// startTime and stopTime are what a process may take for it.
	startTime = 60 * time.Second
	stopTime  = 15 * time.Second
	// patience is after what a call is given up as one that does not end.
	patience = 20 * time.Second
)

// proof says whether times are held exactly.
func proof() bool { return os.Getenv(proofEnv) != "" }

// lateness is how long after its time a call may end, and emptiness how long
// after its calls something may still be held.
func lateness() time.Duration {
	if proof() {
		return 250 * time.Millisecond
	}
	return 5 * time.Second
}

func emptiness() time.Duration {
	if proof() {
		return time.Second
	}
	return 10 * time.Second
}

// TestMain builds the program, unless FAIRLEAD_BIN names one.
func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Getenv(binaryEnv) != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "fairlead-faults-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "fairlead")
	build := exec.Command("go", "build", "-o", binary, "./cmd/fairlead")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	if err := os.Setenv(binaryEnv, binary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// upstream is a provider of the service under test, and the app that may use it
// and no other.
type upstream struct {
	name    string
	address string // of its root, without /v1
	dialect string // openai or anthropic
	// more is further YAML of the provider, http of its http_client.
	more, http string
}

// service is a running Fairlead.
type service struct {
	root, adminToken string
	keys             map[string]string // by app
	client           *http.Client
	scrape           sync.Mutex // few scrapes are answered at one time
}

// serve starts the program with these providers, until the test ends. limits is
// YAML of the section of that name.
func serve(t *testing.T, limits string, upstreams []upstream) *service {
	t.Helper()
	s := &service{keys: make(map[string]string), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	t.Cleanup(s.client.CloseIdleConnections)
	dir := t.TempDir()
	var apps, providers strings.Builder
	for _, u := range upstreams {
		s.keys[u.name] = "fl-test-" + rand.Text()
		fmt.Fprintf(&apps, "  - {name: %s, keys: [%s], models: [\"%s/*\"]}\n", u.name, s.keys[u.name], u.name)
		base := u.address
		if u.dialect == dialectOpenAI {
			base += "/v1"
		}
		fmt.Fprintf(&providers, "    %s: {base_url: %q, dialect: %s, models: [\"*\"], http_client: {%s}%s}\n", u.name, base, u.dialect, u.http, u.more)
	}
	config := fmt.Sprintf("server: {data_dir: %q}\nlimits: {rate_limit_per_minute: 0, burst: {requests_per_second: 0}, %s}\n"+
		"timeouts: {chat: %v}\nchat: {websocket: {concurrency: {max_connections: 1000}}}\napps:\n%sllm:\n  default_model: %s/ok\n  providers:\n%s",
		filepath.Join(dir, "data"), limits, callTime, &apps, upstreams[0].name, &providers)
	file := filepath.Join(dir, "fairlead.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	said := start(t, []string{"admin token: ", "listening on "}, "serve", "--config", file, "--listen", "127.0.0.1:0")
	s.adminToken, s.root = said[0], said[1]
	return s
}

// clocks is the http_client of a provider whose clocks are all readTime.
func clocks() string {
	return fmt.Sprintf("connect_timeout: %[1]v, read_timeout: %[1]v, write_timeout: %[1]v, pool_timeout: %[1]v", readTime)
}

// startMock starts `fairlead mock` and returns its root.
func startMock(t *testing.T) string {
	t.Helper()
	return strings.TrimSuffix(start(t, []string{"mock upstream on "}, "mock", "--listen", "127.0.0.1:0")[0], "/v1")
}

// start runs the program until the test ends. It returns, in the order of
// prefixes, what follows each in what the program prints; the last one must be
// printed last.
func start(t *testing.T, prefixes []string, args ...string) []string {
	t.Helper()
	binary, err := filepath.Abs(os.Getenv(binaryEnv))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, args...)
	cmd.Dir = t.TempDir()
	var log tail
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready, ended := make(chan []string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		listen(out, prefixes, ready)
	}()
	t.Cleanup(func() {
		stop(t, cmd, ended)
		if t.Failed() {
			t.Logf("%s said at its end:\n%s", args[0], log.String())
		}
	})
	late := time.NewTimer(startTime)
	defer late.Stop()
	select {
	case said := <-ready:
		return said
	case <-ended:
		t.Fatalf("%s ended at once:\n%s", args[0], log.String())
	case <-late.C:
		t.Fatalf("%s said nothing of %q within %v:\n%s", args[0], prefixes, startTime, log.String())
	}
	return nil
}

// listen reads to the end of what a program prints, and tells ready once the
// last of the prefixes came.
func listen(out io.Reader, prefixes []string, ready chan<- []string) {
	said := make([]string, len(prefixes))
	for lines := bufio.NewScanner(out); lines.Scan(); {
		for i, prefix := range prefixes {
			rest, ok := strings.CutPrefix(lines.Text(), prefix)
			if !ok {
				continue
			}
			if said[i] = strings.TrimSpace(rest); i == len(prefixes)-1 {
				ready <- said
				_, _ = io.Copy(io.Discard, out)
				return
			}
		}
	}
}

func stop(t *testing.T, cmd *exec.Cmd, ended <-chan struct{}) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	late := time.NewTimer(stopTime)
	defer late.Stop()
	select {
	case <-ended:
	case <-late.C:
		t.Errorf("%s did not end within %v of SIGTERM", cmd.Args[1], stopTime)
		_ = cmd.Process.Kill()
	}
	_ = cmd.Wait()
}

// tail keeps the end of what a process logs.
type tail struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *tail) Write(p []byte) (int, error) {
	const most = 1 << 20
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.b.Len() > most {
		l.b.Next(most / 2)
	}
	return l.b.Write(p)
}

func (l *tail) String() string {
	const shown = 4000
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.b.Bytes()
	return string(b[max(0, len(b)-shown):])
}
