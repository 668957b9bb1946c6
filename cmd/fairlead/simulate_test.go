package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSimulatePage runs the example of docs/simulate.md as it is written there:
// with its two files, its command gives exactly its output. The simulation is the
// same each time, so where this fails the service decides otherwise than before:
// look at why, then put the new output on the page, by running this test with
// FAIRLEAD_UPDATE=1.
func TestSimulatePage(t *testing.T) {
	file, err := filepath.Abs("../../docs/simulate.md")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"fairlead.yaml", "traffic.yaml"} {
		text := blockWith(t, page, "yaml", "# "+name)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	command := strings.Fields(blockWith(t, page, "sh", "fairlead simulate --config"))
	var out, mistakes bytes.Buffer
	p := &program{out: &out, err: &mistakes}
	if code := p.run(t.Context(), command[1:]); code != exitFine || mistakes.Len() > 0 {
		t.Fatalf("exit code %d\n%s", code, mistakes.String())
	}
	told := blockWith(t, page, "text", "of traffic, seed")
	switch {
	case out.String() == told:
	case os.Getenv("FAIRLEAD_UPDATE") != "":
		page = bytes.Replace(page, []byte(told), out.Bytes(), 1)
		if err := os.WriteFile(file, page, 0o600); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("the page's output is not the command's, which is\n%s", out.String())
	}
}

// blockWith returns the page's first block of a language that holds a text.
func blockWith(t *testing.T, page []byte, language, text string) string {
	t.Helper()
	for _, block := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllSubmatch(page, -1) {
		if bytes.Contains(block[1], []byte(text)) {
			return string(block[1])
		}
	}
	t.Fatalf("the page has no block of %s with %q", language, text)
	return ""
}
