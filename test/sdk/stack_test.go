// Package sdk_test drives a running Fairlead with the SDKs that its callers
// use, unchanged: openai for JavaScript, Python and Go, Anthropic's for JavaScript
// and Python, and the AI SDK. The
// upstream is `fairlead mock`, which counts what arrives and fails on request.
//
// Each SDK has a script (node/, python/, or Go here) that prints one line for
// each case; TestSDKs tells them as subtests.
package sdk_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	startDeadline = 60 * time.Second
	stopDeadline  = 10 * time.Second
	binaryEnv     = "FAIRLEAD_BIN"
	// burstLimit is above what an SDK does in a second, and below what flood does.
	burstLimit = 100
	floodWidth = 16
)

// stack is a mock upstream and two services in front of it: one with room, and
// one whose only slot and only place in the queue are taken.
type stack struct {
	mock, service, busy string // roots, without /v1
	mockKey             string
	keys                map[string]string // of apps
	providers           string            // what else is set for each provider
}

// sdk is an SDK with the upstream that it is to reach.
type sdk struct {
	name string
	// provider is who answers: upstream speaks OpenAI's API, speaker its Responses API
	// too, claude Anthropic's.
	provider string
	// module is what its script imports, where that depends, or the module in Go.
	module string
	// file is its script, of at least that many cases; "" if it is in Go.
	file  string
	least int
}

// sdks are the scripts; each has apps of its own, so that the limits of one
// are not used up by another.
func sdks() []sdk {
	return []sdk{
		{"openai6", "upstream", "openai6", "node/openai.mjs", 24},
		{"openai7", "upstream", "openai7", "node/openai.mjs", 24},
		{"ai-sdk", "upstream", "", "node/ai-sdk.mjs", 18},
		{"python", "upstream", "", "python/openai_sdk.py", 24},
		{"go", "upstream", "openai-go", "", 0},
		{"go-translated", "claude", "openai-go", "", 0},
		{"anthropic-go", "claude", "anthropic-sdk-go", "", 0},
		{"anthropic-go-translated", "upstream", "anthropic-sdk-go", "", 0},
		{"anthropic", "claude", "", "node/anthropic.mjs", 22},
		{"anthropic-translated", "upstream", "", "node/anthropic.mjs", 22},
		{"ai-sdk-anthropic", "claude", "", "node/ai-sdk-anthropic.mjs", 11},
		{"ai-sdk-anthropic-translated", "upstream", "", "node/ai-sdk-anthropic.mjs", 11},
		{"anthropic-python", "claude", "", "python/anthropic_sdk.py", 18},
		{"anthropic-python-translated", "upstream", "", "python/anthropic_sdk.py", 18},
		{"openai6-translated", "claude", "openai6", "node/openai-claude.mjs", 10},
		{"openai7-translated", "claude", "openai7", "node/openai-claude.mjs", 10},
		{"python-translated", "claude", "", "python/openai_claude.py", 8},
		{"openai6-responses", "upstream", "openai6", "node/responses.mjs", 18},
		{"openai7-responses", "upstream", "openai7", "node/responses.mjs", 18},
		{"openai7-responses-claude", "claude", "openai7", "node/responses.mjs", 18},
		{"openai7-responses-passed", "speaker", "openai7", "node/responses.mjs", 18},
		{"python-responses", "upstream", "", "python/responses.py", 12},
		{"python-responses-passed", "speaker", "", "python/responses.py", 12},
		{"ws", "upstream", "", "node/sockets.mjs", 9},
		{"openai6-files", "upstream", "openai6", "node/files.mjs", 15},
		{"openai7-files", "upstream", "openai7", "node/files.mjs", 15},
		{"python-files", "upstream", "", "python/files.py", 12},
	}
}

// newKey is a secret of 130 bits.
func newKey() string { return "fl-test-" + rand.Text() }

