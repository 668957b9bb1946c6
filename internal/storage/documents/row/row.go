// Package row is what the stores in the file of documents have in common: how a
// document's row is read, and where in a list of rows a page begins.
//
// Start with Columns and Scan.
package row

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/litefile"
)

// Columns are those of a document d, as Scan reads them.
const Columns = `d.number, d.app, d.id, d.name, d.purpose, d.media_type, d.bytes, d.sha256, d.created, d.metadata,
		d.status, d.reason, d.code, d.pages, d.pages_done, d.chunks, d.text_bytes, d.embedding_pending,
		d.title, d.language, d.company, d.period`

// SelectNumber finds the number of the document of app ?1 with id ?2.
const SelectNumber = `SELECT number FROM documents WHERE id = ?2 AND app = ?1`

// BeyondAll is more than any number that is given.
const BeyondAll int64 = 1<<63 - 1

// Scan reads the columns of a document, and behind them those of more.
func Scan(rows *sql.Rows, d *fairlead.Document, more ...any) error {
	var (
		sum      []byte
		created  sql.NullInt64
		metadata string
	)
	err := rows.Scan(append([]any{
		&d.Number, &d.App, &d.ID, &d.Name, &d.Purpose, &d.MediaType, &d.Bytes, &sum, &created, &metadata,
		&d.Status, &d.Reason, &d.Code, &d.Pages, &d.PagesDone, &d.Chunks, &d.TextBytes, &d.EmbeddingPending,
		&d.About.Title, &d.About.Language, &d.About.Company, &d.About.Period,
	}, more...)...)
	if err != nil {
		return err
	}
	if len(sum) != len(d.SHA256) {
		return fmt.Errorf("the sum of document %s has %d bytes", d.ID, len(sum))
	}
	d.SHA256, d.Created = [32]byte(sum), litefile.ToTime(created)
	d.Metadata, err = litefile.ToMap[any](metadata)
	return err
}

// Census reads rows of a status, a count and a sum of bytes.
func Census(ctx context.Context, db litefile.Querier, statement string, args ...any) (fairlead.DocumentCensus, error) {
	census := fairlead.DocumentCensus{ByStatus: make(map[fairlead.DocumentStatus]int)}
	err := litefile.Query(ctx, db, func(rows *sql.Rows) error {
		var (
			status fairlead.DocumentStatus
			number int
			bytes  int64
		)
		err := rows.Scan(&status, &number, &bytes)
		census.ByStatus[status] = number
		census.Bytes += bytes
		return err
	}, statement, args...)
	return census, err
}

// Behind is the number behind which a page of a list goes on. statement tells that of
// after.ID; one that is not there is an error of Kind NotFound.
func Behind(ctx context.Context, db *sql.DB, after fairlead.After, statement string, args ...any) (number int64, err error) {
	switch {
	case after.ID == "" && after.Newest:
		return BeyondAll, nil
	case after.ID == "":
		return 0, nil
	}
	ok, err := litefile.One(db.QueryRowContext(ctx, statement, args...), &number)
	if err == nil && !ok {
		err = &fairlead.Error{
			Kind: fairlead.NotFound, Code: "cursor_not_found", Message: "The item after which the list should begin does not exist",
		}
	}
	return number, err
}

// NoDocument is the error of a document that is not there.
func NoDocument() error {
	return &fairlead.Error{Kind: fairlead.NotFound, Code: "document_not_found", Message: fairlead.NoDocument}
}
