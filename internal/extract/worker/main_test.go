//go:build linux

package worker

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/pdf"
)

// TestMain is the program of the children too: its first argument says what it is to do.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || strings.HasPrefix(os.Args[1], "-") {
		os.Exit(m.Run())
	}
	if err := childOf(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// childOf does what its name says: the real work, or something that no child should do.
func childOf(name string, arguments []string) error {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	cache := flags.String(CacheFlag, "", "")
	memory := flags.Int64(MemoryFlag, 0, "")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	ctx := context.Background()
	if name == Command {
		x := pdf.New(pdf.Options{CacheDir: *cache, Memory: *memory})
		return Serve(ctx, os.Stdin, os.Stdout, pipelineOf(x))
	}
	if strings.HasPrefix(name, "raw-") {
		return misspeak(name)
	}
	p := Pipeline{
		Choose: func(*extract.Source) (string, extract.Extractor, error) {
			return "text/x-test", misbehaving(name), nil
		},
		NewBuilder: newPlainBuilder,
	}
	if strings.HasPrefix(name, "cache-") {
		p.Prepare = func(context.Context) error { return misprepare(name, *cache) }
	}
	return Serve(ctx, os.Stdin, os.Stdout, p)
}

// pipelineOf reads PDF, and what has no other mark as text.
func pipelineOf(x *pdf.Extractor) Pipeline {
	return Pipeline{
		Prepare: x.Prepare,
		Choose: func(src *extract.Source) (string, extract.Extractor, error) {
			head := make([]byte, min(src.Size, 1024))
			if _, err := src.ReadAt(head, 0); err != nil {
				return "", nil, err
			}
			switch {
			case bytes.Contains(head, []byte("%PDF-")):
				return pdf.MediaType, x, nil
			case bytes.HasPrefix(head, []byte("<")):
				return "", nil, extract.ErrUnsupported
			}
			return "text/plain", misbehaving("read"), nil
		},
		NewBuilder: newPlainBuilder,
	}
}

// misspeak writes frames that are none, or wrong ones.
func misspeak(name string) error {
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	out := os.Stdout
	switch name {
	case "raw-nonsense":
		_, err := out.WriteString("This is no frame at all, and long enough to be one")
		return err
	case "raw-endless":
		for {
			if err := writeRaw(out, frameProgress, []byte("{}")); err != nil {
				return err
			}
		}
	case "raw-huge":
		return writeRaw(out, frameContent, make([]byte, mostFrame+1))
	case "raw-cut":
		_, err := out.Write([]byte{frameResult, 0, 0, 1, 0, '{'})
		return err
	case "raw-gap":
		return writeContent(out, fairlead.DocumentContent{Text: []byte("x"), Offset: 5})
	case "raw-outside":
		return writeContent(out, fairlead.DocumentContent{Text: []byte("x"), Chunks: []fairlead.Chunk{{Start: 0, End: 9}}})
	case "raw-count":
		return writeFrame(out, frameResult, result{Status: fairlead.DocumentReady, TextBytes: 7})
	case "raw-lingers":
		_ = writeFrame(out, frameResult, result{Status: fairlead.DocumentReady})
		select {}
	case "raw-silent":
		return nil
	case "raw-thread":
		return errors.New("runtime: failed to create new OS thread (have 5 already; errno=11)")
	}
	return errors.New("not known: " + name)
}

// misbehaving is an extractor that does what its name says.
type misbehaving string

func (m misbehaving) Extract(ctx context.Context, src *extract.Source, emit extract.Emit) (fairlead.About, error) {
	var none fairlead.About
	text := make([]byte, src.Size)
	if _, err := src.ReadAt(text, 0); err != nil {
		return none, err
	}
	switch m {
	case "read", "cache-slow", "cache-naps", "cache-fails", "cache-panics":
		return none, emit(extract.Block{Kind: extract.Paragraph, Text: string(text)})
	case "panic":
		panic("a secret: " + string(text))
	case "stack":
		return none, deeper(0)
	case "spin":
		for n := 0; ; n++ {
			if n < 0 {
				return none, nil
			}
		}
	case "hang":
		<-ctx.Done()
		return none, ctx.Err()
	case "eat":
		var all [][]byte
		for {
			all = append(all, bytes.Repeat([]byte("x"), 4<<20))
			if len(all) > 1<<20 {
				return none, nil
			}
		}
	case "eat at once":
		return none, emit(extract.Block{Kind: extract.Paragraph, Text: string(make([]byte, 3<<30))})
	case "flood":
		for {
			if err := emit(extract.Block{Kind: extract.Paragraph, Text: strings.Repeat("x", 1<<16)}); err != nil {
				return none, err
			}
		}
	case "error":
		return none, errors.New("a secret: " + string(text))
	case "system":
		return none, &os.PathError{Op: "a secret", Path: string(text), Err: syscall.EIO}
	case "state":
		return none, emit(extract.Block{Kind: extract.Paragraph, Text: state()})
	case "escape":
		return none, emit(extract.Block{Kind: extract.Paragraph, Text: escapes(ctx)})
	case "idle":
		return none, idle(ctx, emit)
	}
	return none, extract.ErrUnsupported
}

func deeper(n int) error {
	if n < 0 {
		return nil
	}
	if err := deeper(n + 1); err != nil {
		return fmt.Errorf("%d: %w", n, err)
	}
	return nil
}

// idle emits a page, and then nothing until it is killed.
func idle(ctx context.Context, emit extract.Emit) error {
	if err := emit(extract.Block{Kind: extract.PageStart, Page: 1}); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

// escapes tries what a child must not be able to do, and tells what it could.
func escapes(ctx context.Context) string {
	could := []string{"tried"}
	try := func(what string, err error) {
		if err == nil {
			could = append(could, what)
		}
	}
	var d net.Dialer
	limited, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	connection, err := d.DialContext(limited, "tcp", "127.0.0.1:1")
	if err == nil || !errors.Is(err, syscall.EPERM) {
		could = append(could, "make a socket")
	}
	if err == nil {
		_ = connection.Close()
	}
	try("run a program", exec.CommandContext(limited, "/bin/true").Run())
	f, err := os.Create(os.TempDir() + "/fairlead-escape")
	try("make a file", err)
	if err == nil {
		_ = f.Close()
	}
	try("delete a file", os.Remove(os.TempDir()+"/fairlead-keep"))
	try("signal its parent", syscall.Kill(os.Getppid(), 0))
	try("raise a limit", syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}))
	for _, line := range os.Environ() {
		if strings.HasPrefix(line, "FAIRLEAD_") || strings.HasPrefix(line, "PATH=") {
			could = append(could, "see its parent's environment")
		}
	}
	return strings.Join(could, ", ")
}

