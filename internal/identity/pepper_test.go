package identity_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/fairleadhq/fairlead/internal/identity"
)

func TestPepperIsMadeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	first, err := identity.Pepper(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(first) != 32 || bytes.Equal(first, make([]byte, 32)) {
		t.Errorf("got %d bytes, want 32 random ones", len(first))
	}
	again, err := identity.Pepper(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, again) {
		t.Error("the second call gave another pepper")
	}
	other, err := identity.Pepper(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(first, other) {
		t.Error("two services have the same pepper")
	}
	if runtime.GOOS == "windows" {
		return
	}
	for name, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "pepper"): 0o600} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("mode of %s: got %o, want %o", filepath.Base(name), got, want)
		}
	}
}

func TestPepperStartersAgree(t *testing.T) {
	dir := t.TempDir()
	peppers := make([][]byte, 8)
	var wg sync.WaitGroup
	for i := range peppers {
		wg.Go(func() {
			var err error
			if peppers[i], err = identity.Pepper(dir); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i, pepper := range peppers {
		if !bytes.Equal(pepper, peppers[0]) {
			t.Errorf("starter %d got another pepper than starter 0", i)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 {
		t.Errorf("got %d files, want the pepper alone", len(files))
	}
}

func TestPepperRefuses(t *testing.T) {
	tests := []struct {
		name  string
		size  int
		mode  os.FileMode
		want  string
		posix bool
	}{
		{"empty", 0, 0o600, "it has 0 bytes instead of 32", false},
		{"short", 31, 0o600, "it has 31 bytes instead of 32", false},
		{"long", 33, 0o600, "it has 33 bytes instead of 32", false},
		{"group may read", 32, 0o640, "its mode is 0640", true},
		{"all may read", 32, 0o604, "its mode is 0604", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.posix && runtime.GOOS == "windows" {
				t.Skip("no file modes on Windows")
			}
			dir := t.TempDir()
			path := filepath.Join(dir, "pepper")
			if err := os.WriteFile(path, bytes.Repeat([]byte("s"), tt.size), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, tt.mode); err != nil {
				t.Fatal(err)
			}
			_, err := identity.Pepper(dir)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want an error with %q and the path", err, tt.want)
			}
		})
	}
}

func TestPepperIsADirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "pepper"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := identity.Pepper(dir); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("got %v, want an error that says what it is", err)
	}
}
