package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/child"
	"github.com/fairleadhq/fairlead/internal/extract"
)

// fileDescriptor is where the child finds the document.
const fileDescriptor = 3

// progressEvery is how often the parent is told how far the reading has come.
const progressEvery = 250 * time.Millisecond

// Pipeline is what the child reads documents with.
type Pipeline struct {
	// Choose says what a file is, and who reads it. A format that nobody reads is
	// extract.ErrUnsupported.
	Choose func(src *extract.Source) (mediaType string, e extract.Extractor, err error)
	// NewBuilder returns what makes content of blocks, and hands it to emit, in order.
	NewBuilder func(src *extract.Source, emit func(fairlead.DocumentContent) error) Builder
	// Prepare, if not nil, fills the cache of compiled code.
	Prepare func(ctx context.Context) error
}

// Builder makes canonical text and chunks of blocks.
type Builder interface {
	Add(b extract.Block) error
	// Close completes the content. about is what the document's format told of it.
	Close(about fairlead.About) (Sum, error)
}

// Sum is what a whole document came to.
type Sum struct {
	About     fairlead.About
	Pages     int
	Chunks    int
	TextBytes int64
}

// Serve is the child: it reads a task from in, limits its own process, does the task and
// writes what comes of it to out. The limits can't be taken back, so it is the last thing
// that a process does. An error means that the parent was told nothing, or not all.
func Serve(ctx context.Context, in io.Reader, out io.Writer, p Pipeline) error {
	var buffer []byte
	kind, data, err := readFrame(in, &buffer)
	if err != nil {
		return fmt.Errorf("read the task: %w", err)
	}
	var t task
	if kind != frameTask {
		return errNonsense
	}
	if err := decode(data, &t); err != nil {
		return err
	}
	if err := child.Confine(t.bounds()); err != nil {
		return writeFrame(out, frameResult, failure(err))
	}
	if t.Prepare {
		return writeFrame(out, frameResult, prepare(ctx, p))
	}
	r := &reading{task: t, out: out, pipeline: p}
	answer := r.read(ctx)
	if r.broken != nil {
		return r.broken
	}
	return writeFrame(out, frameResult, answer)
}

func prepare(ctx context.Context, p Pipeline) *result {
	if p.Prepare == nil {
		return &result{Status: fairlead.DocumentReady}
	}
	if err := p.Prepare(ctx); err != nil {
		return &result{Failure: err.Error()} // no document is at hand that it could quote
	}
	return &result{Status: fairlead.DocumentReady}
}

// reading is a document that the child reads.
type reading struct {
	task     task
	out      io.Writer
	pipeline Pipeline
	progress progress
	told     time.Time
	// broken is the error of writing to the parent.
	broken error
}

func (r *reading) read(ctx context.Context) *result {
	file := os.NewFile(fileDescriptor, "document")
	if file == nil {
		return failure(syscall.EBADF)
	}
	stat, err := file.Stat()
	if err != nil {
		return failure(err)
	}
	src := &extract.Source{
		ReaderAt: file, Size: stat.Size(), Name: r.task.Name, Limits: r.task.Limits,
		Pages: func(n int) { r.progress.Pages = n },
	}
	if src.Size == 0 {
		return r.outcome(fmt.Errorf("%w: it is empty", extract.ErrBroken))
	}
	mediaType, extractor, err := r.pipeline.Choose(src)
	r.progress.MediaType = mediaType
	if err != nil {
		return r.outcome(err)
	}
	r.tell()
	builder := r.pipeline.NewBuilder(src, func(part fairlead.DocumentContent) error {
		r.broken = writeContent(r.out, part)
		return r.broken
	})
	about, err := extractor.Extract(ctx, src, func(b extract.Block) error { return r.add(builder, b) })
	if err != nil {
		return r.outcome(err)
	}
	sum, err := builder.Close(about)
	if err != nil {
		return r.outcome(err)
	}
	return &result{
		Status: fairlead.DocumentReady, MediaType: mediaType, About: sum.About,
		Pages: sum.Pages, Chunks: sum.Chunks, TextBytes: sum.TextBytes,
	}
}

func (r *reading) add(builder Builder, b extract.Block) error {
	if b.Kind == extract.PageStart {
		r.progress.PagesDone = max(0, b.Page-1)
		if time.Since(r.told) > progressEvery {
			r.tell()
		}
	}
	if r.broken != nil {
		return r.broken
	}
	return builder.Add(b)
}

// tell tells the parent how far the reading has come.
func (r *reading) tell() {
	r.told = time.Now()
	if r.broken == nil {
		r.broken = writeFrame(r.out, frameProgress, r.progress)
	}
}

// outcome is what an error of reading makes of a document.
func (r *reading) outcome(err error) *result {
	answer := &result{MediaType: r.progress.MediaType}
	if l, ok := errors.AsType[*extract.LimitError](err); ok {
		answer = limitResult(l.Limit)
		answer.MediaType = r.progress.MediaType
		return answer
	}
	switch {
	case errors.Is(err, extract.ErrEncrypted):
		answer.Status, answer.Code = fairlead.DocumentEncrypted, "document_encrypted"
		answer.Reason = "The document can't be read without its password"
	case errors.Is(err, extract.ErrUnsupported):
		answer.Status, answer.Code = fairlead.DocumentUnsupported, "document_unsupported"
		answer.Reason = "The document is of a format that is not read"
	case errors.Is(err, extract.ErrBroken):
		answer.Status, answer.Code = fairlead.DocumentFailed, "document_broken"
		answer.Reason = "The document is damaged, or is not what it says it is"
	default:
		return failure(err)
	}
	return answer
}

// failure is the answer where the document could not be judged. It names the system's
// error, or else the error's type, and no more of it: an error may quote what was read.
func failure(err error) *result {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return &result{Failure: "the system says: " + errno.Error()}
	}
	odd := !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled)
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return &result{Failure: fmt.Sprintf("an error of type %T", err), Odd: odd}
}
