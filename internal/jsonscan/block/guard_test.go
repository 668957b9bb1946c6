//go:build unix

package block

import (
	"bytes"
	"os"
	"syscall"
	"testing"
)

// TestPassStaysWithin has texts that end where a page of memory does, and begin where
// one does, with pages beside them that must not be read.
func TestPassStaysWithin(t *testing.T) {
	page := os.Getpagesize()
	memory, err := syscall.Mmap(-1, 0, 3*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Skip(err)
	}
	defer func() {
		if err := syscall.Munmap(memory); err != nil {
			t.Error(err)
		}
	}()
	for _, guard := range [][]byte{memory[:page], memory[2*page:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	room := memory[page : 2*page]
	for _, unit := range []string{"a", `\n`, `\\`, `\u4eca`, "ü", "今", "\U0001F600", "\xff", `"`, "\\", "\xe4", "\xf0\x9f"} {
		for length := range 4 * Size {
			text := bytes.Repeat([]byte(unit), length/len(unit)+1)[:length]
			copy(room, text)
			check(t, room[:length:length])
			copy(room[page-length:], text)
			check(t, room[page-length:])
		}
	}
}