// startStack starts the program that often. Everything ends with t.
func startStack(t *testing.T, binary string) *stack {
	t.Helper()
	s := &stack{mockKey: newKey(), keys: make(map[string]string)}
	for _, sdk := range sdks() {
		for _, app := range []string{sdk.name, sdk.name + "-limited", sdk.name + "-flooding"} {
			s.keys[app] = newKey()
		}
	}
	s.keys["hog"] = newKey()
	s.startMock(t, binary)
	burst := fmt.Sprintf("\n  burst: {requests_per_second: %d, block: 50}", burstLimit)
	s.service = s.serve(t, binary, "max_concurrent_requests: 20"+burst)
	s.busy = s.serve(t, binary, "max_concurrent_requests: 1\n  max_queue: 1\n  max_queue_per_app: 1"+burst)
	s.fill(t)
	return s
}

func (s *stack) startMock(t *testing.T, binary string) {
	t.Helper()
	s.mock = strings.TrimSuffix(start(t, binary, "mock upstream on ", "mock", "--listen", "127.0.0.1:0", "--key", s.mockKey), "/v1")
}

// serve starts a service with these limits, and returns its root.
func (s *stack) serve(t *testing.T, binary, limits string) string {
	t.Helper()
	dir := t.TempDir()
	var config strings.Builder
	fmt.Fprintf(&config, "server:\n  data_dir: %q\n", filepath.Join(dir, "data"))
	fmt.Fprintf(&config, "limits:\n  rate_limit_per_minute: 0\n  %s\n", limits)
	config.WriteString("apps:\n")
	for name, key := range s.keys {
		fmt.Fprintf(&config, "  - {name: %s, keys: [%s], models: [%q]%s}\n", name, key, modelsOf(name),
			map[bool]string{true: ", rate_limit_per_minute: 1"}[strings.HasSuffix(name, "-limited")])
	}
	fmt.Fprintf(&config, `llm:
  default_model: gpt-4o-mini
  providers:
    upstream:
      base_url: %s/v1
      api_key: %s
      dialect: openai
      models: [gpt-4o-mini, text-embedding-3-small, "mock*"]
      %s
    claude:
      base_url: %s
      api_key: %s
      dialect: anthropic
      models: [claude-sonnet-4-5, "mock*"]
      %s
    speaker:
      base_url: %s/v1
      api_key: %s
      dialect: openai
      responses: true
      models: [gpt-4o-mini, "mock*"]
      %s
`, s.mock, s.mockKey, s.providers, s.mock, s.mockKey, s.providers, s.mock, s.mockKey, s.providers)
	file := filepath.Join(dir, "fairlead.yaml")
	if err := os.WriteFile(file, []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	root := start(t, binary, "listening on ", "serve", "--config", file, "--listen", "127.0.0.1:0")
	await(t, root+"/readyz", func() bool {
		status, _ := get(t, root+"/readyz", "")
		return status == http.StatusOK
	})
	return root
}

// modelsOf is what an app may use: the models of one provider, as what fails there
// would else be sent to the other.
func modelsOf(app string) string {
	for _, sdk := range sdks() {
		if app == sdk.name || app == sdk.name+"-limited" || app == sdk.name+"-flooding" {
			return sdk.provider + "/*"
		}
	}
	return "*"
}

// fill takes the busy service's slot and its place in the queue until the test
// ends.
func (s *stack) fill(t *testing.T) {
	t.Helper()
	var held sync.WaitGroup
	t.Cleanup(held.Wait)
	hold := func() {
		held.Go(func() {
			body := `{"model":"mock+hang","messages":[{"role":"user","content":"hold"}]}`
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.busy+"/v1/chat/completions", strings.NewReader(body))
			if err != nil {
				return
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+s.keys["hog"])
			if response, err := http.DefaultClient.Do(r); err == nil {
				response.Body.Close()
			}
		})
	}
	hold()
	await(t, "the slot to be taken", func() bool {
		_, body := get(t, s.busy+"/metrics", "")
		return number(body, "concurrency_metrics", "concurrent_requests") == 1
	})
	hold()
	await(t, "the queue to be full", func() bool {
		_, body := get(t, s.busy+"/v1/me", s.keys["hog"])
		return number(body, "waiting") == 1
	})
}

