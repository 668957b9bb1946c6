package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func sample() Chart {
	return Chart{
		Title: "Waits & <more>", Note: "a note",
		X: Axis{Label: "apps", Scale: Logarithmic, Min: 10, Max: 10000}, Y: Axis{Label: "seconds"},
		Series: []Series{
			{Name: "one", X: []float64{10, 100, 10000}, Y: []float64{0, 3, 7}},
			{Name: "two", X: []float64{10, 100, 1e9}, Y: []float64{2, 2, 2}},
		},
	}
}

// elements reads a picture as XML and returns its texts.
func elements(t *testing.T, picture []byte) (texts []string) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(picture))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return texts
		}
		if err != nil {
			t.Fatalf("not XML: %v\n%s", err, picture)
		}
		if text, ok := token.(xml.CharData); ok && strings.TrimSpace(string(text)) != "" {
			texts = append(texts, strings.TrimSpace(string(text)))
		}
	}
}

// TestPicturesStandAlone: no scripts, nothing from elsewhere, dark ground too,
// and all coordinates within the picture.
func TestPicturesStandAlone(t *testing.T) {
	for name, picture := range map[string][]byte{
		"lines": Lines(sample(), sample()),
		"bars":  Bars(sample(), []string{"first", "second", "third"}),
		"empty": Lines(Chart{}),
	} {
		t.Run(name, func(t *testing.T) {
			elements(t, picture)
			for _, never := range []string{"<script", "href", "url(", "@import", "@font-face", "NaN", "Inf"} {
				if bytes.Contains(picture, []byte(never)) {
					t.Errorf("it holds %s", never)
				}
			}
			if !bytes.Contains(picture, []byte("prefers-color-scheme:dark")) {
				t.Error("it knows no dark ground")
			}
			checkInside(t, picture)
		})
	}
}

// checkInside looks whether every coordinate is within the picture.
func checkInside(t *testing.T, picture []byte) {
	t.Helper()
	size := regexp.MustCompile(`viewBox="0 0 (\S+) (\S+)"`).FindSubmatch(picture)
	for _, found := range regexp.MustCompile(` c?(x|y)="([^"]+)"`).FindAllSubmatch(picture, -1) {
		most, at := number(t, size[1]), number(t, found[2])
		if string(found[1]) == "y" {
			most = number(t, size[2])
		}
		if at < 0 || at > most {
			t.Errorf("%s=%v is outside of the picture", found[1], at)
		}
	}
}

func number(t *testing.T, text []byte) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestEverythingIsNamed(t *testing.T) {
	texts := strings.Join(elements(t, Lines(sample())), "\n")
	for _, want := range []string{"Waits & <more>", "a note", "apps", "seconds", "10k", "100", "one", "two"} {
		if !strings.Contains(texts, want) {
			t.Errorf("%q is not in the picture", want)
		}
	}
	texts = strings.Join(elements(t, Bars(sample(), []string{"first", "second", "third"})), "\n")
	for _, want := range []string{"first", "third", "one", "two", "7"} {
		if !strings.Contains(texts, want) {
			t.Errorf("%q is not in the picture of bars", want)
		}
	}
}

func TestSameFiguresSameBytes(t *testing.T) {
	if !bytes.Equal(Lines(sample()), Lines(sample())) {
		t.Error("two pictures of the same figures differ")
	}
	other := sample()
	other.Series[0].Y[1] = 4
	if bytes.Equal(Lines(sample()), Lines(other)) {
		t.Error("another figure made no other picture")
	}
}

func TestAxes(t *testing.T) {
	linear := newSpan(Axis{}, 0, 100, []float64{3, 18})
	if linear.axis.Max != 18 || linear.at(9) != 50 || linear.at(-5) != 0 || linear.at(99) != 100 {
		t.Errorf("up to %v: 9 is at %v, -5 at %v, 99 at %v", linear.axis.Max, linear.at(9), linear.at(-5), linear.at(99))
	}
	if ticks := linear.ticks(); len(ticks) != 10 || ticks[1] != 2 || ticks[9] != 18 {
		t.Errorf("ticks %v", ticks)
	}
	logarithmic := newSpan(Axis{Scale: Logarithmic, Min: 0.1, Max: 1000}, 0, 100, nil)
	if at := logarithmic.at(10); at != 50 {
		t.Errorf("10 is at %v of 0.1 to 1000", at)
	}
	if ticks := logarithmic.ticks(); len(ticks) != 5 || short(ticks[0]) != "0.1" || short(ticks[4]) != "1000" {
		t.Errorf("ticks %v", ticks)
	}
	for v, want := range map[float64]string{0: "0", 0.25: "0.25", 12.345: "12.3", 1500: "1500", 20000: "20k"} {
		if got := short(v); got != want {
			t.Errorf("%v is spelled %s, want %s", v, got, want)
		}
	}
}