// state is what the system says of this process and its threads.
func state() string {
	var out strings.Builder
	for _, path := range []string{"/proc/self/status", "/proc/self/limits", "/proc/self/oom_score_adj"} {
		data, err := os.ReadFile(path)
		fmt.Fprintf(&out, "%s %v\n", data, err)
	}
	threads, _ := filepath.Glob("/proc/self/task/*/stat")
	for _, path := range threads {
		data, _ := os.ReadFile(path)
		_, fields, _ := strings.Cut(string(data), ") ")
		// Of proc(5)'s fields, these begin with the third.
		f := strings.Fields(fields)
		fmt.Fprintf(&out, "thread: nice %s, policy %s\n", f[19-3], f[41-3])
	}
	return out.String()
}

// plainBuilder makes text and pages, a part for each block.
type plainBuilder struct {
	emit  func(fairlead.DocumentContent) error
	at    int64
	pages int
}

func newPlainBuilder(_ *extract.Source, emit func(fairlead.DocumentContent) error) Builder {
	return &plainBuilder{emit: emit}
}

func (b *plainBuilder) Add(block extract.Block) error {
	text := block.Text
	if block.Kind == extract.PageStart {
		b.pages = block.Page
	}
	for _, row := range block.Rows {
		text += strings.Join(row, " | ") + "\n"
	}
	if text != "" {
		text += "\n\n"
	}
	part := fairlead.DocumentContent{Text: []byte(text), Offset: b.at}
	b.at += int64(len(text))
	if block.Kind == extract.PageStart {
		part.Pages = []fairlead.Page{{Number: block.Page, Start: b.at, End: b.at}}
	}
	return b.emit(part)
}

func (b *plainBuilder) Close(about fairlead.About) (Sum, error) {
	return Sum{About: about, Pages: max(b.pages, 1), TextBytes: b.at}, nil
}
