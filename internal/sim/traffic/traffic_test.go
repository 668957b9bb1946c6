package traffic

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

func TestParse(t *testing.T) {
	f, err := Parse("traffic.yaml", []byte(`
duration: 90
seed: 7
apps:
  - name: crm
    rate: 0.5
    service: {mean: 1m30s, distribution: lognormal, sigma: 0.5}
    retry: obey
  - {name: import, count: 3, clients: 20, think: 1, provider: groq, class: batch, on: 10, off: 5}
`), []string{"openai", "groq"})
	if err != nil {
		t.Fatal(err)
	}
	crm := NewSource("crm")
	crm.Rate, crm.Retry = 0.5, Obey
	crm.Service = Work{Mean: Duration(90 * time.Second), Distribution: Lognormal, Sigma: 0.5}
	second := NewSource("import")
	second.Count, second.Clients, second.Think, second.Provider, second.Class = 3, 20, Duration(time.Second), "groq", "batch"
	second.On, second.Off = Duration(10*time.Second), Duration(5*time.Second)
	want := &File{Duration: Duration(90 * time.Second), Seed: 7, Apps: []Source{crm, second}}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("got  %+v\nwant %+v", f, want)
	}
}

// TestMistakes: every mistake is told, each where it stands.
func TestMistakes(t *testing.T) {
	_, err := Parse("traffic.yaml", []byte(`
duraton: 90
apps:
  - rate: 0.5
  - {name: a, rate: 1, clients: 2}
  - name: b
  - {name: c, rate: fast}
  - {name: d, rate: 1, provider: opnai}
  - {name: e, rate: 1, from: 10, until: 5, off: 3}
  - {name: f, rate: 1, count: 0, class: urgent, arrivals: uniform}
  - {name: g, rate: 1, service: {mean: 0, distribution: pareto, sigma: 5}}
  - {name: h, rate: 1, retry: hammer, retry_every: 0}
`), []string{"openai"})
	problems, ok := err.(strictyaml.Errors) //nolint:errorlint // it is what Parse promises
	if !ok {
		t.Fatalf("got %v", err)
	}
	var got []string
	for _, p := range problems {
		if p.File != "traffic.yaml" || p.Line == 0 {
			t.Errorf("%s has no place in the file", p)
		}
		got = append(got, p.Key)
	}
	want := []string{
		"duraton", "apps[0].name", "apps[1]", "apps[2]", "apps[3].rate", "apps[4].provider", "apps[5].until", "apps[5].off",
		"apps[6].count", "apps[6].class", "apps[6].arrivals", "apps[7].service.mean", "apps[7].service.distribution",
		"apps[7].service.sigma", "apps[8].retry_every",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got problems of\n%q\nwant\n%q\n%v", got, want, err)
	}
	if text := err.Error(); !strings.Contains(text, `did you mean "openai"?`) || !strings.Contains(text, `did you mean "duration"?`) {
		t.Errorf("no suggestion in\n%s", text)
	}
}

func TestNobodyCalls(t *testing.T) {
	for _, text := range []string{"", "duration: 10", "apps: []", "apps: 3", "\t"} {
		if _, err := Parse("traffic.yaml", []byte(text), nil); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestCalling(t *testing.T) {
	s := NewSource("a")
	s.From, s.Until = Duration(10*time.Second), Duration(60*time.Second)
	s.On, s.Off = Duration(5*time.Second), Duration(15*time.Second)
	for at, want := range map[int]int{0: 10, 10: 10, 14: 14, 15: 30, 29: 30, 34: 34, 36: 50, 54: 54, 55: -1, 70: -1} {
		got, ok := s.Calling(time.Duration(at)*time.Second, time.Hour)
		if !ok {
			got = -time.Second
		}
		if got != time.Duration(want)*time.Second {
			t.Errorf("after %d s: got %v, want %d s", at, got, want)
		}
	}
	if _, ok := s.Calling(0, 10*time.Second); ok {
		t.Error("it calls after the end")
	}
}

// TestChance holds what is drawn to its mean and its spread.
func TestChance(t *testing.T) {
	const n = 200_000
	random := rand.New(rand.NewPCG(1, 2))
	moments := func(draw func() time.Duration) (mean, deviation float64) {
		sum, squares := 0.0, 0.0
		for range n {
			v := draw().Seconds()
			sum, squares = sum+v, squares+v*v
		}
		mean = sum / n
		return mean, math.Sqrt(squares/n - mean*mean)
	}
	s := NewSource("a")
	s.Rate = 0.5
	for name, c := range map[string]struct {
		draw      func() time.Duration
		deviation float64 // for a mean of 2 s
	}{
		"exponential": {func() time.Duration {
			return (&Work{Mean: Duration(2 * time.Second), Distribution: "exponential"}).Draw(random)
		}, 2},
		"constant": {func() time.Duration {
			return (&Work{Mean: Duration(2 * time.Second), Distribution: Constant}).Draw(random)
		}, 0},
		"lognormal": {func() time.Duration {
			return (&Work{Mean: Duration(2 * time.Second), Distribution: Lognormal, Sigma: 0.5}).Draw(random)
		}, 2 * math.Sqrt(math.Exp(0.25)-1)},
		"poisson arrivals": {func() time.Duration { return s.Gap(random) }, 2},
	} {
		mean, deviation := moments(c.draw)
		if math.Abs(mean-2) > 0.02 || math.Abs(deviation-c.deviation) > 0.03 {
			t.Errorf("%s: mean %.3f, deviation %.3f; want 2 and %.3f", name, mean, deviation, c.deviation)
		}
	}
	s.Arrivals = Constant
	if got := s.Gap(random); got != 2*time.Second {
		t.Errorf("constant arrivals: %v", got)
	}
}

// TestEveryKeyIsDocumented holds the page to the keys, both ways, each with its
// default and the text that it has here.
func TestEveryKeyIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../../docs/simulate.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]string)
	for _, found := range regexp.MustCompile("(?m)^\\| `((?:duration|seed|apps)[a-z_.\\[\\]]*)` (\\|.*\\|)$").FindAllStringSubmatch(string(text), -1) {
		rows[found[1]] = found[2]
	}
	want := make(map[string]string)
	collect(reflect.ValueOf(File{Apps: []Source{NewSource("")}}), "", want)
	for key, row := range want {
		if rows[key] != row {
			t.Errorf("the page has for %s\n%s, want\n%s", key, rows[key], row)
		}
	}
	for key := range rows {
		if want[key] == "" {
			t.Errorf("the page has %s, which is no key", key)
		}
	}
	if len(want) < 20 {
		t.Errorf("found %d keys: the test is not reading the struct", len(want))
	}
}

// collect adds the page's row for every leaf of a struct that holds the
// defaults.
func collect(of reflect.Value, prefix string, rows map[string]string) {
	for i := range of.NumField() {
		field, value := of.Type().Field(i), of.Field(i)
		key := strictyaml.Join(prefix, field.Tag.Get("yaml"))
		switch {
		case value.Kind() == reflect.Struct:
			collect(value, key, rows)
		case value.Kind() == reflect.Slice:
			collect(value.Index(0), key+"[]", rows)
		case value.IsZero():
			rows[key] = "| | " + field.Tag.Get("doc") + " |"
		default:
			rows[key] = fmt.Sprintf("| `%v` | %s |", value.Interface(), field.Tag.Get("doc"))
		}
	}
}
