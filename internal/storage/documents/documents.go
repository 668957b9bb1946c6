package documents

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/documents/row"
	"github.com/fairleadhq/fairlead/internal/storage/litefile"
)

const (
	selectDocument = `SELECT ` + row.Columns + ` FROM documents d WHERE d.id = ?2 AND d.app = ?1`
	selectBySum    = `SELECT ` + row.Columns + ` FROM documents d WHERE d.app = ? AND d.sha256 = ? AND d.status <> 'failed'`
	selectRoom     = `SELECT coalesce(sum(documents), 0), coalesce(sum(bytes), 0) FROM document_totals WHERE app = ?`
	insertDocument = `
		INSERT INTO documents (app, id, name, purpose, media_type, bytes, sha256, created, metadata, status, reason, code,
			pages, pages_done, chunks, text_bytes, embedding_pending, embed_after, title, language, company, period)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', '', '', ?, 0, 0, 0, 0, 0, ?, ?, ?, ?)`
	insertJob = `
		INSERT INTO document_jobs (document, app, owner, attempt, not_before, lease_ends)
		SELECT number, app, '', 0, 0, 0 FROM documents WHERE app = ? AND id = ?`
	deleteDocument = `DELETE FROM documents WHERE id = ?2 AND app = ?1`

	listOldest        = `SELECT ` + row.Columns + ` FROM documents d WHERE d.app = ? AND d.number > ? ORDER BY d.number LIMIT ?`
	listNewest        = `SELECT ` + row.Columns + ` FROM documents d WHERE d.app = ? AND d.number < ? ORDER BY d.number DESC LIMIT ?`
	listPurposeOldest = `SELECT ` + row.Columns + ` FROM documents d WHERE d.app = ?1 AND d.purpose = ?4 AND d.number > ?2 ORDER BY d.number LIMIT ?3`
	listPurposeNewest = `SELECT ` + row.Columns + ` FROM documents d WHERE d.app = ?1 AND d.purpose = ?4 AND d.number < ?2 ORDER BY d.number DESC LIMIT ?3`
)

// AddDocument implements fairlead.DocumentStore. The document's Number and Status are
// the store's, and what is known of its text is not taken from d. An id that is there
// already, of whichever app, is an error of Kind Internal.
func (s *Store) AddDocument(ctx context.Context, d fairlead.Document, room fairlead.DocumentRoom) (
	kept fairlead.Document, added bool, err error,
) {
	err = s.file.Write(ctx, func(tx *sql.Tx) error {
		var found bool
		kept, found, err = oneDocument(ctx, tx, selectBySum, string(d.App), d.SHA256[:])
		if err != nil || found {
			return err
		}
		if err := hasRoom(ctx, tx, d, room); err != nil {
			return err
		}
		if err := insert(ctx, tx, d); err != nil {
			return err
		}
		kept, added, err = oneDocument(ctx, tx, selectDocument, string(d.App), string(d.ID))
		return err
	})
	if err != nil {
		return fairlead.Document{}, false, s.file.Refused(ctx, "add document "+string(d.ID), err)
	}
	return kept, added, nil
}

// hasRoom returns an error if the app has no room for d.
func hasRoom(ctx context.Context, tx *sql.Tx, d fairlead.Document, room fairlead.DocumentRoom) error {
	var documents, bytes int64
	if err := tx.QueryRowContext(ctx, selectRoom, string(d.App)).Scan(&documents, &bytes); err != nil {
		return err
	}
	full := &fairlead.Error{
		Kind: fairlead.Limited, Code: "documents_full", NoRetry: true,
		Message: "The app has no room for this document; delete others first",
	}
	switch {
	case room.Documents > 0 && documents >= int64(room.Documents):
		full.Detail = fmt.Sprintf("It has %d documents, of at most %d", documents, room.Documents)
	case room.Bytes > 0 && d.Bytes > room.Bytes-bytes:
		full.Detail = fmt.Sprintf("It has %d bytes of documents, of at most %d, and this one has %d", bytes, room.Bytes, d.Bytes)
	default:
		return nil
	}
	return full
}

func insert(ctx context.Context, tx *sql.Tx, d fairlead.Document) error {
	metadata, err := litefile.FromMap(d.Metadata)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, insertDocument, string(d.App), string(d.ID), d.Name, d.Purpose, d.MediaType, d.Bytes,
		d.SHA256[:], litefile.FromTime(d.Created), metadata, d.Pages, d.About.Title, d.About.Language, d.About.Company, d.About.Period)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, insertJob, string(d.App), string(d.ID))
	return err
}

// Document implements fairlead.DocumentStore.
func (s *Store) Document(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID) (
	d fairlead.Document, ok bool, err error,
) {
	d, ok, err = oneDocument(ctx, s.file.Durable(), selectDocument, string(app), string(id))
	if err != nil {
		return fairlead.Document{}, false, s.file.Refused(ctx, "read a document", err)
	}
	return d, ok, nil
}

// ListDocuments implements fairlead.DocumentStore.
func (s *Store) ListDocuments(ctx context.Context, app fairlead.AppID, after fairlead.After, purpose string) (
	list []fairlead.Document, err error,
) {
	number, err := row.Behind(ctx, s.file.Durable(), after, row.SelectNumber, string(app), after.ID)
	if err != nil {
		return nil, s.file.Refused(ctx, "list documents", err)
	}
	args := []any{string(app), number, after.Limit}
	statement := listOldest
	switch {
	case purpose == "" && after.Newest:
		statement = listNewest
	case purpose != "" && after.Newest:
		statement, args = listPurposeNewest, append(args, purpose)
	case purpose != "":
		statement, args = listPurposeOldest, append(args, purpose)
	}
	return s.documents(ctx, "list documents", statement, args...)
}

// DeleteDocument implements fairlead.DocumentStore. How long the document was does not
// matter: its rows are left to Sweep.
func (s *Store) DeleteDocument(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID) (
	d fairlead.Document, ok bool, err error,
) {
	err = s.file.Write(ctx, func(tx *sql.Tx) error {
		if d, ok, err = oneDocument(ctx, tx, selectDocument, string(app), string(id)); err != nil || !ok {
			return err
		}
		_, err = tx.ExecContext(ctx, deleteDocument, string(app), string(id))
		return err
	})
	if err != nil {
		return fairlead.Document{}, false, s.file.Refused(ctx, "delete document "+string(id), err)
	}
	return d, ok, nil
}

// oneDocument is the document that the statement finds, if there is one.
func oneDocument(ctx context.Context, db litefile.Querier, statement string, args ...any) (d fairlead.Document, ok bool, err error) {
	err = litefile.Query(ctx, db, func(rows *sql.Rows) error {
		ok = true
		return row.Scan(rows, &d)
	}, statement, args...)
	return d, ok, err
}

// documents are those that the statement finds.
func (s *Store) documents(ctx context.Context, doing, statement string, args ...any) (list []fairlead.Document, err error) {
	err = litefile.Query(ctx, s.file.Durable(), func(rows *sql.Rows) error {
		list = append(list, fairlead.Document{})
		return row.Scan(rows, &list[len(list)-1])
	}, statement, args...)
	if err != nil {
		return nil, s.file.Refused(ctx, doing, err)
	}
	return list, nil
}
