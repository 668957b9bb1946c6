package sdk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const codexDeadline = 2 * time.Minute

// TestCodex has the real Codex command line work with a provider of each kind: it
// calls a tool, the mock's model answers what came of it, and nothing is left. make
// proof installs it and gives it a network with nothing in it but this machine.
func TestCodex(t *testing.T) {
	program, err := filepath.Abs(filepath.Join("codex", "node_modules", "@openai", "codex", "bin", "codex.js"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		t.Skip("Codex is not installed: make proof does")
	}
	s := &stack{mockKey: newKey(), keys: map[string]string{"codex": newKey()}}
	binary := binaryPath(t)
	s.startMock(t, binary)
	s.service = s.serve(t, binary, "max_concurrent_requests: 20")
	for _, model := range []string{"upstream/gpt-4o-mini", "claude/claude-sonnet-4-5", "speaker/gpt-4o-mini"} {
		for _, sockets := range []string{"false", "true"} {
			t.Run(model+", sockets "+sockets, func(t *testing.T) { s.codex(t, program, model, sockets) })
		}
	}
	t.Run("nothing is left", func(t *testing.T) {
		if _, body := get(t, s.service+"/metrics", ""); number(body, "websocket", "most_open") < 1 {
			t.Error("no WebSocket was opened")
		}
		await(t, "the slots to be free", func() bool {
			_, body := get(t, s.service+"/metrics", "")
			return number(body, "concurrency_metrics", "concurrent_requests") == 0
		})
	})
}

// codex asks it one thing. It must end well, having called a tool and shown what
// the model said then.
func (s *stack) codex(t *testing.T, program, model, sockets string) {
	t.Helper()
	home := t.TempDir()
	config := fmt.Sprintf(`model = %q
model_provider = "fairlead"
model_reasoning_effort = "low"
[model_providers.fairlead]
name = "fairlead"
base_url = %q
env_key = "FAIRLEAD_KEY"
wire_api = "responses"
supports_websockets = %s
request_max_retries = 0
stream_max_retries = 0
`, model, s.service+"/v1", sockets)
	if err := os.WriteFile(filepath.Join(home, "config.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	before := s.upstreamCalls(t)
	ctx, cancel := context.WithTimeout(t.Context(), codexDeadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, nodeBinary(), program, "exec", "--skip-git-repo-check", "--json", "Say hello")
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "CODEX_HOME="+home, "FAIRLEAD_KEY="+s.keys["codex"])
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, stderr.Bytes())
	}
	kinds, said := codexItems(out)
	if !kinds["command_execution"] || !strings.HasPrefix(said, "Fairlead mock: model") {
		t.Errorf("it did %v and said %q:\n%s", kinds, said, out)
	}
	if calls := s.upstreamCalls(t) - before; calls != 2 {
		t.Errorf("%v calls upstream, want one that asks for the tool and one with its result", calls)
	}
}

// codexItems reads its events: the kinds of the items that were done, and the last
// thing that it said.
func codexItems(events []byte) (kinds map[string]bool, said string) {
	kinds = make(map[string]bool)
	for line := range bytes.Lines(events) {
		var event struct {
			Type string `json:"type"`
			Item struct {
				Type string `json:"type"`
				Text string `json:"text"`
			} `json:"item"`
		}
		if json.Unmarshal(line, &event) != nil || event.Type != "item.completed" {
			continue
		}
		kinds[event.Item.Type] = true
		if event.Item.Type == "agent_message" {
			said = event.Item.Text
		}
	}
	return kinds, said
}

func (s *stack) upstreamCalls(t *testing.T) float64 {
	t.Helper()
	_, body := get(t, s.mock+"/mock/stats", s.mockKey)
	return number(body, "total")
}
