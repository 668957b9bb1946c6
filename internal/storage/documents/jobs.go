package documents

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/documents/row"
	"github.com/fairleadhq/fairlead/internal/storage/litefile"
)

// MaxLease is the longest lease there is; one that is asked for longer is cut to it. A
// lease that ends later than that was given by a clock that was wrong, and does not count.
const MaxLease = 15 * time.Minute

const (
	// due is the condition on a job j to be handed out at ?1; ?2 is when the longest lease
	// from now on would end.
	due = `j.not_before <= ?1 AND (j.lease_ends <= ?1 OR j.lease_ends > ?2)`

	selectAnyDue = `SELECT EXISTS (SELECT 1 FROM document_jobs j WHERE ` + due + `)`
	// The apps are found by hops over the index, and not by its every row.
	selectNextDue = `
		WITH RECURSIVE apps (app) AS (
			SELECT min(app) FROM document_jobs
			UNION ALL
			SELECT (SELECT min(j.app) FROM document_jobs j WHERE j.app > apps.app) FROM apps WHERE apps.app IS NOT NULL
		), firsts (app, document) AS (
			SELECT app, (SELECT j.document FROM document_jobs j WHERE j.app = apps.app AND ` + due + ` ORDER BY j.document LIMIT 1)
			FROM apps WHERE app IS NOT NULL
		)
		SELECT document FROM firsts WHERE document IS NOT NULL
		ORDER BY (
			SELECT count(*) FROM document_jobs j
			WHERE j.app = firsts.app AND j.lease_ends > 0 AND j.lease_ends > ?1 AND j.lease_ends <= ?2
		), document LIMIT 1`
	claimJob = `
		UPDATE document_jobs SET owner = ?2, attempt = attempt + 1, lease_ends = ?3, not_before = 0
		WHERE document = ?1 RETURNING attempt`
	insertContent = `INSERT INTO contents (document, text_bytes, dropped) VALUES (?, 0, 0)`
	beginContent  = `UPDATE documents SET content = ?2, status = 'queued', pages_done = 0 WHERE number = ?1`
	selectClaimed = `SELECT ` + row.Columns + ` FROM documents d WHERE d.number = ?`

	// held is the condition on a job j to be the one of app ?1, document ?2, owner ?3 and
	// attempt ?4.
	held = `j.document = (SELECT number FROM documents WHERE id = ?2 AND app = ?1) AND j.owner = ?3 AND j.attempt = ?4
		AND j.lease_ends > 0`
	renewJob   = `UPDATE document_jobs AS j SET lease_ends = ?5 WHERE ` + held
	releaseJob = `
		UPDATE document_jobs AS j SET owner = '', lease_ends = 0, not_before = ?5, attempt = max(attempt - ?6, 0) WHERE ` + held
	// A second for the first attempt, two for the second, up to about a minute.
	endLeases    = `UPDATE document_jobs SET owner = '', lease_ends = 0, not_before = ?1 + (500000 << min(attempt, 7)) WHERE lease_ends > 0`
	finishJob    = `DELETE FROM document_jobs AS j WHERE ` + held
	noteProgress = `
		UPDATE documents SET status = ?3, pages = ?4, pages_done = ?5, media_type = ?6 WHERE id = ?2 AND app = ?1`
	dropContent    = `UPDATE documents SET content = NULL, status = 'queued', pages_done = 0 WHERE id = ?2 AND app = ?1`
	finishDocument = `
		UPDATE documents SET media_type = ?3, status = ?4, reason = ?5, code = ?6, pages = ?7, pages_done = ?8,
			chunks = ?9, text_bytes = ?10, embedding_pending = ?11, embed_after = 0,
			title = ?12, language = ?13, company = ?14, period = ?15,
			content = CASE WHEN ?4 = 'ready' THEN content END
		WHERE id = ?2 AND app = ?1`
)

// ClaimJob implements fairlead.DocumentJobs. Among apps with equally many jobs under way
// it is the turn of the document that was added first. owner must not be "". The
// document's Status is DocumentQueued again, whatever an earlier attempt made of it.
func (s *Store) ClaimJob(ctx context.Context, owner string, lease time.Duration) (job *fairlead.DocumentJob, err error) {
	now := s.now()
	var some bool
	err = s.file.Durable().QueryRowContext(ctx, selectAnyDue, now.UnixMicro(), now.Add(MaxLease).UnixMicro()).Scan(&some)
	if err == nil && some {
		err = s.file.Relax(ctx, func(tx *sql.Tx) error {
			job, err = s.claim(ctx, tx, owner, lease)
			return err
		})
	}
	if err != nil {
		return nil, s.file.Refused(ctx, "claim a job", err)
	}
	return job, nil
}

