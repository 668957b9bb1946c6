package litefile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	modernc "modernc.org/sqlite"

	"github.com/fairleadhq/fairlead"
)

// SQLite's primary result codes that are told apart; see
// https://www.sqlite.org/rescode.html.
const (
	codeBusy        = 5
	codeInputOutput = 10
	codeCorrupt     = 11
	codeFull        = 13
	codeNotDatabase = 26
)

// fullRetry is when to come back after the disk was full.
const fullRetry = 30 * time.Second

// probeBytes is how much is written to see whether there is room.
const probeBytes = 64 << 10

// Failed makes the error of Kind Internal that a store's method returns for err.
func (f *File) Failed(ctx context.Context, doing string, err error) error {
	return &fairlead.Error{
		Kind:    fairlead.Internal,
		Code:    "storage_failed",
		Message: "The service could not use its storage",
		Err:     f.describe(ctx, doing, err),
	}
}

// Refused is as Failed, but that a *fairlead.Error stays what it is, and that of a disk
// that is full is of Kind Busy, with Code "storage_full".
func (f *File) Refused(ctx context.Context, doing string, err error) error {
	if e, ok := errors.AsType[*fairlead.Error](err); ok {
		return e
	}
	if !f.isFull(err) {
		return f.Failed(ctx, doing, err)
	}
	e := fairlead.NewBusy("storage_full", "", fullRetry)
	e.Message = "There is no room on the service's disk"
	e.Err = f.describe(ctx, doing, err)
	return e
}

// describe adds to err, for the log, what was being done, to which file, and what the
// operator can do.
func (f *File) describe(ctx context.Context, doing string, err error) error {
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		err = errors.Join(cause, err)
	}
	return fmt.Errorf("%s in database %s: %w", doing, f.path, explain(err))
}

// explain adds what the operator can do to errors that have an answer.
func explain(err error) error {
	switch {
	case hasCode(err, codeNotDatabase), hasCode(err, codeCorrupt):
		return fmt.Errorf("the file is damaged or is not a database; restore it from a backup or move it away: %w", err)
	case hasCode(err, codeBusy):
		return fmt.Errorf("another process kept the file locked: %w", err)
	}
	return err
}

// isFull reports whether err is that of a disk, or of a quota on it, that has no room.
// SQLite tells some of these apart from others and not all: then isFull writes a little
// beside the file to find out.
func (f *File) isFull(err error) bool {
	if hasCode(err, codeFull) {
		return true
	}
	return hasCode(err, codeInputOutput) && noRoom(f.probe())
}

// probe writes a file of probeBytes in the database's directory, and deletes it.
func (f *File) probe() (err error) {
	file, err := os.CreateTemp(filepath.Dir(f.path), ".room-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	if _, err := file.Write(make([]byte, probeBytes)); err != nil {
		return err
	}
	return file.Sync()
}

func noRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func hasCode(err error, primary int) bool {
	e, ok := errors.AsType[*modernc.Error](err)
	return ok && e.Code()&0xff == primary
}
