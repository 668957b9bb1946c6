package lexindex

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/fairleadhq/fairlead/internal/lexindex/segment"
)

const (
	manifestName = "manifest"
	newManifest  = "manifest.new"
	segmentExt   = ".seg"
)

func fileName(number uint64) string { return fmt.Sprintf("%012d%s", number, segmentExt) }

// manifest names what an index has. Its file is a line with the sum of what follows, and
// that is this as JSON.
type manifest struct {
	Made     string            `json:"made"`
	Fields   int               `json:"fields"`
	Next     uint64            `json:"next"`
	Segments []manifestSegment `json:"segments"`
}

type manifestSegment struct {
	Number  uint64      `json:"number"`
	Sum     segment.Sum `json:"sum"`
	Removed []int64     `json:"removed,omitempty"` // groups
}

func manifestHead(text []byte) string {
	return fmt.Sprintf("fairlead index 1 %08x\n", crc32.Checksum(text, crc32.MakeTable(crc32.Castagnoli)))
}

// readManifest reads the manifest of a directory; where there is none, the index is empty.
func readManifest(dir string) (*manifest, error) {
	b, err := os.ReadFile(filepath.Join(dir, manifestName)) //nolint:gosec // G304: a name of the index's own
	if errors.Is(err, os.ErrNotExist) {
		return &manifest{Next: 1}, nil
	}
	if err != nil {
		return nil, err
	}
	_, text, _ := bytes.Cut(b, []byte("\n"))
	if !bytes.HasPrefix(b, []byte(manifestHead(text))) {
		return nil, fmt.Errorf("%w: its manifest", ErrDamaged)
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("%w: its manifest: %w", ErrDamaged, err)
	}
	return &m, nil
}

// save writes the manifest for those of the parts that are in files. x.change is held.
// replaced says that it is there, and may stand after a crash, whatever the error is.
func (x *Index) save(parts []part) (replaced bool, err error) {
	m := manifest{Made: x.options.Made, Fields: x.options.Fields, Next: x.next}
	for i := range parts {
		if p := &parts[i]; p.store.inFile() {
			m.Segments = append(m.Segments, manifestSegment{p.store.number, p.live.Sum(), p.live.DeadGroups()})
		}
	}
	text, err := json.Marshal(&m)
	if err != nil {
		return false, err
	}
	disk := x.options.disk
	if err := writeFile(disk, newManifest, append([]byte(manifestHead(text)), text...)); err != nil {
		return false, err
	}
	if err := disk.Rename(newManifest, manifestName); err != nil {
		return false, err
	}
	if err := disk.Sync(); err != nil {
		return true, err
	}
	clear(x.removed)
	return true, nil
}

// disk is how an index changes its directory.
type disk interface {
	// Create makes a file. Its Close returns when all is on the disk.
	Create(name string) (io.WriteCloser, error)
	Rename(from, to string) error
	Remove(name string) error
	// Sync returns when the names are on the disk.
	Sync() error
}

func writeFile(d disk, name string, b []byte) error {
	f, err := d.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}

// folder is a directory of the operating system's.
type folder string

func (f folder) path(name string) string { return filepath.Join(string(f), name) }

// Create implements disk.
func (f folder) Create(name string) (io.WriteCloser, error) {
	file, err := os.OpenFile(f.path(name), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return syncedFile{file}, nil
}

// Rename implements disk.
func (f folder) Rename(from, to string) error { return os.Rename(f.path(from), f.path(to)) }

// Remove implements disk.
func (f folder) Remove(name string) error { return os.Remove(f.path(name)) }

// Sync implements disk. Windows can't do it, and needs it not.
func (f folder) Sync() error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := os.Open(string(f))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

type syncedFile struct{ *os.File }

// Close closes the file when all is on the disk.
func (f syncedFile) Close() error { return errors.Join(f.Sync(), f.File.Close()) }
