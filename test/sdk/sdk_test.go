package sdk_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// scriptDeadline is for one script; with FAIRLEAD_PROOF some do more.
const scriptDeadline, proofDeadline = 60 * time.Second, 30 * time.Minute

func proof() bool { return os.Getenv("FAIRLEAD_PROOF") != "" }

// TestMain builds the program, unless FAIRLEAD_BIN names one.
func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if os.Getenv(binaryEnv) != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "fairlead-sdk-")
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

func binaryPath(t *testing.T) string {
	t.Helper()
	binary, err := filepath.Abs(os.Getenv(binaryEnv))
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

func TestSDKs(t *testing.T) {
	s := startStack(t, binaryPath(t))
	node, python := nodeBinary(), pythonBinary()
	for _, of := range sdks() {
		t.Run(of.name, func(t *testing.T) {
			s.flood(t, of.name+"-flooding")
			switch filepath.Ext(of.file) {
			case ".py":
				s.script(t, of, python)
			case ".mjs":
				s.script(t, of, node)
			default:
				map[string]func(*testing.T, *stack, sdk){"openai-go": testOpenAIGo, "anthropic-sdk-go": testAnthropicGo}[of.module](t, s, of)
			}
		})
	}
	t.Run("nothing is left", s.testNothingLeft)
}

// testNothingLeft: when all clients are done, no slot is held and the mock has
// no call of the service, and has refused nothing that the service sent on.
func (s *stack) testNothingLeft(t *testing.T) {
	await(t, "the slots to be free", func() bool {
		_, body := get(t, s.service+"/metrics", "")
		return number(body, "concurrency_metrics", "concurrent_requests") == 0
	})
	_, body := get(t, s.mock+"/mock/stats", s.mockKey)
	// The one in flight is what keeps the busy service busy.
	if held := number(body, "in_flight"); held != 1 {
		t.Errorf("the mock holds %v calls, want 1", held)
	}
	for _, name := range []string{"unauthorized", "invalid"} {
		if n := number(body, name); n != 0 {
			t.Errorf("the mock was sent %v requests that it counts as %s", n, name)
		}
	}
}

// line is what a script prints for a case.
type line struct {
	Case   string `json:"case"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// script runs one and tells its cases as subtests. It must print at least
// that many, so that a script that dies early is not taken for a good one.
func (s *stack) script(t *testing.T, sdk sdk, binary string) {
	t.Helper()
	if binary == "" {
		skipVisibly(t, sdk.name)
	}
	deadline := scriptDeadline
	if proof() {
		deadline = proofDeadline
	}
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, filepath.FromSlash(sdk.file))
	cmd.Env = append(os.Environ(), s.environment(sdk)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	told := 0
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var l line
		if json.Unmarshal(lines.Bytes(), &l) != nil || l.Case == "" {
			t.Errorf("the script said %q", lines.Text())
			continue
		}
		told++
		t.Run(l.Case, func(t *testing.T) {
			switch {
			case !l.OK:
				t.Error(l.Detail)
			case l.Detail != "":
				t.Log(l.Detail)
			}
		})
	}
	if told < sdk.least {
		t.Errorf("%d cases, want at least %d", told, sdk.least)
	}
	if err != nil && !t.Failed() || stderr.Len() > 0 {
		t.Errorf("%v; it wrote to stderr:\n%s", err, stderr.Bytes())
	}
}

// skipVisibly says in one line on standard error what is not tested.
func skipVisibly(t *testing.T, sdk string) {
	t.Helper()
	fmt.Fprintf(os.Stderr, "SKIPPED: SDK tests of %s: its packages are not installed (see test/sdk/README.md)\n", sdk)
	t.Skip("its packages are not installed")
}

// nodeBinary is the Node that was installed with the packages, which need a
// newer one than many systems have, else the system's; "" if there is none or
// the packages are missing.
func nodeBinary() string {
	modules := filepath.Join("node", "node_modules")
	if _, err := os.Stat(filepath.Join(modules, "@anthropic-ai", "sdk")); err != nil {
		return ""
	}
	machine := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	for _, name := range []string{"node-", "node-bin-"} {
		own, err := filepath.Abs(filepath.Join(modules, name+runtime.GOOS+"-"+machine, "bin", "node"))
		if err != nil {
			continue
		}
		if _, err := os.Stat(own); err == nil {
			return own
		}
	}
	system, err := exec.LookPath("node")
	if err != nil {
		return ""
	}
	return system
}

// pythonBinary is that of the virtual environment, "" if there is none.
func pythonBinary() string {
	own, err := filepath.Abs(filepath.Join("python", ".venv", "bin", "python"))
	if err != nil {
		return ""
	}
	// To import them takes seconds.
	const find = "import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, ('openai', 'anthropic'))))"
	if err := exec.Command(own, "-c", find).Run(); err != nil {
		return ""
	}
	return own
}
