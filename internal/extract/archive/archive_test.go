package archive_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead/internal/extract"
	"github.com/fairleadhq/fairlead/internal/extract/archive"
	"github.com/fairleadhq/fairlead/internal/extract/extracttest"
)

// readAll reads the named members of a file, one after the other.
func readAll(file []byte, limits extract.Limits, names ...string) (total int64, err error) {
	src := extracttest.Source("a.zip", file)
	src.Limits = limits
	a, err := archive.Open(src)
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		member, err := a.Member(name)
		if err != nil {
			return total, err
		}
		n, err := io.Copy(io.Discard, member)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func TestMembers(t *testing.T) {
	t.Parallel()
	file := extracttest.Zip(t, "a/b.xml", "hello", `c\d.xml`, "back", "../up.xml", "up", "/root.xml", "root")
	for name, want := range map[string]string{"a/b.xml": "hello", "c/d.xml": "back", "../up.xml": "up", "root.xml": "root"} {
		a, err := archive.Open(extracttest.Source("a.zip", file))
		if err != nil {
			t.Fatal(err)
		}
		member, err := a.Member(name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := io.ReadAll(member); string(got) != want || err != nil {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
	if _, err := readAll(file, extract.Limits{}, "nothing"); !errors.Is(err, extract.ErrBroken) {
		t.Errorf("a member that is not there: %v", err)
	}
	for _, broken := range [][]byte{nil, []byte("PK\x03\x04"), file[:len(file)-30], []byte("no archive at all")} {
		if _, err := readAll(broken, extract.Limits{}); !errors.Is(err, extract.ErrBroken) {
			t.Errorf("%q: %v, want it to be broken", broken, err)
		}
	}
	spoilt := bytes.Replace(file, []byte("hello"), []byte("jello"), 1)
	if bytes.Equal(spoilt, file) {
		at := bytes.Index(file, []byte("a/b.xml")) + len("a/b.xml") + 2
		spoilt[at] ^= 1
	}
	if _, err := readAll(spoilt, extract.Limits{}, "a/b.xml"); !errors.Is(err, extract.ErrBroken) {
		t.Errorf("a wrong checksum: %v", err)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	zeros := strings.Repeat("\x00", 10<<20)
	var many []string
	for i := range 200 {
		many = append(many, fmt.Sprintf("m%d", i), "x")
	}
	for _, tt := range []struct {
		name   string
		file   []byte
		limits extract.Limits
		want   string
		most   int64 // bytes that may have been read
	}{
		{"ratio", extracttest.Zip(t, "a", zeros), extract.Limits{Ratio: 100}, "ratio", 9 << 20},
		{"unfolded", extracttest.Zip(t, "a", zeros), extract.Limits{Unfolded: 1 << 20}, "unfolded_bytes", 1 << 20},
		{"unfolded, all members", extracttest.Zip(t, "b", strings.Repeat("y", 700<<10), "a", strings.Repeat("x", 700<<10)), extract.Limits{Unfolded: 1 << 20}, "unfolded_bytes", 1 << 20},
		{"entries", extracttest.Zip(t, many...), extract.Limits{Entries: 199}, "entries", 0},
		{"within", extracttest.Zip(t, "a", zeros[:8<<20]), extract.Limits{Ratio: 100, Unfolded: 8 << 20, Entries: 1}, "", 8 << 20},
	} {
		names := []string{"a"}
		if tt.name == "unfolded, all members" {
			names = []string{"b", "a"}
		}
		got, err := readAll(tt.file, tt.limits, names...)
		limit, ok := errors.AsType[*extract.LimitError](err)
		switch {
		case tt.want == "" && err != nil, tt.want != "" && (!ok || limit.Limit != tt.want):
			t.Errorf("%s: %v, want the limit %q", tt.name, err, tt.want)
		case got > tt.most:
			t.Errorf("%s: read %d bytes, want at most %d", tt.name, got, tt.most)
		}
	}
}

// lying makes an archive of one member, of which the header says that it is small.
func lying(t *testing.T, content []byte, says uint64) []byte {
	t.Helper()
	var folded bytes.Buffer
	w, err := flate.NewWriter(&folded, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	z := zip.NewWriter(&file)
	raw, err := z.CreateRaw(&zip.FileHeader{Name: "a", Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(content), CompressedSize64: uint64(folded.Len()), UncompressedSize64: says})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := raw.Write(folded.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestHeadersAreNotBelieved(t *testing.T) {
	t.Parallel()
	file := lying(t, make([]byte, 10<<20), 10)
	n, err := readAll(file, extract.Limits{Ratio: 100}, "a")
	if limit, ok := errors.AsType[*extract.LimitError](err); !ok || limit.Limit != "ratio" || n > 9<<20 {
		t.Errorf("says 10 bytes: %v after %d bytes, want the limit of ratio", err, n)
	}
	if _, err := readAll(lying(t, []byte("hello"), 1<<40), extract.Limits{}, "a"); !errors.Is(err, extract.ErrBroken) {
		t.Errorf("says 1 TiB: %v, want it to be broken", err)
	}
}

// TestSharedBytes: members that share their bytes unfold no further than the archive may.
func TestSharedBytes(t *testing.T) {
	t.Parallel()
	file := lying(t, make([]byte, 7<<20), 7<<20)
	names := make([]string, 50)
	for i := range names {
		names[i] = "a" // each time read anew
	}
	n, err := readAll(file, extract.Limits{Ratio: 100}, names...)
	if limit, ok := errors.AsType[*extract.LimitError](err); !ok || limit.Limit != "ratio" || n > 16<<20 {
		t.Errorf("%v after %d bytes, want the limit of ratio", err, n)
	}
}

func TestEncryptedMember(t *testing.T) {
	t.Parallel()
	file := extracttest.Zip(t, "a", "hello")
	at := bytes.Index(file, []byte("PK\x01\x02"))
	flags := binary.LittleEndian.Uint16(file[at+8:])
	binary.LittleEndian.PutUint16(file[at+8:], flags|1)
	if _, err := readAll(file, extract.Limits{}, "a"); !errors.Is(err, extract.ErrEncrypted) {
		t.Errorf("%v, want it to be encrypted", err)
	}
}

// TestLongDirectory: a directory that is longer than it may be is not read to its end.
func TestLongDirectory(t *testing.T) {
	t.Parallel()
	entry := []byte("PK\x01\x02" + strings.Repeat("\x00", 42))
	file := append(bytes.Repeat(entry, 60_000), make([]byte, 22)...)
	end := file[len(file)-22:]
	copy(end, "PK\x05\x06")
	binary.LittleEndian.PutUint16(end[8:], 60_000)
	binary.LittleEndian.PutUint16(end[10:], 60_000)
	binary.LittleEndian.PutUint32(end[12:], uint32(60_000*len(entry)))
	if _, err := readAll(file, extract.Limits{Entries: 100}); err == nil {
		t.Error("60,000 entries were read, want at most 100")
	} else if limit, ok := errors.AsType[*extract.LimitError](err); !ok || limit.Limit != "entries" {
		t.Errorf("%v, want the limit of entries", err)
	}
}

// FuzzArchive: whatever a file is, its members are read within the limits.
func FuzzArchive(f *testing.F) {
	f.Add(extracttest.Zip(f, "a", "hello", "b/c", strings.Repeat("x", 1000)))
	f.Fuzz(func(t *testing.T, file []byte) {
		src := extracttest.Source("a.zip", file)
		src.Limits = extract.Limits{Unfolded: 1 << 20, Ratio: 50, Entries: 20}
		a, err := archive.Open(src)
		if err != nil {
			return
		}
		total := int64(0)
		for _, name := range a.Names() {
			member, err := a.Member(name)
			if err != nil {
				continue
			}
			n, _ := io.Copy(io.Discard, member)
			total += n
		}
		if total > 1<<20 || len(a.Names()) > 20 {
			t.Errorf("%d members of %d bytes", len(a.Names()), total)
		}
	})
}
