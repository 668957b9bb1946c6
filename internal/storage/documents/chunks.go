package documents

import (
	"context"
	"database/sql"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/documents/row"
	"github.com/fairleadhq/fairlead/internal/storage/litefile"
)

const (
	// chunkColumns are those of a chunk c of document d, with the part of its text that is
	// in piece p. Chunks and pieces are joined by touches: a chunk comes once for each
	// piece that it touches, in the text's order, and once if it touches none.
	chunkColumns = `c.number, d.id, c.seq, c.start, c.end, c.page, c.last_page, c.section, c.context, c.tokens, c.is_table,
		substr(p.text, max(c.start - p.start, 0) + 1, max(c.end - max(c.start, p.start), 0))`
	touches = `p.content = c.content AND p.start > c.start - ?4 AND p.start < c.end`

	selectChunks = `
		SELECT ` + chunkColumns + `
		FROM documents d CROSS JOIN chunks c LEFT JOIN pieces p ON ` + touches + `
		WHERE d.id = ?2 AND d.app = ?1 AND c.content = d.content AND c.seq >= ?3 AND c.seq < ?5
		ORDER BY c.seq, p.start`
	selectLastSeq = `
		SELECT c.seq FROM documents d CROSS JOIN chunks c
		WHERE d.id = ?2 AND d.app = ?1 AND c.content = d.content AND c.seq >= ?3
		ORDER BY c.seq LIMIT 1 OFFSET ?4`
	selectChunksByNumber = `
		SELECT ` + chunkColumns + `
		FROM json_each(?2) AS wanted CROSS JOIN chunks c CROSS JOIN documents d LEFT JOIN pieces p ON ` + touches + `
		WHERE c.number = wanted.value AND d.content = c.content AND d.app = ?1 AND d.status = ?3
		ORDER BY wanted.key, p.start`
)

// Chunks implements fairlead.DocumentChunks. The numbers of a document that is not ready
// are not yet for ever: the loss of power may take them back.
func (s *Store) Chunks(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID, from, limit int) (
	chunks []fairlead.Chunk, err error,
) {
	err = litefile.Read(ctx, s.file.Durable(), func(tx *sql.Tx) error {
		end := row.BeyondAll
		// The rows of a chunk are one for each of its pieces, so they can't be limited.
		if _, err := litefile.One(tx.QueryRowContext(ctx, selectLastSeq, string(app), string(id), from, limit), &end); err != nil {
			return err
		}
		return litefile.Query(ctx, tx, joinChunks(&chunks), selectChunks, string(app), string(id), from, maxPiece, end)
	})
	if err != nil {
		return nil, s.file.Refused(ctx, "read the chunks of document "+string(id), err)
	}
	return chunks, nil
}

// ChunksByNumber implements fairlead.DocumentChunks. A number that is named twice counts
// once.
func (s *Store) ChunksByNumber(ctx context.Context, app fairlead.AppID, numbers []int64) (chunks []fairlead.Chunk, err error) {
	wanted, err := litefile.FromList(unique(numbers))
	if err == nil {
		err = litefile.Query(ctx, s.file.Durable(), joinChunks(&chunks), selectChunksByNumber,
			string(app), wanted, string(fairlead.DocumentReady), maxPiece)
	}
	if err != nil {
		return nil, s.file.Refused(ctx, "read chunks", err)
	}
	return chunks, nil
}

// joinChunks reads rows of chunkColumns into chunks.
func joinChunks(chunks *[]fairlead.Chunk) func(rows *sql.Rows) error {
	var text []byte // of the last chunk
	return func(rows *sql.Rows) error {
		var (
			c     fairlead.Chunk
			piece sql.RawBytes
		)
		err := rows.Scan(&c.Number, &c.Document, &c.Seq, &c.Start, &c.End, &c.Page, &c.LastPage, &c.Section, &c.Context,
			&c.Tokens, &c.Table, &piece)
		if err != nil {
			return err
		}
		if n := len(*chunks); n > 0 && (*chunks)[n-1].Number == c.Number {
			text = append(text, piece...)
			(*chunks)[n-1].Text = string(text)
			return nil
		}
		text = append(text[:0], piece...)
		c.Text = string(text)
		*chunks = append(*chunks, c)
		return nil
	}
}
