package identity

import (
	"context"
	"fmt"
	"time"
)

// storageTimeout bounds each call to the store that Run makes.
const storageTimeout = 5 * time.Second

// Run keeps the directory up to date until ctx ends: it reloads the keys when
// one has changed, and stores when keys were last used, for the last time
// before it returns. A store that fails is logged once, and once more when it
// is back; until then the keys stay as they were. Run must not be called twice.
// It always returns nil.
func (d *Directory) Run(ctx context.Context) error {
	poll := time.NewTicker(d.poll)
	defer poll.Stop()
	flush := time.NewTicker(d.flush)
	defer flush.Stop()
	reading := health{failed: "keys cannot be read, the earlier ones stay in force", back: "keys can be read again"}
	writing := health{failed: "last use of keys cannot be stored", back: "last use of keys can be stored again"}
	for {
		select {
		case <-poll.C:
			err := d.refresh(ctx)
			if ctx.Err() == nil {
				d.report(&reading, err)
			}
		case <-flush.C:
			err := d.storeUses(ctx)
			if ctx.Err() == nil {
				d.report(&writing, err)
			}
		case <-ctx.Done():
			d.report(&writing, d.storeUses(context.WithoutCancel(ctx)))
			return nil
		}
	}
}

// health is whether something worked the last time, and what to say when that
// changes.
type health struct {
	failing      bool
	failed, back string
}

func (d *Directory) report(h *health, err error) {
	failing := err != nil
	if failing == h.failing {
		return
	}
	h.failing = failing
	if failing {
		d.log.Error("key storage fails", "effect", h.failed, "error", err)
		return
	}
	d.log.Info("key storage works again", "effect", h.back)
}

// refresh reloads the keys if one has changed.
func (d *Directory) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storageTimeout)
	defer cancel()
	version, err := d.store.KeysVersion(ctx)
	if err != nil {
		return fmt.Errorf("look for changed keys: %w", err)
	}
	if version == d.snapshot.Load().version {
		return nil
	}
	if err := d.load(ctx); err != nil {
		return fmt.Errorf("reload keys: %w", err)
	}
	return nil
}

// storeUses stores when keys were last used, of those used since the last time.
func (d *Directory) storeUses(ctx context.Context) error {
	uses := d.snapshot.Load().uses
	changed := make(map[string]time.Time)
	for id, u := range uses {
		if last := u.last.Load(); last != u.stored {
			changed[id] = time.Unix(0, last)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storageTimeout)
	defer cancel()
	if err := d.store.TouchKeys(ctx, changed); err != nil {
		return fmt.Errorf("store last use of %d keys: %w", len(changed), err)
	}
	for id, at := range changed {
		uses[id].stored = at.UnixNano()
	}
	return nil
}
