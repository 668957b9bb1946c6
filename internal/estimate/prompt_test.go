package estimate

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// naivePromptBytes is PromptBytes by regarding what stands between quotes.
func naivePromptBytes(body string, mode Mode) int {
	marks := strings.Count(body, `"image_url"`)
	between := strings.Split(body, `"`)
	files, excess := 0, 0
	for _, text := range between[:len(between)-1] { // the last has no quote behind it
		if _, data, ok := strings.Cut(text, ";base64,"); ok {
			files++
			excess += max(len(data)-ImageBytes, 0)
		}
	}
	if mode == Hard {
		excess = 0
	}
	return len(body) + max(marks/2-files, 0)*ImageBytes - excess
}

// naiveMayHoldFile is mayHoldFile by regarding what stands between quotes.
func naiveMayHoldFile(body string) bool {
	for text := range strings.SplitSeq(body, `"`) {
		if len(text) > ImageBytes {
			return true
		}
	}
	return false
}

func checkPrompt(t *testing.T, body string) {
	t.Helper()
	for _, mode := range []Mode{Expected, Hard} {
		if got, want := PromptBytes([]byte(body), mode), naivePromptBytes(body, mode); got != want {
			t.Fatalf("%d bytes, mode %v: got %d, want %d", len(body), mode, got, want)
		}
	}
	if strings.Count(body, `"image_url"`) < 2 { // there is no image
		for _, mode := range []Mode{Expected, Hard} {
			if got, want := TextBytes([]byte(body), mode), PromptBytes([]byte(body), mode); got != want {
				t.Fatalf("%d bytes, mode %v: without images %d, want %d", len(body), mode, got, want)
			}
		}
	}
	if got, want := mayHoldFile([]byte(body)), naiveMayHoldFile(body); got != want {
		t.Fatalf("%d bytes: got %t, want %t", len(body), got, want)
	}
}

// TestPromptBytesAtEveryPlace moves runs without a quote, of about the size from which
// they count, past the places that are looked at.
func TestPromptBytesAtEveryPlace(t *testing.T) {
	for _, run := range []int{ImageBytes - 1, ImageBytes, ImageBytes + 1, 2*ImageBytes + 2, 2*ImageBytes + 3} {
		for before := 0; before < 2*ImageBytes+9; before += 1 + before%7*23 {
			filler := strings.Repeat(`"`, before)
			for _, behind := range []string{"", `"`, `"` + strings.Repeat("x", ImageBytes)} {
				checkPrompt(t, filler+strings.Repeat("x", run)+behind)
				checkPrompt(t, filler+";base64,"+strings.Repeat("x", run)+behind)
			}
		}
	}
}

func TestPromptBytesMixed(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 5))
	parts := []string{`"`, `"image_url"`, `\"image_url\"`, `;base64,`, `"base64"`, `_url"`, "prose, and more of it", "64"}
	for range 3000 {
		var body strings.Builder
		for n := random.IntN(40); n > 0; n-- {
			body.WriteString(parts[random.IntN(len(parts))])
			if random.IntN(4) == 0 {
				body.WriteString(strings.Repeat("A", random.IntN(2*ImageBytes)))
			}
		}
		checkPrompt(t, body.String())
	}
}

func FuzzPromptBytes(f *testing.F) {
	f.Add([]byte(`{"type":"image_url","image_url":{"url":"data:image/png;base64,`), uint16(ImageBytes+1), []byte(`"}}`))
	f.Add([]byte(`"`), uint16(ImageBytes), []byte(`"`))
	f.Fuzz(func(t *testing.T, before []byte, run uint16, behind []byte) {
		checkPrompt(t, string(before)+strings.Repeat("A", int(run))+string(behind))
	})
}

// TestBlockExcessOfLongFilesAlone is against leaving out a file that is long enough.
func TestBlockExcessOfLongFilesAlone(t *testing.T) {
	for _, size := range []int{0, 1, ImageBytes, ImageBytes + 1, 5 * ImageBytes} {
		for before := 0; before < 2*ImageBytes; before += 97 {
			body := fmt.Appendf(nil, `%s{"type":"base64","media_type":"image/png","data":"%s"}`,
				bytes.Repeat([]byte(`"`), before), bytes.Repeat([]byte("A"), size))
			if got, want := BlockExcess(body), max(size-ImageBytes, 0); got != want {
				t.Fatalf("%d bytes behind %d: got %d, want %d", size, before, got, want)
			}
		}
	}
}
