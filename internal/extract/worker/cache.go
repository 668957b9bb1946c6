package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/fairleadhq/fairlead"
)

// compileLimits are those of the child that compiles PDFium. It reads no document, and
// takes about 300 MB and three seconds of a processor that is free, several times that
// of one that is slow.
func compileLimits(pdfMemory int64) Limits {
	return Limits{Memory: 1 << 30, PDFMemory: pdfMemory, CPU: 5 * time.Minute, Wall: 15 * time.Minute}
}

// markBytes is where a PDF has its mark.
const markBytes = 1 << 10

// needsCompiled reports whether a file is read with compiled code: whether it may be a
// PDF. A file that can't be read is the child's to complain of.
func needsCompiled(file io.ReaderAt) bool {
	head := make([]byte, markBytes)
	n, _ := file.ReadAt(head, 0)
	return bytes.Contains(head[:n], []byte("%PDF-"))
}

// cache is what is known of the cache of compiled code.
type cache struct {
	filled atomic.Bool
	// filling is held, by one, while it is filled.
	filling chan struct{}
}

// Prepare has a child fill the cache of compiled code, which takes seconds the first
// time. ReadDocument does it too, for the first PDF. Those who call it at the same time
// wait for one child. Errors are of Kind Internal with Code "extractor_failed" or
// "extractor_start", Late with Code "extractor_late", or Canceled where ctx ended.
func (r *Runner) Prepare(ctx context.Context) error {
	if r.config.CacheDir == "" || r.cache.filled.Load() {
		return nil
	}
	select {
	case r.cache.filling <- struct{}{}:
		defer func() { <-r.cache.filling }()
	case <-ctx.Done():
		return fairlead.NewCanceled(ctx.Err())
	}
	if r.cache.filled.Load() {
		return nil
	}
	err := r.fill(ctx)
	r.cache.filled.Store(err == nil)
	return err
}

// fill has a child fill the cache. What becomes of the child is no document's doing.
func (r *Runner) fill(ctx context.Context) error {
	l := compileLimits(r.config.Limits.PDFMemory)
	answer, err := r.newRun(ctx, task{Prepare: true}, l).do(ctx, nil)
	switch {
	case err == nil && answer.Status == fairlead.DocumentReady:
		return nil
	case err == nil:
		err = errors.New(answer.Failure + answer.Code) // one of them is set
	case fairlead.AsError(err).Code != "extractor_crashed":
		return err
	}
	return failed("extractor_failed", fmt.Errorf("the cache of compiled code: %w", err))
}

// failure is the error of a child that could not judge a document.
func (r *Runner) failure(answer *result) error {
	code := "extractor_failed"
	if answer.Odd {
		code = "extractor_crashed"
	}
	return failed(code, errors.New(answer.Failure))
}

// doubted is failure where the child ran compiled code: it may be that which is gone, and
// nothing is held against the document before it is known that it can be had.
func (r *Runner) doubted(ctx context.Context, answer *result) error {
	r.cache.filled.Store(false)
	if answer.Odd {
		if err := r.Prepare(ctx); err != nil {
			return err
		}
	}
	return r.failure(answer)
}
