package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/litefile"
)

const (
	upsertResponse = `
		INSERT INTO responses (app, id, status, created, expires, provider, provider_key, kept_as, model, previous,
			background, items, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (app, id) DO UPDATE SET
			status = excluded.status, created = excluded.created, expires = excluded.expires,
			provider = excluded.provider, provider_key = excluded.provider_key, kept_as = excluded.kept_as,
			model = excluded.model, previous = excluded.previous, background = excluded.background,
			items = excluded.items, body = excluded.body`
	selectTotals = `SELECT rows, bytes FROM response_totals WHERE app = ?`
	evictOldest  = `
		DELETE FROM responses WHERE rowid IN (
			SELECT rowid FROM responses
			WHERE app = ?1 AND id <> ?2 AND status NOT IN ('queued', 'in_progress')
			ORDER BY created, rowid LIMIT 1)`
	updateResponse = `
		UPDATE responses
		SET status = ?, provider = ?, provider_key = ?, kept_as = ?, body = coalesce(?, body)
		WHERE app = ? AND id = ? AND status IN ('queued', 'in_progress')`
	selectResponse = `
		SELECT status, created, expires, provider, provider_key, kept_as, model, previous, background, items, body
		FROM responses WHERE app = ? AND id = ?`
	deleteResponse = `DELETE FROM responses WHERE app = ? AND id = ?`
	sweepResponses = `
		DELETE FROM responses WHERE rowid IN (
			SELECT rowid FROM responses WHERE expires <= ? ORDER BY expires LIMIT ?)`
	failResponses = `
		UPDATE responses SET status = 'failed'
		WHERE status IN ('queued', 'in_progress') AND (?1 IS NULL OR created < ?1)`
	noteName = `
		INSERT OR IGNORE INTO response_names (app, name, response)
		SELECT app, ?3, id FROM responses WHERE app = ?1 AND id = ?2`
	selectName = `SELECT EXISTS (SELECT 1 FROM response_names WHERE app = ? AND name = ?)`
)

// sweptAtOnce is how many rows one statement deletes: others wait for it, and a row may
// be tens of MiB long. What one statement has deleted stays so if the next is late.
const sweptAtOnce = 10

// PutResponse implements fairlead.ResponseStore.
func (s *Store) PutResponse(ctx context.Context, r fairlead.Response, room fairlead.ResponseRoom) error {
	err := litefile.Transact(ctx, s.quick, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, upsertResponse, string(r.App), r.ID, string(r.Status), litefile.FromTime(r.Created),
			litefile.FromTime(r.Expires), r.Maker.Provider, r.Maker.Key, r.KeptAs, r.Model, r.Previous, r.Background,
			notNull(r.Items), notNull(r.Body))
		if err != nil {
			return err
		}
		return makeRoom(ctx, tx, r, room)
	})
	if err != nil {
		return s.notKept(ctx, r, "write", err)
	}
	return nil
}

// makeRoom deletes the oldest of the app's responses until those that are left have
// room, r among them.
func makeRoom(ctx context.Context, tx *sql.Tx, r fairlead.Response, room fairlead.ResponseRoom) error {
	for {
		var rows, bytes int64
		if err := tx.QueryRowContext(ctx, selectTotals, string(r.App)).Scan(&rows, &bytes); err != nil {
			return err
		}
		if (room.Rows <= 0 || rows <= int64(room.Rows)) && (room.Bytes <= 0 || bytes <= room.Bytes) {
			return nil
		}
		if n, err := litefile.Affected(tx.ExecContext(ctx, evictOldest, string(r.App), r.ID)); err != nil || n == 0 {
			return err
		}
	}
}

