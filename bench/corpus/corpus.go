// Package corpus makes documents and queries of any number from real text: the
// comments in the source of Go's standard library, which every machine that can
// run this has.
//
// A chunk is a run of about a kilobyte from somewhere in the text, so that words
// are as frequent, and stand together, as in prose; no two chunks are the same,
// though they may overlap. Two made-up words are put into each, one in a thousand
// chunks the same, because a real collection goes on to bring new words while it
// grows, and this one would not.
//
// Start with Read.
package corpus

import (
	"context"
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ChunkBytes is about how long a chunk is.
const ChunkBytes = 1100

// Text is text from which chunks are made.
type Text struct{ text string }

// Read reads the comments of Go's standard library.
func Read(ctx context.Context) (*Text, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	root := filepath.Join(strings.TrimSpace(string(out)), "src")
	var b strings.Builder
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		return comments(path, &b)
	})
	if err == nil && b.Len() < 100*ChunkBytes {
		err = fmt.Errorf("only %d bytes of comments in %s", b.Len(), root)
	}
	return &Text{b.String()}, err
}

func comments(path string, to *strings.Builder) error {
	source, err := os.ReadFile(path) //nolint:gosec // G304: a file of Go's own
	if err != nil {
		return err
	}
	files := token.NewFileSet()
	var s scanner.Scanner
	s.Init(files.AddFile(path, files.Base(), len(source)), source, func(token.Position, string) {}, scanner.ScanComments)
	for {
		_, kind, literal := s.Scan()
		switch {
		case kind == token.EOF:
			return nil
		case kind == token.COMMENT && !strings.HasPrefix(literal, "//go:") && !strings.HasPrefix(literal, "// Copyright"):
			to.WriteString(strings.Trim(literal, "/* \t"))
			to.WriteByte('\n')
		}
	}
}

// Chunk returns chunk number n, always the same.
func (t *Text) Chunk(n int) string {
	r := rand.New(rand.NewPCG(1, uint64(n))) //nolint:gosec // G404, G115: nothing secret
	from := r.IntN(len(t.text) - 2*ChunkBytes)
	from += strings.IndexByte(t.text[from:], '\n') + 1
	from = min(from, len(t.text)-ChunkBytes)
	return t.text[from:from+ChunkBytes] + fmt.Sprintf(" x%x y%x", r.Uint32N(1<<20), r.Uint64())
}

// Query returns query number n: some words that stand together in a chunk, of which
// every third is replaced by one from elsewhere, as a question is in other words than
// its answer.
func (t *Text) Query(n, words int) string {
	r := rand.New(rand.NewPCG(2, uint64(n))) //nolint:gosec // G404, G115: nothing secret
	for {
		near, far := strings.Fields(t.Chunk(int(r.Uint32()))), strings.Fields(t.Chunk(int(r.Uint32())))
		var query []string
		for i, from := 0, r.IntN(len(near)/2); i < words && from+i < len(near) && i < len(far); i++ {
			word := near[from+i]
			if i%3 == 2 {
				word = far[i]
			}
			query = append(query, word)
		}
		if terms := Terms(strings.Join(query, " ")); len(terms) >= words*3/4 {
			return strings.Join(terms, " ")
		}
	}
}

// Terms cuts a text into terms: letters and digits, in lower case.
func Terms(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r < 128
	})
}
