// Package disk keeps the files of documents in a directory: a Store is a
// fairlead.BlobStore.
//
// A file is written under a passing name in incoming/, and gets its own name when it is
// on disk: so a name stands for a whole file or for none, whenever the process or the
// machine ends. Files are spread over directories by the last two characters of their
// ids. The directory is opened once, and no name can lead out of it.
//
// Start with PutBlob; sweep.go clears what nobody needs.
package disk

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/fairleadhq/fairlead"
)

const (
	fileMode = 0o600
	dirMode  = 0o700

	// incoming is where files are until they are whole.
	incoming = "incoming"
	// copyBytes is how much of a file is in memory.
	copyBytes = 256 << 10
	// fullRetry is when to come back after the disk was full.
	fullRetry = 30 * time.Second

	// The lengths of an id, of whatever form.
	minID, maxID = 2, 128
)

// DefaultGrace is the usual Options.Grace.
const DefaultGrace = 10 * time.Minute

// Options are what a Store can be told beside its directory. The zero Options are the
// usual.
type Options struct {
	// Grace is how old a blob is at least that SweepBlobs asks about: longer than it may
	// take from the end of a PutBlob until its document is known, in whichever process. 0
	// means DefaultGrace, and less than 0 none.
	Grace time.Duration
}

// Store is an open directory of blobs. It is safe for concurrent use.
type Store struct {
	root  *os.Root
	grace time.Duration

	mu sync.Mutex
	// putting counts the PutBlobs under way of each id; sweeps is how many SweepBlobs are
	// under way, and begun what they leave alone: what was put since the first of them.
	putting map[fairlead.DocumentID]int
	sweeps  int
	begun   map[fairlead.DocumentID]bool
	// synced are the directories whose names are known to be on disk.
	synced map[string]bool

	// write is (*os.File).Write, but in tests.
	write func(f *os.File, p []byte) (int, error)
}

// Open opens the directory, and makes it, for its owner alone, if it is not there.
func Open(dir string, options Options) (*Store, error) {
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return nil, fmt.Errorf("open directory of blobs: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open directory of blobs: %w", err)
	}
	if err := root.Mkdir(incoming, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, errors.Join(fmt.Errorf("open directory of blobs %s: %w", dir, err), root.Close())
	}
	if options.Grace == 0 {
		options.Grace = DefaultGrace
	}
	return &Store{
		root: root, grace: options.Grace,
		putting: make(map[fairlead.DocumentID]int), begun: make(map[fairlead.DocumentID]bool), synced: make(map[string]bool),
		write: (*os.File).Write,
	}, nil
}

// Close closes the directory. Blobs that are open stay so.
func (s *Store) Close() error { return s.root.Close() }

// PutBlob implements fairlead.BlobStore. A blob that is there under the id is replaced.
// It looks at ctx between two reads: who gives from sees to it that none of them lasts
// for ever.
func (s *Store) PutBlob(ctx context.Context, id fairlead.DocumentID, from io.Reader) (sum fairlead.BlobSum, err error) {
	if !valid(id) {
		return fairlead.BlobSum{}, s.failed("put a blob", errors.New("its id can't be the name of a file"))
	}
	defer s.begin(id)()
	name, file, err := s.create(id)
	if err != nil {
		return fairlead.BlobSum{}, s.failed("make a blob", err)
	}
	defer func() {
		if err != nil {
			// That it stays is no loss: SweepBlobs deletes it.
			_ = s.root.Remove(name)
		}
		file.Close() // with it goes the lock
	}()
	sum, err = s.copy(ctx, file, from)
	if err != nil {
		return fairlead.BlobSum{}, err
	}
	if err := s.publish(name, file, id); err != nil {
		return fairlead.BlobSum{}, s.failed("store a blob", err)
	}
	return sum, nil
}

// begin notes that a blob is being put, and returns what notes its end.
func (s *Store) begin(id fairlead.DocumentID) (end func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putting[id]++
	if s.sweeps > 0 {
		s.begun[id] = true
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.putting[id]--; s.putting[id] == 0 {
			delete(s.putting, id)
		}
	}
}

// create makes a file under a passing name. Its lock tells the SweepBlobs of every
// process that someone writes it; one of them may come between the making and the lock,
// and take the file away.
func (s *Store) create(id fairlead.DocumentID) (name string, file *os.File, err error) {
	for range 10 {
		name = incoming + "/" + string(id) + "." + rand.Text()
		file, err = s.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
		if err != nil {
			return "", nil, err
		}
		if lock(file) == nil && s.isAt(name, file) {
			return name, file, nil
		}
		file.Close()
	}
	return "", nil, errors.New("each file was taken away as soon as it was made")
}

