package identity

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

const (
	pepperName = "pepper"
	pepperSize = 32
	dirMode    = 0o700
)

// Pepper returns the key of the service's digests, which is the file "pepper"
// in dir: 32 random bytes that only the owner may read. If there is none it is
// made, and dir with it; two processes that start at once get the same one. A
// file of another length, or one that others may read, is an error.
//
// Without its pepper no stored key works, so it belongs into the backup.
func Pepper(dir string) ([]byte, error) {
	path := filepath.Join(dir, pepperName)
	pepper, err := readPepper(path)
	if errors.Is(err, os.ErrNotExist) {
		if err := makePepper(dir, path); err != nil {
			return nil, fmt.Errorf("make pepper %s: %w", path, err)
		}
		pepper, err = readPepper(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read pepper %s: %w", path, err)
	}
	return pepper, nil
}

func readPepper(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	// Windows has no such modes; there the directory's rights protect it.
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return nil, fmt.Errorf("its mode is %04o, so others may use it: chmod it to 0600", mode)
	}
	if info.Size() != pepperSize {
		return nil, fmt.Errorf("it has %d bytes instead of %d: restore it from a backup; "+
			"if there is none, remove it and make new keys", info.Size(), pepperSize)
	}
	pepper := make([]byte, pepperSize)
	if _, err := io.ReadFull(f, pepper); err != nil {
		return nil, err
	}
	return pepper, nil
}

// makePepper puts a new pepper at path unless another process was faster: a
// link, unlike a rename, never replaces a file, so the first one stays.
func makePepper(dir, path string) (err error) {
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, pepperName+".*.new") // its mode is 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	pepper := make([]byte, pepperSize)
	rand.Read(pepper)
	_, err = f.Write(pepper)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return syncDir(dir)
}

// syncDir makes the names in dir survive a power loss.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be synced there
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