// UpdateResponse implements fairlead.ResponseStore.
func (s *Store) UpdateResponse(ctx context.Context, r fairlead.Response, room fairlead.ResponseRoom) error {
	var body any // NULL keeps the one that is there
	if len(r.Body) > 0 {
		body = r.Body
	}
	err := litefile.Transact(ctx, s.quick, func(tx *sql.Tx) error {
		n, err := litefile.Affected(tx.ExecContext(ctx, updateResponse,
			string(r.Status), r.Maker.Provider, r.Maker.Key, r.KeptAs, body, string(r.App), r.ID))
		if err != nil || n == 0 {
			return err
		}
		return makeRoom(ctx, tx, r, room)
	})
	if err != nil {
		return s.notKept(ctx, r, "update", err)
	}
	return nil
}

// Response implements fairlead.ResponseStore.
func (s *Store) Response(ctx context.Context, app fairlead.AppID, id string) (r fairlead.Response, ok bool, err error) {
	r = fairlead.Response{ID: id, App: app}
	var created, expires sql.NullInt64
	err = s.db.QueryRowContext(ctx, selectResponse, string(app), id).Scan(&r.Status, &created, &expires,
		&r.Maker.Provider, &r.Maker.Key, &r.KeptAs, &r.Model, &r.Previous, &r.Background, &r.Items, &r.Body)
	if errors.Is(err, sql.ErrNoRows) {
		return fairlead.Response{}, false, nil
	}
	if err != nil {
		return fairlead.Response{}, false, s.file.Failed(ctx, "read a response", err)
	}
	r.Created, r.Expires = litefile.ToTime(created), litefile.ToTime(expires)
	return r, true, nil
}

// DeleteResponse implements fairlead.ResponseStore.
func (s *Store) DeleteResponse(ctx context.Context, app fairlead.AppID, id string) (ok bool, err error) {
	n, err := litefile.Affected(s.quick.ExecContext(ctx, deleteResponse, string(app), id))
	if err != nil {
		return false, s.file.Failed(ctx, "delete a response", err)
	}
	return n > 0, nil
}

// SweepResponses implements fairlead.ResponseSweeper.
func (s *Store) SweepResponses(ctx context.Context, now time.Time) error {
	for {
		n, err := litefile.Affected(s.quick.ExecContext(ctx, sweepResponses, now.UnixMicro(), sweptAtOnce))
		if err != nil {
			return s.file.Failed(ctx, "delete expired responses", err)
		}
		if n < sweptAtOnce {
			return nil
		}
	}
}

// FailResponses implements fairlead.ResponseSweeper. It is for the service as it
// starts, not for Open: another process may open the file under a running service.
func (s *Store) FailResponses(ctx context.Context, before time.Time) error {
	if _, err := s.quick.ExecContext(ctx, failResponses, litefile.FromTime(before)); err != nil {
		return s.file.Failed(ctx, "end the responses of before", err)
	}
	return nil
}

// NoteResponseNames implements fairlead.ResponseNames.
func (s *Store) NoteResponseNames(ctx context.Context, app fairlead.AppID, id string, names []string) error {
	err := litefile.Transact(ctx, s.quick, func(tx *sql.Tx) error {
		for _, name := range names {
			if _, err := tx.ExecContext(ctx, noteName, string(app), id, name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return s.file.Failed(ctx, "note the names of a response", err)
	}
	return nil
}

// HasResponseName implements fairlead.ResponseNames.
func (s *Store) HasResponseName(ctx context.Context, app fairlead.AppID, name string) (has bool, err error) {
	if err := s.db.QueryRowContext(ctx, selectName, string(app), name).Scan(&has); err != nil {
		return false, s.file.Failed(ctx, "look a name of a response up", err)
	}
	return has, nil
}

// notKept is the error of a response that could not be written. Its answer may have been
// paid for: a client that tried again on its own would pay once more, for nothing.
func (s *Store) notKept(ctx context.Context, r fairlead.Response, doing string, err error) error {
	e := fairlead.AsError(s.file.Failed(ctx, doing+" response "+r.ID, err))
	e.NoRetry = true
	if !r.Background { // which must be stored
		e.Detail = "send store: false to go on without storing"
	}
	return e
}

// notNull is b, which the driver would write as NULL if it were nil.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
