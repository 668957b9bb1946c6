package indexer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/child"
	"github.com/fairleadhq/fairlead/internal/documents/search/shelf"
)

// Serve is the child: it limits its own process, which can't be taken back, and makes
// segments of what it reads from in until that ends.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	if err := child.Confine(child.Bounds{Data: mostMemory}); err != nil {
		return err
	}
	return serve(ctx, in, out)
}

func serve(ctx context.Context, in io.Reader, out io.Writer) error {
	s := &serving{
		in: &receiver{from: bufio.NewReaderSize(in, pipeBytes)}, out: &sender{to: bufio.NewWriterSize(out, pipeBytes)},
		words: shelf.NewWords(shelf.NoSynonyms), // which count in questions only
	}
	for {
		l, err := s.in.from.ReadByte()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = s.do(ctx, l)
		}
		if err != nil {
			return err
		}
	}
}

// serving is what the child knows.
type serving struct {
	in     *receiver
	out    *sender
	words  *shelf.Words
	making shelf.Making // of the document that was begun
}

func (s *serving) do(ctx context.Context, message byte) error {
	if message == messageBegin {
		return s.begin(ctx)
	}
	if s.making == nil {
		return errNonsense
	}
	switch message {
	case messageChunks:
		return s.chunks(ctx)
	case messageSegment:
		return s.segment(ctx)
	}
	return errNonsense
}

func (s *serving) begin(ctx context.Context) error {
	t, err := s.in.title()
	if err != nil {
		return err
	}
	if s.making != nil {
		s.making.Close()
	}
	s.making, err = s.words.Begin(ctx, t)
	return err
}

func (s *serving) chunks(ctx context.Context) error {
	n, err := s.in.length(mostChunks)
	for ; err == nil && n > 0; n-- {
		var c fairlead.Chunk
		if c, err = s.in.chunk(); err == nil {
			err = s.making.Add(ctx, []fairlead.Chunk{c})
		}
	}
	return err
}

func (s *serving) segment(ctx context.Context) error {
	group, err := s.in.number()
	if err != nil {
		return err
	}
	data, err := s.making.Build(ctx, group)
	if err != nil {
		return fmt.Errorf("make a segment: %w", err)
	}
	s.out.letter(messageSegment)
	s.out.number(int64(len(data)))
	_, _ = s.out.to.Write(data)
	return s.out.to.Flush()
}
