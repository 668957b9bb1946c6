package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	_ "modernc.org/sqlite" // the driver

	"github.com/fairleadhq/fairlead/bench/corpus"
)

// fts5 is SQLite's full-text index, without the text. Documents are ranges of its rows.
type fts5 struct {
	// rarest is how many of a query's words are looked for, 0 is all.
	rarest int

	db     *sql.DB
	ranges map[int][2]int // of documents, the first and the last row
}

func (f *fts5) open(ctx context.Context, dir string) (err error) {
	if f.db, err = sql.Open("sqlite", filepath.Join(dir, "index.db")+"?_pragma=journal_mode(wal)&_pragma=synchronous(normal)"); err != nil {
		return err
	}
	f.db.SetMaxOpenConns(1)
	_, err = f.db.ExecContext(ctx, `
		create virtual table if not exists chunks using fts5(text, content='', tokenize='unicode61');
		create virtual table if not exists words using fts5vocab(chunks, row);
		pragma cache_size = -65536; pragma mmap_size = 1073741824;`)
	if f.ranges == nil {
		f.ranges = make(map[int][2]int)
	}
	return err
}

func (f *fts5) prepare(ctx context.Context, group, first int, texts []string) func() error {
	texts = slices.Clone(texts)
	f.ranges[group] = [2]int{first, first + len(texts) - 1}
	return func() error {
		tx, err := f.db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		for i, text := range texts {
			if _, err := tx.ExecContext(ctx, `insert into chunks(rowid, text) values (?, ?)`, first+i, text); err != nil {
				return err
			}
		}
		return tx.Commit()
	}
}

func (f *fts5) search(ctx context.Context, query string, k int, groups []int) (int, error) {
	words, err := f.prune(ctx, corpus.Terms(query))
	if err != nil {
		return 0, err
	}
	for i, word := range words {
		words[i] = `"` + word + `"`
	}
	where, args := "chunks match ?", []any{strings.Join(words, " OR ")}
	var in []string
	for _, g := range groups {
		in = append(in, "rowid between ? and ?")
		args = append(args, f.ranges[g][0], f.ranges[g][1])
	}
	if in != nil {
		where += " and (" + strings.Join(in, " or ") + ")"
	}
	//nolint:gosec // G202: nothing but question marks
	rows, err := f.db.QueryContext(ctx, "select rowid from chunks where "+where+" order by rank limit ?", append(args, k)...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	found := 0
	for rows.Next() {
		var id int
		if err := rows.Scan(&id); err != nil {
			return 0, err
		}
		found++
	}
	return found, rows.Err()
}

// prune returns the rarest of the words.
func (f *fts5) prune(ctx context.Context, words []string) ([]string, error) {
	if f.rarest == 0 {
		return words, nil
	}
	with := make(map[string]int)
	for _, word := range words {
		var n int
		if err := f.db.QueryRowContext(ctx, `select coalesce(sum(doc), 0) from words where term = ?`, word).Scan(&n); err != nil {
			return nil, fmt.Errorf("how many have a word: %w", err)
		}
		if n > 0 {
			with[word] = n
		}
	}
	words = slices.DeleteFunc(words, func(word string) bool { return with[word] == 0 })
	slices.SortFunc(words, func(a, b string) int { return cmp.Compare(with[a], with[b]) })
	return words[:min(len(words), f.rarest)], nil
}

func (f *fts5) close(ctx context.Context) error {
	_, err := f.db.ExecContext(ctx, `insert into chunks(chunks) values ('optimize'); pragma wal_checkpoint(truncate);`)
	return errors.Join(err, f.db.Close())
}
