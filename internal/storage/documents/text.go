package documents

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/litefile"
)

// maxPiece is the most bytes of one piece of a text. Whoever reads a passage reads the
// pieces that it touches. It may be made larger at any time, and never smaller: it tells
// readers how far in front of a place the piece that holds it can begin.
const maxPiece = 16 << 10

const (
	selectHeld = `
		SELECT c.id, c.text_bytes
		FROM documents d CROSS JOIN document_jobs j CROSS JOIN contents c
		WHERE d.id = ?2 AND d.app = ?1 AND j.document = d.number AND j.owner = ?3 AND j.attempt = ?4 AND j.lease_ends > 0
			AND c.id = d.content`
	insertPiece   = `INSERT INTO pieces (content, start, text) VALUES (?, ?, ?)`
	insertOutline = `INSERT INTO outlines (content, pages, sections, tables) VALUES (?, ?, ?, ?)`
	insertChunk   = `
		INSERT INTO chunks (content, seq, start, end, page, last_page, tokens, is_table, section, context)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	updateLength = `UPDATE contents SET text_bytes = ? WHERE id = ?`

	selectTextBytes = `
		SELECT c.id, c.text_bytes FROM documents d CROSS JOIN contents c
		WHERE d.id = ?2 AND d.app = ?1 AND d.status = 'ready' AND c.id = d.content`
	selectPieces = `
		SELECT start, text FROM pieces WHERE content = ?1 AND start > ?2 - ?4 AND start < ?3 ORDER BY start`
	selectReadyContent = `SELECT content FROM documents WHERE id = ?2 AND app = ?1 AND status = 'ready'`
	selectOutlines     = `SELECT pages, sections, tables FROM outlines WHERE content = ? ORDER BY id`
)

// AddContent implements fairlead.DocumentText. The part is stored whole or not at all, in
// one transaction, which other writers wait for: parts of about 1 MiB are best. One that
// does not begin where the text that is there ends is an error of Kind Internal; so a
// part is never there twice.
func (s *Store) AddContent(ctx context.Context, job *fairlead.DocumentJob, part fairlead.DocumentContent) error {
	err := s.file.Relax(ctx, func(tx *sql.Tx) error {
		// The transaction ends with ctx; a statement need not, and would have to start a
		// goroutine of its own for that.
		ctx := context.WithoutCancel(ctx)
		var content, length int64
		d := &job.Document
		err := tx.QueryRowContext(ctx, selectHeld, string(d.App), string(d.ID), job.Owner, job.Attempt).Scan(&content, &length)
		if errors.Is(err, sql.ErrNoRows) {
			return jobLost()
		}
		if err != nil {
			return err
		}
		return addPart(ctx, tx, part, content, length)
	})
	if err != nil {
		return s.file.Refused(ctx, "add to the content of document "+string(job.Document.ID), err)
	}
	return nil
}

// addPart adds the part to a content that has a text of that length.
func addPart(ctx context.Context, tx *sql.Tx, part fairlead.DocumentContent, content, length int64) error {
	if len(part.Text) > 0 {
		if part.Offset != length {
			return fmt.Errorf("a part begins at byte %d of a text of %d bytes", part.Offset, length)
		}
		if err := addPieces(ctx, tx, part, content); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, updateLength, length+int64(len(part.Text)), content); err != nil {
			return err
		}
	}
	if len(part.Pages)+len(part.Sections)+len(part.Tables) > 0 {
		pages, err := litefile.FromList(part.Pages)
		sections, err2 := litefile.FromList(part.Sections)
		tables, err3 := litefile.FromList(part.Tables)
		if err := errors.Join(err, err2, err3); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, insertOutline, content, pages, sections, tables); err != nil {
			return err
		}
	}
	return addChunks(ctx, tx, part.Chunks, content)
}

func addPieces(ctx context.Context, tx *sql.Tx, part fairlead.DocumentContent, content int64) error {
	add, err := tx.PrepareContext(ctx, insertPiece)
	if err != nil {
		return err
	}
	defer add.Close()
	for at, rest := part.Offset, part.Text; len(rest) > 0; {
		runtime.Gosched() // whoever computes for long gives way only after 10 ms
		n := min(len(rest), maxPiece)
		if _, err := add.ExecContext(ctx, content, at, rest[:n]); err != nil {
			return err
		}
		at, rest = at+int64(n), rest[n:]
	}
	return nil
}

func addChunks(ctx context.Context, tx *sql.Tx, chunks []fairlead.Chunk, content int64) error {
	if len(chunks) == 0 {
		return nil
	}
	add, err := tx.PrepareContext(ctx, insertChunk)
	if err != nil {
		return err
	}
	defer add.Close()
	for i := range chunks {
		runtime.Gosched()
		c := &chunks[i]
		_, err := add.ExecContext(ctx, content, c.Seq, c.Start, c.End, c.Page, c.LastPage, c.Tokens, c.Table, c.Section, c.Context)
		if err != nil {
			return err
		}
	}
	return nil
}

// Text implements fairlead.DocumentText. It reads the pieces that the span touches, and
// no others.
func (s *Store) Text(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID, at fairlead.TextSpan) (
	text []byte, ok bool, err error,
) {
	err = litefile.Read(ctx, s.file.Durable(), func(tx *sql.Tx) error {
		var content, length int64
		if ok, err = litefile.One(tx.QueryRowContext(ctx, selectTextBytes, string(app), string(id)), &content, &length); err != nil || !ok {
			return err
		}
		start, end := max(at.Start, 0), min(at.End, length)
		if start >= end {
			return nil
		}
		text = make([]byte, 0, end-start)
		return litefile.Query(ctx, tx, func(rows *sql.Rows) error {
			var (
				from  int64
				piece sql.RawBytes
			)
			if err := rows.Scan(&from, &piece); err != nil {
				return err
			}
			text = append(text, cut(piece, from, fairlead.TextSpan{Start: start, End: end})...)
			return nil
		}, selectPieces, content, start, end, maxPiece)
	})
	if err != nil {
		return nil, false, s.file.Refused(ctx, "read the text of document "+string(id), err)
	}
	return text, ok, nil
}

// cut is what of a piece that begins at byte from lies within the span.
func cut(piece []byte, from int64, at fairlead.TextSpan) []byte {
	length := int64(len(piece))
	begin := min(max(at.Start-from, 0), length)
	return piece[begin:max(min(at.End-from, length), begin)]
}

// Outline implements fairlead.DocumentText.
func (s *Store) Outline(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID) (
	o fairlead.DocumentOutline, ok bool, err error,
) {
	err = litefile.Read(ctx, s.file.Durable(), func(tx *sql.Tx) error {
		var content int64
		if ok, err = litefile.One(tx.QueryRowContext(ctx, selectReadyContent, string(app), string(id)), &content); err != nil || !ok {
			return err
		}
		return litefile.Query(ctx, tx, func(rows *sql.Rows) error {
			var pages, sections, tables sql.RawBytes
			if err := rows.Scan(&pages, &sections, &tables); err != nil {
				return err
			}
			return errors.Join(extend(&o.Pages, pages), extend(&o.Sections, sections), extend(&o.Tables, tables))
		}, selectOutlines, content)
	})
	if err != nil {
		return fairlead.DocumentOutline{}, false, s.file.Refused(ctx, "read the outline of document "+string(id), err)
	}
	// A section may have been added when it ended, behind those below it.
	slices.SortStableFunc(o.Pages, func(a, b fairlead.Page) int { return cmp.Compare(a.Number, b.Number) })
	slices.SortStableFunc(o.Sections, func(a, b fairlead.Section) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.Level, b.Level))
	})
	slices.SortStableFunc(o.Tables, func(a, b fairlead.Table) int { return cmp.Compare(a.Start, b.Start) })
	return o, ok, nil
}

// extend appends the values of a JSON array.
func extend[V any](values *[]V, array []byte) error {
	var more []V
	if err := json.Unmarshal(array, &more); err != nil {
		return err
	}
	*values = append(*values, more...)
	return nil
}