func (s *Store) claim(ctx context.Context, tx *sql.Tx, owner string, lease time.Duration) (*fairlead.DocumentJob, error) {
	if owner == "" {
		return nil, errors.New("nobody claims the job")
	}
	var number int64
	now := s.now()
	err := tx.QueryRowContext(ctx, selectNextDue, now.UnixMicro(), now.Add(MaxLease).UnixMicro()).Scan(&number)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // as the interface has it: there is none
	}
	if err != nil {
		return nil, err
	}
	job := &fairlead.DocumentJob{Owner: owner}
	if err := tx.QueryRowContext(ctx, claimJob, number, owner, s.leaseEnd(lease)).Scan(&job.Attempt); err != nil {
		return nil, err
	}
	result, err := tx.ExecContext(ctx, insertContent, number)
	if err != nil {
		return nil, err
	}
	content, err := result.LastInsertId()
	if err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, beginContent, number, content); err != nil {
		return nil, err
	}
	var ok bool
	if job.Document, ok, err = oneDocument(ctx, tx, selectClaimed, number); err == nil && !ok {
		err = fmt.Errorf("document %d has a job and is not there", number)
	}
	return job, err
}

// endLeases gives the jobs back that were under way when whoever had them ended. Their
// attempts count, and each is due after a pause that doubles with them: a document over
// which the service dies is soon behind all others.
func (s *Store) endLeases(ctx context.Context) error {
	err := s.file.Relax(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, endLeases, s.now().UnixMicro())
		return err
	})
	// On a disk that is full they end by the clock.
	if err != nil {
		if err = s.file.Refused(ctx, "end the leases of documents", err); fairlead.IsKind(err, fairlead.Busy) {
			return nil
		}
	}
	return err
}

// leaseEnd is when a lease that begins now ends, as a column holds it.
func (s *Store) leaseEnd(lease time.Duration) int64 {
	return s.now().Add(min(max(lease, 0), MaxLease)).UnixMicro()
}

// RenewJob implements fairlead.DocumentJobs. A lease that has ended can be renewed while
// nobody else has claimed the job. A Status that a document has only when its job is
// finished is an error of Kind Internal.
func (s *Store) RenewJob(ctx context.Context, job *fairlead.DocumentJob, lease time.Duration) error {
	d := &job.Document
	err := s.file.Relax(ctx, func(tx *sql.Tx) error {
		if d.Status.Ended() {
			return fmt.Errorf("a job under way can't be %s", d.Status)
		}
		if err := change(ctx, tx, job, renewJob, s.leaseEnd(lease)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, noteProgress, string(d.App), string(d.ID), string(d.Status), d.Pages, d.PagesDone, d.MediaType)
		return err
	})
	if err != nil {
		return s.file.Refused(ctx, "renew the job of document "+string(d.ID), err)
	}
	return nil
}

// FinishJob implements fairlead.DocumentJobs. All that was added is on disk when it
// returns. What a document is whatever becomes of it, its Purpose, SHA256 and Created,
// stays as it was. A Status that is not that of an end is an error of Kind Internal.
func (s *Store) FinishJob(ctx context.Context, job *fairlead.DocumentJob) error {
	d := &job.Document
	err := s.file.Write(ctx, func(tx *sql.Tx) error {
		if !d.Status.Ended() {
			return fmt.Errorf("a job can't end as %s", d.Status)
		}
		if err := change(ctx, tx, job, finishJob); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, finishDocument, string(d.App), string(d.ID), d.MediaType, string(d.Status), d.Reason, d.Code,
			d.Pages, d.PagesDone, d.Chunks, d.TextBytes, d.EmbeddingPending,
			d.About.Title, d.About.Language, d.About.Company, d.About.Period)
		return err
	})
	if err != nil {
		return s.file.Refused(ctx, "finish the job of document "+string(d.ID), err)
	}
	return nil
}

// ReleaseJob implements fairlead.DocumentJobs.
func (s *Store) ReleaseJob(ctx context.Context, job *fairlead.DocumentJob, release fairlead.JobRelease) error {
	undone := 0
	if release.Undone {
		undone = 1
	}
	d := &job.Document
	err := s.file.Relax(ctx, func(tx *sql.Tx) error {
		if err := change(ctx, tx, job, releaseJob, litefile.Instant(release.NotBefore), undone); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, dropContent, string(d.App), string(d.ID))
		return err
	})
	if err != nil {
		return s.file.Refused(ctx, "release the job of document "+string(d.ID), err)
	}
	return nil
}

// change runs a statement on the job that is held; args begin with its fifth.
func change(ctx context.Context, tx *sql.Tx, job *fairlead.DocumentJob, statement string, args ...any) error {
	d := &job.Document
	n, err := litefile.Affected(tx.ExecContext(ctx, statement,
		append([]any{string(d.App), string(d.ID), job.Owner, job.Attempt}, args...)...))
	if err == nil && n == 0 {
		err = jobLost()
	}
	return err
}

// jobLost is the error of a job that is another's by now, or nobody's.
func jobLost() error {
	return &fairlead.Error{Kind: fairlead.Gone, Code: "job_lost", Message: "The work on the document is another's by now, or no longer wanted"}
}