// flood makes an app burst until it is blocked.
func (s *stack) flood(t *testing.T, app string) {
	t.Helper()
	ctx, blocked := context.WithTimeout(t.Context(), startDeadline)
	defer blocked()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: floodWidth}}
	defer client.CloseIdleConnections()
	var done atomic.Bool
	var all sync.WaitGroup
	for range floodWidth {
		all.Go(func() {
			for !done.Load() && ctx.Err() == nil {
				if s.knock(ctx, client, app) == http.StatusTooManyRequests {
					done.Store(true)
				}
			}
		})
	}
	all.Wait()
	if !done.Load() {
		t.Errorf("%s was not blocked within %v of flooding", app, startDeadline)
	}
}

// knock makes the cheapest request that the burst guard counts; it returns the
// status, or 0.
func (s *stack) knock(ctx context.Context, client *http.Client, app string) int {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.service+"/v1/models", nil)
	if err != nil {
		return 0
	}
	r.Header.Set("Authorization", "Bearer "+s.keys[app])
	response, err := client.Do(r)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

// environment is what the scripts are told.
func (s *stack) environment(sdk sdk) []string {
	return []string{
		"FAIRLEAD_URL=" + s.service, "FAIRLEAD_BUSY_URL=" + s.busy, "MOCK_URL=" + s.mock, "MOCK_KEY=" + s.mockKey,
		"APP_KEY=" + s.keyOf(sdk.name), "LIMITED_KEY=" + s.keys[sdk.name+"-limited"], "FLOODING_KEY=" + s.keys[sdk.name+"-flooding"],
		"SDK=" + sdk.name, "MODULE=" + sdk.module, "PROVIDER=" + sdk.provider,
		"MODEL=" + map[string]string{"upstream": "gpt-4o-mini", "claude": "claude-sonnet-4-5", "speaker": "gpt-4o-mini"}[sdk.provider],
	}
}

// keyOf is that of an SDK's own app, or of the one for streams.
func (s *stack) keyOf(sdk string) string {
	if key, ok := s.keys[sdk]; ok {
		return key
	}
	return s.keys[streamApp]
}

// start runs the program until the test ends, and returns the URL that follows
// prefix in what it prints.
func start(t *testing.T, binary, prefix string, args ...string) string {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Dir = t.TempDir()
	var log lockedBuffer
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	urls, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if url, ok := strings.CutPrefix(lines.Text(), prefix); ok {
				select {
				case urls <- strings.TrimSpace(url):
				default:
				}
			}
		}
	}()
	t.Cleanup(func() {
		stop(t, cmd, ended)
		if t.Failed() {
			t.Logf("%s %s said:\n%s", filepath.Base(binary), args[0], log.tail())
		}
	})
	select {
	case url := <-urls:
		return url
	case <-ended:
		t.Fatalf("%s ended at once:\n%s", args[0], log.tail())
	case <-time.After(startDeadline):
		t.Fatalf("%s printed no %q within %v:\n%s", args[0], prefix, startDeadline, log.tail())
	}
	return ""
}

func stop(t *testing.T, cmd *exec.Cmd, ended <-chan struct{}) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	select {
	case <-ended:
	case <-time.After(stopDeadline):
		t.Errorf("%s did not end within %v of SIGTERM", cmd.Args[1], stopDeadline)
		_ = cmd.Process.Kill()
	}
	_ = cmd.Wait()
}

// await polls until done says yes.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.After(startDeadline)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline:
			t.Fatalf("waited %v for %s", startDeadline, what)
		case <-tick.C:
		}
	}
}

// get returns status and body; status 0 when there was no answer.
func get(t *testing.T, url, key string) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil
	}
	return response.StatusCode, body
}

// number walks down a JSON object; -1 when there is no number.
func number(body []byte, path ...string) float64 {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return -1
	}
	for _, name := range path {
		members, _ := v.(map[string]any)
		v = members[name]
	}
	if n, ok := v.(float64); ok {
		return n
	}
	return -1
}

// lockedBuffer keeps the end of what a process logs.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) tail() string {
	const most = 6000
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.b.Bytes()
	return string(b[max(0, len(b)-most):])
}
