package buffer

import (
	"bytes"
	"testing"
)

func TestBuffer(t *testing.T) {
	pool := new(Buffers)
	b := pool.Get()
	text := bytes.Repeat([]byte("0123456789"), 10000)
	for at := 0; at < len(text); {
		n := copy(b.Room(), text[at:min(len(text), at+777)])
		b.Fill(n)
		at += n
		if at == 777*3 {
			if !b.Take(777) || !bytes.Equal(b.Bytes(), text[777:at]) {
				t.Fatal("the bytes are not those that are left")
			}
		}
	}
	if !bytes.Equal(b.Bytes(), text[777:]) {
		t.Error("the bytes are not those that were put in")
	}
	if b.Take(len(text) - 777) {
		t.Error("all bytes are taken, and some are left")
	}
	pool.Put(b)
	if b := pool.Get(); len(b.Bytes()) != 0 || cap(b.Room()) > Kept {
		t.Errorf("got a buffer of %d bytes with room for %d", len(b.Bytes()), cap(b.Room()))
	}
}

// BenchmarkBuffers shows what the pool saves each read of a head.
func BenchmarkBuffers(b *testing.B) {
	b.Run("pool", func(b *testing.B) {
		pool := new(Buffers)
		b.ReportAllocs()
		for b.Loop() {
			got := pool.Get()
			got.Fill(len(got.Room()))
			pool.Put(got)
		}
	})
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		var kept *Buffer // what the collector has to look after
		for b.Loop() {
			kept = &Buffer{data: make([]byte, 0, 4<<10)}
			kept.Fill(len(kept.Room()))
		}
		_ = kept
	})
}
