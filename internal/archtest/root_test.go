package archtest

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestRootIsTidy: what stands at the top is known, so that nothing gets there by accident
// and is kept.
func TestRootIsTidy(t *testing.T) {
	t.Parallel()
	known := []string{
		".ci", ".gitignore", ".golangci.yml",
		"ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "SECURITY.md",
		"bench", "client", "cmd", "deploy", "docs", "examples", "fairlead.example.yaml", "go.mod", "go.sum", "internal", "test", "tools",
	}
	ignored := []string{".git", ".cache", "bin", "fairlead-data", "node_modules", ".venv"}
	entries, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		if slices.Contains(known, name) || slices.Contains(ignored, name) || !e.IsDir() && filepath.Ext(name) == ".go" {
			continue
		}
		t.Errorf("%s stands at the top: give it a place, or name it here", name)
	}
}
