package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// recoveryLimit is how long a service may take to be back, searchEvery how often it is
// asked meanwhile.
const (
	recoveryLimit = 10 * time.Minute
	searchEvery   = 20 * time.Millisecond
)

// recover measures how long it takes until searches are answered again: when the service
// was killed, and when the index is lost too.
func (b *bench) recover(ctx context.Context) error {
	if err := b.grow(ctx); err != nil {
		return err
	}
	fmt.Fprintf(b.out, "\n| back with %d chunks (%d documents) | first search answered after, s | cpu-s, service | cpu-s, children |\n|---|---|---|---|\n", b.hasMade, len(b.ready))
	for _, loss := range []struct {
		name  string
		loses string // a directory of the data's
	}{{"after kill -9", ""}, {"after kill -9, the index deleted", "index"}} {
		if err := b.server.cmd.Process.Kill(); err != nil {
			return err
		}
		<-b.server.ended
		if loss.loses != "" {
			if err := os.RemoveAll(filepath.Join(b.server.cmd.Dir, "data", loss.loses)); err != nil {
				return err
			}
		}
		begin := time.Now()
		if err := b.server.again(); err != nil {
			return err
		}
		if err := b.found(ctx); err != nil {
			return err
		}
		took := time.Since(begin)
		used, err := b.server.processor()
		if err != nil {
			return err
		}
		fmt.Fprintf(b.out, "| %s | %.2f | %.1f | %.1f |\n", loss.name, took.Seconds(), used.own.Seconds(), used.children.Seconds())
	}
	return nil
}

// found searches until something is found.
func (b *bench) found(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, recoveryLimit)
	defer cancel()
	tick := time.NewTicker(searchEvery)
	defer tick.Stop()
	for {
		hits, err := b.client.find(ctx, b.papers.Question(1, words), nil)
		if err == nil && len(hits) > 0 {
			return nil
		}
		if r, ok := errors.AsType[*refused](err); ok && r.status != http.StatusServiceUnavailable {
			return err
		}
		select {
		case <-tick.C:
		case <-b.server.ended:
			return errors.New("the service has ended")
		case <-ctx.Done():
			return fmt.Errorf("it is not back: %w", err)
		}
	}
}
