package identity_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/identity"
	"github.com/fairleadhq/fairlead/internal/storage/sqlite"
)

// pollDeadline is far above the poll interval: it only ends a test that failed.
const pollDeadline = 10 * time.Second

func openFile(t *testing.T, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// The command line and a running server share a file, each with a store of its
// own: what the one changes the other sees, and what the other used the one
// lists.
func TestAnotherProcessChangesKeys(t *testing.T) {
	dir := t.TempDir()
	pepper, err := identity.Pepper(dir)
	if err != nil {
		t.Fatal(err)
	}
	server := openFile(t, filepath.Join(dir, sqlite.FileName))
	tool := openFile(t, filepath.Join(dir, sqlite.FileName))
	welcome, err := identity.FirstStart(t.Context(), server, server, pepper, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := newDirectory(t, identity.Config{Pepper: pepper, Store: server, Poll: 5 * time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()

	made, secret, err := identity.Create(t.Context(), tool, pepper, identity.NewKey{App: "portal"})
	if err != nil {
		t.Fatal(err)
	}
	await(t, d, secret, "app portal")
	first, err := identity.Find(t.Context(), tool, "first start")
	if err != nil {
		t.Fatal(err)
	}
	_, rotated, err := identity.Rotate(t.Context(), tool, pepper, first.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	await(t, d, rotated, "app default")
	await(t, d, welcome.AppKey, "key_expired")
	if _, err := identity.Revoke(t.Context(), tool, made.ID); err != nil {
		t.Fatal(err)
	}
	await(t, d, secret, "key_revoked")

	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	used, err := identity.Find(t.Context(), tool, made.ID)
	if err != nil {
		t.Fatal(err)
	}
	if used.LastUsed.Before(made.Created) || used.Revoked.IsZero() {
		t.Errorf("got last use %v and revocation %v, want both", used.LastUsed, used.Revoked)
	}
}

// await waits until the directory gives the answer.
func await(t *testing.T, d *identity.Directory, secret, want string) {
	t.Helper()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	deadline := time.After(pollDeadline)
	for {
		got := answer(d, secret)
		if got == want {
			return
		}
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("got %q after %v, want %q", got, pollDeadline, want)
		}
	}
}
