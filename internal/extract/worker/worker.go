// Package worker reads documents in a child process: this program itself, started again
// for one document with limits that the system holds it to. Whatever a document does to
// the code that reads it ends with that process, and its memory, time and text are
// bounded from outside.
//
// The child gets its task on its standard input, the file as descriptor 3, and answers
// with frames on its standard output. It has no other descriptor but one for its last
// words, an environment with nothing of its parent's, the lowest priority, and dies with
// its parent. On Linux it limits itself before it looks at the document: its processor
// time and memory, no file that can be written, and where the system has filters for
// calls (amd64 and arm64) no sockets, no other programs, and no file opened but for
// reading. On other systems the deadline is all that it is held to, and the size of its
// answers.
//
// PDFium has to be compiled once, which takes seconds: a child of its own does that, when
// the first PDF comes, with limits that are not those of a document.
//
// Start with Runner, the parent's side, and Serve, the child's.
package worker

import (
	"bytes"
	"context"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/child"
	"github.com/fairleadhq/fairlead/internal/extract"
)

// Command is the name of the program's command that calls Serve.
const Command = "extract-worker"

// The flags of that command.
const (
	// CacheFlag names the directory of compiled code.
	CacheFlag = "cache"
	// MemoryFlag is the memory that PDFium gets, in bytes.
	MemoryFlag = "pdf-memory"
)

// Limits are what one document may take. Zero values are DefaultLimits'.
type Limits struct {
	// Document is what the readers of formats are told. Its Text and Pages are held by
	// the parent too, whatever the child says.
	Document extract.Limits
	// Memory is the most resident memory of the child, in bytes.
	Memory int64
	// PDFMemory is the most that PDFium gets of it; see DefaultLimits.
	PDFMemory int64
	// CPU is the most processor time, in whole seconds.
	CPU time.Duration
	// Wall is the most time, that of the sink included. It is long: the child yields to
	// everything else.
	Wall time.Duration
}

// DefaultLimits are those of the service. PDFium's memory grows by copying, so the child
// needs two to three times as much.
func DefaultLimits() Limits {
	return Limits{
		Document: extract.Limits{
			Pages: 10_000, Text: 256 << 20, Unfolded: 1 << 30, Ratio: 1000, Entries: 10_000,
		},
		Memory: 768 << 20, PDFMemory: 256 << 20,
		CPU: 5 * time.Minute, Wall: 30 * time.Minute,
	}
}

// Config is how children are started.
type Config struct {
	// Command is the program and its first arguments; nil is this program's Command.
	Command []string
	// CacheDir is where compiled code is kept, a directory that is there; "" has each
	// child compile anew.
	CacheDir string
	// SpoolDir is where a file that is not on the local disk is put for the child; "" is
	// the system's directory for temporary files.
	SpoolDir string
	Limits   Limits
}

// Runner reads documents in child processes. It is safe for concurrent use; each call
// has a child of its own, and how many there are at a time is its callers' business.
type Runner struct {
	config Config
	// ended, if not nil, is told of each child that has ended; it is for tests.
	ended func(*run)

	cache cache
}

// New returns a Runner. It starts nothing yet.
func New(c Config) *Runner {
	if c.Command == nil {
		c.Command = []string{child.OwnProgram, Command}
	}
	d := DefaultLimits()
	l := &c.Limits
	l.Memory, l.PDFMemory = or(l.Memory, d.Memory), or(l.PDFMemory, d.PDFMemory)
	l.CPU, l.Wall = or(l.CPU, d.CPU), or(l.Wall, d.Wall)
	l.Document.Pages, l.Document.Text = or(l.Document.Pages, d.Document.Pages), or(l.Document.Text, d.Document.Text)
	l.Document.Unfolded, l.Document.Ratio = or(l.Document.Unfolded, d.Document.Unfolded), or(l.Document.Ratio, d.Document.Ratio)
	l.Document.Entries = or(l.Document.Entries, d.Document.Entries)
	return &Runner{config: c, cache: cache{filling: make(chan struct{}, 1)}}
}

func or[T int | int64 | time.Duration](value, otherwise T) T {
	if value > 0 {
		return value
	}
	return otherwise
}

// ReadDocument implements fairlead.DocumentReader. A PDF has the cache of compiled code
// filled first, where that was not done. Errors beside those of to: Kind Canceled where
// ctx ended; Internal with Code "extractor_crashed" where the child died, spoke nonsense
// or met an error that is not the system's, "extractor_failed" where the system or the
// cache kept it from its work, and "extractor_start" where it could not be started; Late
// with Code "extractor_late" where the time was over and the child had hardly had any of
// the processor's. Of these only "extractor_crashed" may be the document's doing.
func (r *Runner) ReadDocument(ctx context.Context, file fairlead.Blob, d *fairlead.Document, to fairlead.DocumentSink) error {
	local, clean, err := r.local(file)
	if err != nil {
		return err
	}
	defer clean()
	compiled := needsCompiled(local)
	if compiled {
		if err := r.Prepare(ctx); err != nil {
			return err
		}
	}
	run := r.newRun(ctx, task{Name: d.Name, MediaType: d.MediaType, Limits: r.config.Limits.Document}, r.config.Limits)
	run.cmd.ExtraFiles = []*os.File{local}
	answer, err := run.do(ctx, &receiver{document: d, to: to, limits: r.config.Limits.Document})
	if r.ended != nil {
		r.ended(run)
	}
	if err != nil {
		return err
	}
	switch {
	case answer.Failure == "":
		answer.apply(d)
		return nil
	case compiled:
		return r.doubted(ctx, answer)
	}
	return r.failure(answer)
}

// local is the file as one of the local disk, and what is to be done with it in the end.
func (r *Runner) local(file fairlead.Blob) (local *os.File, clean func(), err error) {
	if local, ok := file.(*os.File); ok {
		return local, func() {}, nil
	}
	spool, err := os.CreateTemp(r.config.SpoolDir, "fairlead-document-*")
	if err != nil {
		return nil, nil, failed("extractor_start", err)
	}
	clean = func() { _ = spool.Close() }
	_ = os.Remove(spool.Name()) // the descriptor is enough
	if _, err = file.Seek(0, io.SeekStart); err == nil {
		_, err = io.Copy(spool, file)
	}
	if err != nil {
		clean()
		return nil, nil, failed("extractor_start", err)
	}
	return spool, clean, nil
}

// newRun is a child that is to be started for a task.
func (r *Runner) newRun(ctx context.Context, t task, l Limits) *run {
	t.CPU, t.Data = uint64((l.CPU+time.Second-1)/time.Second), uint64(l.Memory+dataSpare) //nolint:gosec // G115: never negative
	input := bytes.NewBuffer(nil)
	_ = writeFrame(input, frameTask, t) // a buffer takes everything
	arguments := append(r.config.Command[1:len(r.config.Command):len(r.config.Command)],
		"--"+CacheFlag+"="+r.config.CacheDir, "--"+MemoryFlag+"="+strconv.FormatInt(l.PDFMemory, 10))
	limited, cancel := context.WithTimeout(ctx, l.Wall)
	return newChild(limited, cancel, l, command{r.config.Command[0], arguments, input})
}

// dataSpare is what the child may reserve over the memory that it may use, so that it is
// mostly the parent who sees first that it has too much: its reason is the better one.
const dataSpare = 512 << 20

// failed is an error that says nothing of the document.
func failed(code string, err error) *fairlead.Error {
	return &fairlead.Error{Kind: fairlead.Internal, Code: code, Message: "The document could not be read", Err: err}
}
