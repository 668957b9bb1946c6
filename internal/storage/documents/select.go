package documents

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/documents/row"
	"github.com/fairleadhq/fairlead/internal/storage/litefile"
)

const (
	selectReady = `SELECT ` + row.Columns + ` FROM documents d
		WHERE d.app = ? AND d.status = 'ready' AND d.number > ? ORDER BY d.number LIMIT ?`
	selectByID = `SELECT ` + row.Columns + ` FROM json_each(?2) AS wanted CROSS JOIN documents d
		WHERE d.id = wanted.value AND d.app = ?1`
	selectApps = `SELECT DISTINCT app FROM document_totals ORDER BY app`
	// The apps are found as in selectNextDue; each has its first ones in the race.
	selectUnmatched = `
		WITH RECURSIVE apps (app) AS (
			SELECT min(p.app) FROM documents p WHERE ` + unmatched + ` UNION ALL
			SELECT (SELECT min(p.app) FROM documents p WHERE ` + unmatched + ` AND p.app > apps.app) FROM apps WHERE apps.app IS NOT NULL
		)
		SELECT ` + row.Columns + ` FROM apps CROSS JOIN documents d
		WHERE d.number IN (SELECT p.number FROM documents p WHERE ` + unmatched + ` AND p.app = apps.app AND p.embed_after <= ?1
			ORDER BY p.embed_after, p.number LIMIT min(?2, 16))
		ORDER BY row_number() OVER (PARTITION BY d.app ORDER BY d.embed_after, d.number), d.embed_after, d.number LIMIT ?2`
	unmatched = `p.embedding_pending = 1 AND p.status = 'ready'`

	countByStatus = `SELECT status, documents, bytes FROM document_totals WHERE app = ?`
	countJobs     = `SELECT count(*) FROM document_jobs`
	countRunning  = `SELECT count(*) FROM document_jobs WHERE lease_ends > 0 AND lease_ends > ?1 AND lease_ends <= ?2`
)

// ReadyDocuments implements fairlead.DocumentSelector.
func (s *Store) ReadyDocuments(ctx context.Context, app fairlead.AppID, after int64, limit int) ([]fairlead.Document, error) {
	return s.documents(ctx, "read the documents that are ready", selectReady, string(app), after, limit)
}

// DocumentsByID implements fairlead.DocumentSelector. An id that is named twice counts
// once.
func (s *Store) DocumentsByID(ctx context.Context, app fairlead.AppID, ids []fairlead.DocumentID) ([]fairlead.Document, error) {
	wanted, err := litefile.FromList(unique(ids))
	if err != nil {
		return nil, s.file.Refused(ctx, "read documents", err)
	}
	return s.documents(ctx, "read documents", selectByID, string(app), wanted)
}

// DocumentApps implements fairlead.DocumentSelector.
func (s *Store) DocumentApps(ctx context.Context) (apps []fairlead.AppID, err error) {
	err = litefile.Query(ctx, s.file.Durable(), func(rows *sql.Rows) error {
		var app fairlead.AppID
		err := rows.Scan(&app)
		apps = append(apps, app)
		return err
	}, selectApps)
	if err != nil {
		return nil, s.file.Refused(ctx, "read the apps that have documents", err)
	}
	return apps, nil
}

// PendingEmbeddings implements fairlead.DocumentSelector: those that are due, at most 16
// of an app, the one that is due for the longest time first.
func (s *Store) PendingEmbeddings(ctx context.Context, limit int) ([]fairlead.Document, error) {
	return s.documents(ctx, "read the documents without vectors", selectUnmatched, s.now().UnixMicro(), limit)
}

// CountDocuments implements fairlead.DocumentCounts.
func (s *Store) CountDocuments(ctx context.Context, app fairlead.AppID) (fairlead.DocumentCensus, error) {
	census, err := row.Census(ctx, s.file.Durable(), countByStatus, string(app))
	if err != nil {
		return fairlead.DocumentCensus{}, s.file.Refused(ctx, "count documents", err)
	}
	return census, nil
}

// CountJobs implements fairlead.DocumentCounts. A job whose lease has ended waits.
func (s *Store) CountJobs(ctx context.Context) (waiting, running int, err error) {
	now := s.now()
	err = s.file.Durable().QueryRowContext(ctx, countJobs).Scan(&waiting)
	if err == nil {
		err = s.file.Durable().QueryRowContext(ctx, countRunning, now.UnixMicro(), now.Add(MaxLease).UnixMicro()).Scan(&running)
	}
	if err != nil {
		return 0, 0, s.file.Refused(ctx, "count jobs", err)
	}
	return max(waiting-running, 0), running, nil
}

// unique is values in order, without those that are there twice.
func unique[V cmp.Ordered](values []V) []V {
	return slices.Compact(slices.Sorted(slices.Values(values)))
}
