package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestAllEngines measures a few chunks with each engine.
func TestAllEngines(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-chunks", "300", "-queries", "5", "-dir", t.TempDir()}, &out); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"own", "fts5", "fts5-rarest", "bleve"} {
		if !strings.Contains(out.String(), "\n| "+name+" | ") {
			t.Errorf("no row for %s in\n%s", name, out.String())
		}
	}
	if err := run(t.Context(), []string{"-engines", "none", "-dir", t.TempDir()}, &out); err == nil {
		t.Error("an engine that there is not was measured")
	}
}
