package segment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/fairleadhq/fairlead/internal/lexindex/postings"
)

// TestLengthCodes: codes ascend with lengths, and lose at most a 16th.
func TestLengthCodes(t *testing.T) {
	t.Parallel()
	before := uint8(0)
	for n := range uint64(mostLength + 1) {
		code := LengthCode(n)
		if code < before {
			t.Fatalf("the code of %d is less than that of %d", n, n-1)
		}
		before = code
		if got := Length(code); uint64(got) > n || float64(got) < float64(n)*16/17 {
			t.Fatalf("%d is taken for %d", n, got)
		}
		if n < exactLengths && Length(code) != int(n) {
			t.Fatalf("%d is taken for %d", n, Length(code))
		}
	}
	if LengthCode(1<<60) != 255 {
		t.Errorf("the longest has code %d", LengthCode(1<<60))
	}
}

// build returns a segment of some groups, one of which was removed before a merge.
func build(tb testing.TB, seed uint64, fields int) []byte {
	tb.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	b := NewBuilder(fields)
	var lives []*Live
	id := int64(0)
	for group := range int64(5) {
		docs := make([]Doc, 1+r.IntN(60))
		for i := range docs {
			id++
			docs[i] = Doc{ID: id, Fields: make([][]Term, fields)}
			for field := range fields {
				for range r.IntN(20) {
					docs[i].Fields[field] = append(docs[i].Fields[field], Term{fmt.Sprintf("t%d", r.IntN(1+r.IntN(200))), 1 + r.IntN(3)})
				}
			}
		}
		data, err := b.Build(group, docs)
		if err != nil {
			tb.Fatal(err)
		}
		reader, err := Open(data)
		if err != nil {
			tb.Fatal(err)
		}
		live := NewLive(reader)
		if group == 3 {
			live = live.Without(3, 99)
		}
		lives = append(lives, live)
	}
	var out bytes.Buffer
	if _, err := Merge(lives, &out, tb.Context().Err); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// use reads all that there is to read.
func use(tb testing.TB, r *Reader) error {
	tb.Helper()
	live := NewLive(r).Without(r.Group(0).Number)
	for document := range word(r.Docs()) {
		r.Owner(document)
		r.ID(document)
	}
	var buffer postings.Buffer
	for field := range r.Fields() {
		for n := range 200 {
			l, ok, err := r.Find(field, fmt.Sprintf("t%d", n))
			if err != nil {
				return err
			}
			for block := range l.Blocks() {
				if !ok {
					break
				}
				if err := l.Read(block, &buffer); err != nil {
					return err
				}
			}
		}
	}
	if live.LiveDocs() == 0 {
		return nil
	}
	var out bytes.Buffer
	_, err := Merge([]*Live{live}, &out, tb.Context().Err)
	return err
}

// TestFind finds each term of a segment, and no other.
func TestFind(t *testing.T) {
	t.Parallel()
	r, err := Open(build(t, 1, 2))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(use(t, r), r.Verify(t.Context())); err != nil {
		t.Fatal(err)
	}
	var w walk
	seen := uint64(0)
	for ok, err := w.advance(r); ok || err != nil; ok, err = w.advance(r) {
		if err != nil {
			t.Fatal(err)
		}
		seen++
		checkFind(t, r, &w)
	}
	if seen != r.Terms() || seen == 0 {
		t.Errorf("%d terms of %d", seen, r.Terms())
	}
	if _, ok, err := r.Find(7, "t1"); ok || err != nil {
		t.Errorf("a field that is not there: %v, %v", ok, err)
	}
}

func checkFind(t *testing.T, r *Reader, w *walk) {
	t.Helper()
	field, text := int(w.key[0]), string(w.key[1:w.keySize])
	want, err := w.postings()
	if err != nil {
		t.Fatal(err)
	}
	if got, ok, err := r.Find(field, text); err != nil || !ok || got.Count() != want.Count() {
		t.Errorf("%s of field %d: %v, %v", text, field, ok, err)
	}
	for _, other := range []string{text + "\x00", text[:len(text)-1] + "\xff", ""} {
		if _, ok, err := r.Find(field, other); err != nil || ok {
			t.Errorf("%q of field %d: %v, %v", other, field, ok, err)
		}
	}
}

// TestRefused: documents that can't be written as they are, are not.
func TestRefused(t *testing.T) {
	t.Parallel()
	long := string(bytes.Repeat([]byte{'a'}, MaxTerm+1))
	terms := func(terms ...Term) [][]Term { return [][]Term{terms} }
	for name, docs := range map[string][]Doc{
		"none":           {},
		"in disorder":    {{ID: 2}, {ID: 1}},
		"the same twice": {{ID: 2}, {ID: 2}},
		"long":           {{ID: 1, Fields: terms(Term{long, 1})}},
		"empty":          {{ID: 1, Fields: terms(Term{"", 1})}},
		"not there":      {{ID: 1, Fields: terms(Term{"a", 0})}},
		"fields":         {{ID: 1, Fields: make([][]Term, 2)}},
	} {
		b := NewBuilder(1)
		if _, err := b.Build(1, docs); err == nil {
			t.Errorf("%s: taken", name)
		}
		good := []Doc{{ID: 1, Fields: terms(Term{long[1:], 1}, Term{"b", 1}, Term{"b", 2})}, {ID: 5}}
		data, err := b.Build(1, good)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Open(data)
		if err != nil {
			t.Fatal(err)
		}
		if l, ok, err := r.Find(0, long[1:]); !ok || err != nil || l.Count() != 1 || Length(r.Lengths(0)[0]) != 4 {
			t.Errorf("behind %s: %v, %v", name, ok, err)
		}
	}
}

// reseal makes the sums of a segment right again after something in it was changed, so
// that more than the sums is tested.
func reseal(data []byte) {
	if len(data) < headerSize+footerSize {
		return
	}
	le := binary.LittleEndian
	footer := data[len(data)-footerSize:]
	at := uint64(headerSize)
	for kind := range sectionKinds {
		entry := footer[24+12*kind:]
		n := le.Uint64(entry)
		if n > uint64(len(data)) || at+n > uint64(len(data)) {
			return
		}
		le.PutUint32(entry[8:], crc32.Checksum(data[at:at+n], sums()))
		at += n
	}
	le.PutUint32(footer[footerSum:], crc32.Checksum(footer[:footerSum], sums()))
}

// FuzzDamage changes bytes of a segment, and makes its sums right again. Whatever comes
// of it, nothing panics, and nothing reads outside of the segment.
func FuzzDamage(f *testing.F) {
	whole := [][]byte{build(f, 1, 1), build(f, 2, 3)}
	f.Add(uint8(0), []byte{1, 0, 20, 3})
	f.Add(uint8(1), []byte{0xff, 0xff, 0xff, 3})
	f.Fuzz(func(t *testing.T, which uint8, changes []byte) {
		data := slices.Clone(whole[int(which)%len(whole)])
		for ; len(changes) >= 4; changes = changes[4:] {
			at := int(changes[0])<<16 | int(changes[1])<<8 | int(changes[2])
			data[at%len(data)] = changes[3]
		}
		if which&4 == 0 {
			reseal(data)
		}
		r, err := Open(slices.Clip(data))
		if err == nil {
			err = use(t, r)
		}
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
	})
}

// TestDamage does so with many random changes.
func TestDamage(t *testing.T) {
	t.Parallel()
	whole := build(t, 3, 2)
	r := rand.New(rand.NewPCG(9, 9))
	opened, damaged := 0, 0
	for range 3000 {
		data := slices.Clone(whole)
		for range 1 + r.IntN(3) {
			at := r.IntN(len(data))
			if r.IntN(3) == 0 { // in what is checked the least
				at = headerSize + r.IntN(len(data)/2)
			}
			data[at] = byte(r.Uint32())
		}
		reseal(data)
		reader, err := Open(slices.Clip(data))
		if err == nil {
			opened++
			err = use(t, reader)
		}
		if errors.Is(err, ErrDamaged) {
			damaged++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if opened < 100 || damaged < 100 {
		t.Errorf("%d could be opened, %d were found to be damaged: this tests little", opened, damaged)
	}
}

// TestFile: a file is read as what is in memory; one that is cut is damaged.
func TestFile(t *testing.T) {
	t.Parallel()
	data := build(t, 1, 1)
	path := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(use(t, r), r.Verify(t.Context()), r.Close()); err != nil {
		t.Error(err)
	}
	for _, n := range []int{0, 1, headerSize + footerSize, len(data) - 1} {
		if err := os.WriteFile(path, data[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenFile(path); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
}
