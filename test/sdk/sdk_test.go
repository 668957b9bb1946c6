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

const scriptDeadline = 60 * time.Second

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

func TestSDKs(t *testing.T) {
	binary, err := filepath.Abs(os.Getenv(binaryEnv))
	if err != nil {
		t.Fatal(err)
	}
	s := startStack(t, binary)
	node, python := nodeBinary(), pythonBinary()
	for _, sdk := range sdks() {
		t.Run(sdk.name, func(t *testing.T) {
			s.flood(t, sdk.name+"-flooding")
			switch filepath.Ext(sdk.file) {
			case ".py":
				s.script(t, sdk, python)
			case ".mjs":
				s.script(t, sdk, node)
			default:
				testGo(t, s)
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
	ctx, cancel := context.WithTimeout(t.Context(), scriptDeadline)
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
			if !l.OK {
				t.Error(l.Detail)
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
	if err := exec.Command(own, "-c", "import openai, anthropic").Run(); err != nil {
		return ""
	}
	return own
}
