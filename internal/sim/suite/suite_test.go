package suite

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/sim/report"
)

func small() Options {
	return Options{Seed: 3, Apps: []int{10, 30}, Keys: []int{1, 4}, Duration: 8 * time.Second}
}

// TestSameSeedSameBytes: what is published can be made again, and each picture is
// of what its name says.
func TestSameSeedSameBytes(t *testing.T) {
	first, err := Draw(t.Context(), small())
	if err != nil {
		t.Fatal(err)
	}
	again, err := Draw(t.Context(), small())
	if err != nil {
		t.Fatal(err)
	}
	titles := map[string]string{
		"crowd.svg": "Wait of polite apps", "adversaries.svg": "Wait of ten", "refused.svg": "Refusals of ten", "key-splitting.svg": "What an owner gets",
	}
	if len(first) != len(titles)+1 {
		t.Errorf("got %d files", len(first))
	}
	for i, file := range first {
		if file.Name != again[i].Name || !bytes.Equal(file.Data, again[i].Data) {
			t.Errorf("%s differs between two runs of the same seed", file.Name)
		}
		if title := titles[file.Name]; title != "" && !bytes.Contains(file.Data, []byte("<title>"+title)) {
			t.Errorf("%s is no picture of that: %s", file.Name, title)
		}
	}
	checkFigures(t, first[len(first)-1])
}

// checkFigures holds the figures to what the experiments are about.
func checkFigures(t *testing.T, figures File) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(figures.Data)).ReadAll()
	if err != nil || figures.Name != "figures.csv" {
		t.Fatalf("%s: %v", figures.Name, err)
	}
	const policies = 3
	if got, want := len(rows)-1, policies*(2*len(small().Apps)+len(small().Keys)+len(adversaryList())); got != want {
		t.Errorf("%d rows, want %d", got, want)
	}
	wait := make(map[string]float64) // p99 by policy, of the crowd
	for _, row := range rows[1:] {
		if row[0] != ofCrowd {
			continue
		}
		v, err := strconv.ParseFloat(row[4], 64)
		if err != nil {
			t.Fatal(err)
		}
		wait[row[2]] = max(wait[row[2]], v)
	}
	if len(wait) != policies || wait["Fairlead"] > 1.5 || wait["FIFO"] < 3*wait["Fairlead"] {
		t.Errorf("p99 waits of polite apps: %v", wait)
	}
}

func TestDrawEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Draw(ctx, small()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestTimelines: who held and waited most is drawn by name, the rest together.
func TestTimelines(t *testing.T) {
	r := &report.Report{}
	for i := range 12 {
		r.Timelines = append(r.Timelines, report.Timeline{
			Name: "app-" + strconv.Itoa(i), At: []float64{0, 1}, Held: []float64{float64(i), 1}, Waiting: []float64{0, 0},
		})
	}
	picture := string(Timelines(r))
	for name, want := range map[string]bool{"app-11": true, "app-5": true, "app-4": false, "app-0": false, "others": true} {
		if got := strings.Contains(picture, ">"+name+"<"); got != want {
			t.Errorf("%s is in the picture: %v, want %v", name, got, want)
		}
	}
}
