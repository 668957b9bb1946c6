package main

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadme runs the first call of the README, as it is written there, against
// the real program with no provider. Only the address is another.
func TestReadme(t *testing.T) {
	for _, program := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("left out: no %s, so the README's first call is not made (apt install %s)", program, program)
		}
	}
	const address = "http://127.0.0.1:8080"
	call := firstCall(t)
	if !strings.Contains(call, address+"/") || !strings.Contains(call, "$KEY") {
		t.Fatalf("the README's first call does not go to %s with $KEY:\n%s", address, call)
	}
	url, key := serveForReadme(t)

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-euc", strings.ReplaceAll(call, address, url))
	shell.Env = []string{"PATH=" + os.Getenv("PATH"), "KEY=" + key}
	out, err := shell.Output()
	if err != nil {
		t.Fatalf("the README's first call failed: %v", err)
	}
	var answer struct {
		Success  bool   `json:"success"`
		Provider string `json:"provider"`
		Content  string `json:"content"`
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatalf("the README's first call was not answered in JSON: %v\n%s", err, out)
	}
	if !answer.Success || answer.Provider != "local" || !strings.Contains(answer.Content, "not a language model") {
		t.Errorf("got %+v, want an answer of the offline provider that says what it is", answer)
	}
}

// firstCall returns the README's first block of shell that has a curl in it.
func firstCall(t *testing.T) string {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(string(readme), -1) {
		if strings.Contains(block[1], "curl ") {
			return block[1]
		}
	}
	t.Fatal("the README has no block of shell with a curl in it")
	return ""
}

// serveForReadme starts the program as on a new machine, and returns its
// address and the app key that it prints. It ends with the test.
func serveForReadme(t *testing.T) (url, key string) {
	t.Helper()
	path, err := exec.LookPath("fairlead")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	service := exec.CommandContext(ctx, path, "serve", "--listen", "127.0.0.1:0", "--data-dir", filepath.Join(t.TempDir(), "data"))
	service.Dir = t.TempDir()
	service.Env = []string{"PATH=" + os.Getenv("PATH")}
	stdout, err := service.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := service.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = service.Wait() // it was killed
	})
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "app key: "); ok {
			key = text
		}
		if text, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			return text, key
		}
	}
	t.Fatal("the service ended before it listened")
	return "", ""
}
