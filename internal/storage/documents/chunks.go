package documents

import (
	"context"
	"database/sql"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/litefile"
)

const (
	// chunkColumns are those of a chunk c of document d, without its text.
	chunkColumns = `c.number, d.id, c.seq, c.start, c.end, c.page, c.last_page, c.section, c.context, c.tokens, c.is_table`

	selectChunks = `
		SELECT ` + chunkColumns + `, c.content
		FROM documents d CROSS JOIN chunks c
		WHERE d.id = ?2 AND d.app = ?1 AND c.content = d.content AND c.seq >= ?3
		ORDER BY c.seq LIMIT ?4`
	// selectChunksByNumber has each chunk once for each piece that it touches, in the text's
	// order, and once if it touches none.
	selectChunksByNumber = `
		SELECT ` + chunkColumns + `,
			substr(p.text, max(c.start - p.start, 0) + 1, max(c.end - max(c.start, p.start), 0))
		FROM json_each(?2) AS wanted CROSS JOIN chunks c CROSS JOIN documents d
		LEFT JOIN pieces p ON p.content = c.content AND p.start > c.start - ?4 AND p.start < c.end
		WHERE c.number = wanted.value AND d.content = c.content AND d.app = ?1 AND d.status = ?3
		ORDER BY wanted.key, p.start`
)

// Chunks implements fairlead.DocumentChunks. The numbers of a document that is not ready
// are not yet for ever: the loss of power may take them back.
func (s *Store) Chunks(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID, from, limit int) (
	chunks []fairlead.Chunk, err error,
) {
	err = litefile.Read(ctx, s.file.Durable(), func(tx *sql.Tx) error {
		var content int64
		err := litefile.Query(ctx, tx, func(rows *sql.Rows) error {
			var c fairlead.Chunk
			if err := rows.Scan(append(columnsOf(&c), &content)...); err != nil {
				return err
			}
			chunks = append(chunks, c)
			return nil
		}, selectChunks, string(app), string(id), from, limit)
		if err != nil {
			return err
		}
		return fillTexts(ctx, tx, chunks, content)
	})
	if err != nil {
		return nil, s.file.Refused(ctx, "read the chunks of document "+string(id), err)
	}
	return chunks, nil
}

// columnsOf are where chunkColumns are read to.
func columnsOf(c *fairlead.Chunk) []any {
	return []any{&c.Number, &c.Document, &c.Seq, &c.Start, &c.End, &c.Page, &c.LastPage, &c.Section, &c.Context, &c.Tokens, &c.Table}
}

// fillTexts reads the texts of chunks that lie side by side in a content: each piece is
// read once, which many of them share.
func fillTexts(ctx context.Context, tx *sql.Tx, chunks []fairlead.Chunk, content int64) error {
	if len(chunks) == 0 {
		return nil
	}
	whole := fairlead.TextSpan{Start: chunks[0].Start, End: chunks[0].End}
	texts := make([][]byte, len(chunks))
	for i := range chunks {
		whole.Start, whole.End = min(whole.Start, chunks[i].Start), max(whole.End, chunks[i].End)
	}
	err := litefile.Query(ctx, tx, func(rows *sql.Rows) error {
		var (
			from  int64
			piece sql.RawBytes
		)
		if err := rows.Scan(&from, &piece); err != nil {
			return err
		}
		for i := range chunks {
			texts[i] = append(texts[i], cut(piece, from, fairlead.TextSpan{Start: chunks[i].Start, End: chunks[i].End})...)
		}
		return nil
	}, selectPieces, content, whole.Start, whole.End, maxPiece)
	for i := range chunks {
		chunks[i].Text = string(texts[i])
	}
	return err
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

// joinChunks reads rows of selectChunksByNumber into chunks.
func joinChunks(chunks *[]fairlead.Chunk) func(rows *sql.Rows) error {
	var text []byte // of the last chunk
	return func(rows *sql.Rows) error {
		var (
			c     fairlead.Chunk
			piece sql.RawBytes
		)
		err := rows.Scan(append(columnsOf(&c), &piece)...)
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