// isAt reports whether file is the one of that name.
func (s *Store) isAt(name string, file *os.File) bool {
	there, err := s.root.Stat(name)
	if err != nil {
		return false
	}
	here, err := file.Stat()
	return err == nil && os.SameFile(there, here)
}

// copy writes what from gives. An error of from is returned as it is.
func (s *Store) copy(ctx context.Context, file *os.File, from io.Reader) (sum fairlead.BlobSum, err error) {
	hash := sha256.New()
	buffer := make([]byte, copyBytes)
	for ended := false; !ended; {
		var n int
		n, ended, err = s.fill(ctx, buffer, from)
		if err != nil {
			return fairlead.BlobSum{}, err
		}
		hash.Write(buffer[:n])
		if _, err := s.write(file, buffer[:n]); err != nil {
			return fairlead.BlobSum{}, s.failed("write a blob", err)
		}
		sum.Bytes += int64(n)
	}
	sum.SHA256 = [sha256.Size]byte(hash.Sum(nil))
	return sum, nil
}

// fill reads until the buffer is full or from has ended. Only a plain io.EOF is the end:
// an upload that was cut ends with an error that is much like it.
func (s *Store) fill(ctx context.Context, buffer []byte, from io.Reader) (n int, ended bool, err error) {
	for n < len(buffer) {
		if err := ctx.Err(); err != nil {
			return 0, false, s.failed("write a blob", err)
		}
		more, err := from.Read(buffer[n:])
		n += more
		if err == io.EOF {
			return n, true, nil
		}
		if err != nil {
			return 0, false, err
		}
	}
	return n, false, nil
}

// publish gives a file its own name, for good.
func (s *Store) publish(name string, file *os.File, id fairlead.DocumentID) error {
	if err := file.Sync(); err != nil {
		return err
	}
	dir := shelf(id)
	if err := s.makeShelf(dir); err != nil {
		return err
	}
	if err := s.root.Rename(name, path(id)); err != nil {
		return err
	}
	if err := s.syncDir(dir); err != nil {
		// It may not outlive a loss of power: so it is not there at all.
		return errors.Join(err, s.root.Remove(path(id)))
	}
	return nil
}

// makeShelf makes a directory, and sees to it once that its name is on disk.
func (s *Store) makeShelf(dir string) error {
	s.mu.Lock()
	known := s.synced[dir]
	s.mu.Unlock()
	if known {
		return nil
	}
	if err := s.root.Mkdir(dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := s.syncDir("."); err != nil {
		return err
	}
	s.mu.Lock()
	s.synced[dir] = true
	s.mu.Unlock()
	return nil
}

func (s *Store) syncDir(dir string) error {
	d, err := s.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// OpenBlob implements fairlead.BlobStore. The Blob is an *os.File.
//
//nolint:ireturn // as fairlead.BlobStore has it
func (s *Store) OpenBlob(ctx context.Context, id fairlead.DocumentID) (fairlead.Blob, error) {
	if err := ctx.Err(); err != nil {
		return nil, s.failed("open a blob", err)
	}
	if !valid(id) {
		return nil, notFound()
	}
	file, err := s.root.Open(path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notFound()
	}
	if err != nil {
		return nil, s.failed("open a blob", err)
	}
	return file, nil
}

// DeleteBlob implements fairlead.BlobStore. A blob that is open can be read on.
func (s *Store) DeleteBlob(ctx context.Context, id fairlead.DocumentID) error {
	err := ctx.Err()
	if err == nil && valid(id) {
		err = s.root.Remove(path(id))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s.failed("delete a blob", err)
	}
	return nil
}

// valid reports whether an id can be the name of a file, wherever the file is.
func valid(id fairlead.DocumentID) bool {
	if len(id) < minID || len(id) > maxID {
		return false
	}
	for _, c := range []byte(id) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// shelf is the directory of a blob, and path its file.
func shelf(id fairlead.DocumentID) string { return string(id[len(id)-2:]) }

func path(id fairlead.DocumentID) string { return shelf(id) + "/" + string(id) }

func notFound() error {
	return &fairlead.Error{Kind: fairlead.NotFound, Code: "document_not_found", Message: fairlead.NoDocument}
}

// failed makes the error that the store's methods return.
func (s *Store) failed(doing string, err error) error {
	err = fmt.Errorf("%s in %s: %w", doing, s.root.Name(), err)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		e := fairlead.NewBusy("storage_full", "", fullRetry)
		e.Message, e.Err = "There is no room on the service's disk", err
		return e
	}
	return &fairlead.Error{
		Kind: fairlead.Internal, Code: "storage_failed", Message: "The service could not use its storage", Err: err,
	}
}
