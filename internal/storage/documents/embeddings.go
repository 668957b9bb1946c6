package documents

import (
	"context"
	"database/sql"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/storage/documents/row"
	"github.com/fairleadhq/fairlead/internal/storage/litefile"
)

const (
	selectContent = `SELECT content FROM documents WHERE id = ?2 AND app = ?1`
	insertSpace   = `INSERT INTO embedding_spaces (name) VALUES (?) ON CONFLICT (name) DO NOTHING`
	// A chunk of another document's, or of an earlier attempt, finds no row.
	upsertEmbedding = `
		INSERT INTO embeddings (content, space, chunk, vector)
		SELECT ?1, s.id, c.number, ?4 FROM chunks c CROSS JOIN embedding_spaces s
		WHERE c.number = ?3 AND c.content = ?1 AND s.name = ?2
		ON CONFLICT (content, space, chunk) DO UPDATE SET vector = excluded.vector`
	selectEmbeddings = `
		SELECT e.chunk, e.vector
		FROM documents d CROSS JOIN embedding_spaces s CROSS JOIN embeddings e
		WHERE d.id = ?2 AND d.app = ?1 AND d.status = 'ready' AND s.name = ?3
			AND e.content = d.content AND e.space = s.id AND e.chunk > ?4
		ORDER BY e.chunk LIMIT ?5`
	selectEmbeddingsByNumber = `
		SELECT e.chunk, e.vector
		FROM json_each(?3) AS wanted CROSS JOIN chunks c CROSS JOIN documents d CROSS JOIN embedding_spaces s
			CROSS JOIN embeddings e
		WHERE c.number = wanted.value AND d.content = c.content AND d.app = ?1 AND d.status = 'ready' AND s.name = ?2
			AND e.content = c.content AND e.space = s.id AND e.chunk = c.number`
	setPending = `UPDATE documents SET embedding_pending = ?3, embed_after = ?4 WHERE id = ?2 AND app = ?1`
)

// PutEmbeddings implements fairlead.Embeddings. A vector that is there already is
// replaced. One of a chunk that is not the document's, or not any more, is left out. A
// document that is not there is an error of Kind NotFound.
func (s *Store) PutEmbeddings(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID, space string,
	vectors []fairlead.Embedding,
) error {
	err := s.file.Relax(ctx, func(tx *sql.Tx) error {
		var content sql.NullInt64
		ok, err := litefile.One(tx.QueryRowContext(ctx, selectContent, string(app), string(id)), &content)
		if err == nil && !ok {
			err = row.NoDocument()
		}
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, insertSpace, space); err != nil {
			return err
		}
		put, err := tx.PrepareContext(ctx, upsertEmbedding)
		if err != nil {
			return err
		}
		defer put.Close()
		for _, v := range vectors {
			if _, err := put.ExecContext(ctx, content, space, v.Chunk, litefile.FromVector(v.Vector)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return s.file.Refused(ctx, "write vectors of document "+string(id), err)
	}
	return nil
}

// DocumentEmbeddings implements fairlead.Embeddings, for documents that are ready.
func (s *Store) DocumentEmbeddings(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID, of fairlead.EmbeddingRange) (
	[]fairlead.Embedding, error,
) {
	return s.embeddings(ctx, selectEmbeddings, string(app), string(id), of.Space, of.After, of.Limit)
}

// EmbeddingsByNumber implements fairlead.Embeddings, for documents that are ready. A
// number that is named twice counts once.
func (s *Store) EmbeddingsByNumber(ctx context.Context, app fairlead.AppID, space string, numbers []int64) (
	[]fairlead.Embedding, error,
) {
	wanted, err := litefile.FromList(unique(numbers))
	if err != nil {
		return nil, s.file.Refused(ctx, "read vectors", err)
	}
	return s.embeddings(ctx, selectEmbeddingsByNumber, string(app), space, wanted)
}

func (s *Store) embeddings(ctx context.Context, statement string, args ...any) (found []fairlead.Embedding, err error) {
	err = litefile.Query(ctx, s.file.Durable(), func(rows *sql.Rows) error {
		var (
			e      fairlead.Embedding
			vector sql.RawBytes
		)
		err := rows.Scan(&e.Chunk, &vector)
		if err == nil {
			e.Vector, err = litefile.ToVector(vector)
		}
		found = append(found, e)
		return err
	}, statement, args...)
	if err != nil {
		return nil, s.file.Refused(ctx, "read vectors", err)
	}
	return found, nil
}

// SetEmbeddingPending implements fairlead.Embeddings. A document that is not there is an
// error of Kind NotFound.
func (s *Store) SetEmbeddingPending(ctx context.Context, app fairlead.AppID, id fairlead.DocumentID,
	pending fairlead.EmbeddingState,
) error {
	err := s.file.Relax(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, setPending, string(app), string(id), pending.Pending, litefile.Instant(pending.NotBefore))
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return row.NoDocument()
	})
	if err != nil {
		return s.file.Refused(ctx, "note whether document "+string(id)+" needs vectors", err)
	}
	return nil
}
