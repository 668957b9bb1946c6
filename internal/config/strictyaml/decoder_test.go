package strictyaml

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// sheet has a field of every type that a file can fill.
type sheet struct {
	Server  server            `yaml:"server"`
	Limits  limits            `yaml:"limits"`
	Aliases map[string]string `yaml:"aliases"`
	Apps    []app             `yaml:"apps"`
	Mirrors []mirror          `yaml:"mirrors" by:"Name"`
	Private string
}

type server struct {
	Listen  string   `yaml:"listen" env:"LISTEN"`
	DataDir string   `yaml:"data_dir"`
	MaxBody Size     `yaml:"max_body"`
	Drain   Duration `yaml:"drain"`
	Public  bool     `yaml:"public"`
}

type limits struct {
	MaxQueue int      `yaml:"max_queue" most:"1000"`
	Workers  int      `yaml:"workers" least:"2"`
	Rate     float64  `yaml:"rate" below:"1"`
	Shadow   []string `yaml:"shadow" oneof:"queue,rate"`
}

type app struct {
	Name   string   `yaml:"name"`
	Keys   []Secret `yaml:"keys"`
	Models []string `yaml:"models"`
}

type mirror struct {
	Name    string   `yaml:"-"`
	URL     string   `yaml:"url"`
	Kind    string   `yaml:"kind" oneof:"near,far"`
	Key     Secret   `yaml:"key"`
	Timeout Duration `yaml:"timeout"`
}

// options are those of most tests.
func options() Options {
	return Options{
		Name: "f.yaml", Env: map[string]string{"TOKEN": "0123456789", "EMPTY": ""}, Words: []string{"first"},
	}
}

// decode reads a file that must be right.
func decode(t *testing.T, file string) (sheet, *Decoder) {
	t.Helper()
	var got sheet
	d := NewDecoder(&got, options())
	if !d.Decode([]byte(file)) {
		t.Error("the file could not be read")
	}
	if _, err := d.Finish(); err != nil {
		t.Fatalf("Finish: %v", err)
	}
	return got, d
}

// mistakes reads a file that must be wrong.
func mistakes(t *testing.T, file string) Errors {
	t.Helper()
	d := NewDecoder(&sheet{}, options())
	d.Decode([]byte(file))
	return finished(t, d)
}

// finished is what is wrong in the end.
func finished(t *testing.T, d *Decoder) Errors {
	t.Helper()
	warnings, err := d.Finish()
	errs, ok := errors.AsType[Errors](err)
	if !ok || len(errs) == 0 || warnings != nil {
		t.Fatalf("Finish gave %q and %v, want problems", warnings, err)
	}
	return errs
}

func TestEveryTypeIsRead(t *testing.T) {
	got, d := decode(t, `server: {listen: "a:1", data_dir: 'x', max_body: 2MiB, drain: 1.5, public: true}
limits: {max_queue: 7, workers: 2, rate: 0.75, shadow: [rate, queue]}
aliases: {fast: m, "a b": "1"}
apps: [{name: a, keys: ["${TOKEN}", "${NOPE}", "${EMPTY}"], models: [x, y]}, {name: b}]
mirrors: {second: {url: u, kind: far, key: k, timeout: 1m}, first: }
`)
	want := sheet{
		Server:  server{Listen: "a:1", DataDir: "x", MaxBody: 2 << 20, Drain: Duration(1500 * time.Millisecond), Public: true},
		Limits:  limits{MaxQueue: 7, Workers: 2, Rate: 0.75, Shadow: []string{"rate", "queue"}},
		Aliases: map[string]string{"fast": "m", "a b": "1"},
		Apps:    []app{{Name: "a", Keys: []Secret{"0123456789"}, Models: []string{"x", "y"}}, {Name: "b"}},
		Mirrors: []mirror{{Name: "second", URL: "u", Kind: "far", Key: "k", Timeout: Duration(time.Minute)}, {Name: "first"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	for key, want := range map[string]string{
		"server.max_body": "f.yaml:1:50", "aliases": "f.yaml:3:10", "apps": "f.yaml:4:7", "apps[0].name": "f.yaml:4:15",
		"mirrors.second.kind": "f.yaml:5:34", "mirrors": "f.yaml:5:10",
	} {
		if got := d.Origins[key].String(); got != want {
			t.Errorf("origin of %s is %s, want %s", key, got, want)
		}
	}
	warnings, _ := d.Finish()
	wantWarnings := []string{
		"f.yaml:4:37: apps[0].keys[1]: NOPE is not set; this key is left out",
		"f.yaml:4:48: apps[0].keys[2]: the variable is empty; this key is left out",
	}
	if !slices.Equal(warnings, wantWarnings) {
		t.Errorf("warnings %q, want %q", warnings, wantWarnings)
	}
}

func TestEntriesBeginAsTheCallerSays(t *testing.T) {
	var got sheet
	o := options()
	o.Begin = func(key string, entry any) {
		if m, ok := entry.(*mirror); ok {
			m.URL, m.Kind = "http://"+m.Name, key
		}
		if a, ok := entry.(*app); ok {
			a.Name, a.Models = key, []string{"any"}
		}
	}
	d := NewDecoder(&got, o)
	d.Decode([]byte("mirrors: {a: {url: mine}, b: }\napps: [{name: mine}, {models: [x]}]"))
	if _, err := d.Finish(); err != nil {
		t.Fatal(err)
	}
	want := []mirror{{Name: "a", URL: "mine", Kind: "mirrors.a"}, {Name: "b", URL: "http://b", Kind: "mirrors.b"}}
	if !slices.Equal(got.Mirrors, want) {
		t.Errorf("got %+v, want %+v", got.Mirrors, want)
	}
	if want := []app{{Name: "mine", Models: []string{"any"}}, {Name: "apps[1]", Models: []string{"x"}}}; !reflect.DeepEqual(got.Apps, want) {
		t.Errorf("got %+v, want %+v", got.Apps, want)
	}
}

func TestMistakes(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"slip", "servr: {}", `1:1: servr: unknown key; did you mean "server"?`},
		{"elsewhere", "max_queue: 3", `1:1: max_queue: unknown key; did you mean "limits.max_queue"?`},
		{"elsewhere in an entry", "url: 3", `1:1: url: unknown key; did you mean "mirrors.*.url"?`},
		{"not exported as a key", "Private: x", `1:1: Private: unknown key`},
		{"not one of", "mirrors: {a: {kind: fa}}", `1:21: mirrors.a.kind: "fa" is not one of near, far; did you mean "far"?`},
		{"too much", "limits: {max_queue: 1001}", `1:21: limits.max_queue: "1001" is more than 1000, the most allowed`},
		{"too little", "limits: {workers: 1}", `1:19: limits.workers: "1" is less than 2, the least allowed`},
		{"a fraction", "limits: {workers: 2.5}", `1:19: limits.workers: "2.5" is not a whole number`},
		{"no number", "limits: {rate: half}", `1:16: limits.rate: "half" is not a number such as 0.8`},
		{"number as a text", "limits: {rate: '0.5'}", `1:16: limits.rate: "0.5" is a text; write it without quotes`},
		{"number at its bound", "limits: {rate: 1}", `1:16: limits.rate: "1" is not below 1`},
		{"not one of a list", "limits: {shadow: [rate, queu]}", `1:25: limits.shadow[1]: "queu" is not one of queue, rate; did you mean "queue"?`},
		{"no text in a list", "limits: {shadow: [rate, [rate]]}", `1:25: limits.shadow[1]: holds one value, not a list`},
		{"twice", "limits: {}\nlimits: {}", `2:1: limits: the key is there twice, first on line 1`},
		{"wrong kind", "mirrors: []", `1:10: mirrors: holds keys with values, not a list`},
		{"secret", "mirrors: {a: {key: [x]}}", `1:20: mirrors.a.key: holds one value, not a list`},
		{"unset", "server: {listen: '${NOPE}'}", `1:18: server.listen: the environment variable NOPE is not set; set it, or write ${NOPE:-default}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			errs := mistakes(t, tt.file)
			errs[0].Excerpt = ""
			if got, want := errs.Error(), "f.yaml:"+tt.want; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestFileThatIsNoTree(t *testing.T) {
	for name, file := range map[string]string{
		"not YAML": "limits: {max_queue: 3", "not text": "a: \x00", "too large": strings.Repeat("#", MaxFileSize+1), "two documents": "---\n{}\n---\n{}",
	} {
		d := NewDecoder(&sheet{}, options())
		if d.Decode([]byte(file)) {
			t.Errorf("%s: the file is called readable", name)
		}
		if errs := finished(t, d); len(errs) != 1 || errs[0].Line == 0 {
			t.Errorf("%s: %v", name, errs)
		}
	}
	if _, d := decode(t, ""); len(d.Origins) > 0 {
		t.Errorf("an empty file set %v", d.Origins)
	}
}

func TestAliasesAreBounded(t *testing.T) {
	bomb := "apps:\n- &a {name: x}\n" + strings.Repeat("- *a\n", maxAliases)
	got, _ := decode(t, bomb)
	if len(got.Apps) != maxAliases+1 || got.Apps[maxAliases].Name != "x" {
		t.Errorf("%d apps", len(got.Apps))
	}
	errs := mistakes(t, bomb+strings.Repeat("- *a\n", 5))
	if len(errs) != 1 || errs[0].Line != 3+maxAliases || errs[0].Message != "more than 100 aliases; write the values out" {
		t.Errorf("the aliases past the bound are not told once: %v", errs)
	}
	if errs := mistakes(t, "apps: &a [*a, *a]"); len(errs) != 2 {
		t.Errorf("an alias to itself: %v", errs)
	}
}

func TestTooManyProblemsAreCounted(t *testing.T) {
	file := strings.Repeat("x", 10) + ": 1\n"
	var b strings.Builder
	for i := range maxProblems + 7 {
		b.WriteString(string(rune('a'+i%26)) + strings.Repeat("y", i/26) + file)
	}
	errs := mistakes(t, b.String())
	if last := errs[len(errs)-1].Message; len(errs) != maxProblems+1 || last != "and 7 more problems" {
		t.Errorf("%d problems, the last %q", len(errs), last)
	}
}

func TestOverride(t *testing.T) {
	var got sheet
	d := NewDecoder(&got, options())
	d.Decode([]byte("limits: {max_queue: 1}"))
	leaves := Leaves(reflect.ValueOf(&got).Elem(), "")
	at := slices.IndexFunc(leaves, func(l Leaf) bool { return l.Key == "limits.max_queue" })
	d.Override(leaves[at], "5", Origin{Source: Flag, Detail: "limits.max_queue"})
	if got.Limits.MaxQueue != 5 || d.Origins["limits.max_queue"].String() != "flag limits.max_queue" {
		t.Errorf("max_queue is %d by %v", got.Limits.MaxQueue, d.Origins["limits.max_queue"])
	}
	d.Override(leaves[at], "many", Origin{Source: Environment, Detail: "MANY"})
	if got, want := finished(t, d).Error(), `environment MANY: limits.max_queue: "many" is not a whole number`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got.Limits.MaxQueue != 5 {
		t.Errorf("a wrong value made max_queue %d", got.Limits.MaxQueue)
	}
}

func TestOverrideOfAList(t *testing.T) {
	tests := []struct {
		text      string
		want      []string
		complaint string
	}{
		{"rate", []string{"rate"}, ""},
		{"rate, queue", []string{"rate", "queue"}, ""},
		{" ", []string{}, ""},
		{"rat", nil, `"rat" is not one of queue, rate; did you mean "rate"?`},
		{"rate,all", nil, `"rate,all" holds "all", which is not one of queue, rate`},
		{"rate,", nil, `"rate," holds "", which is not one of queue, rate; did you mean "rate"?`},
	}
	for _, tt := range tests {
		var got limits
		d := NewDecoder(&got, options())
		leaves := Leaves(reflect.ValueOf(&got).Elem(), "limits")
		d.Override(leaves[3], tt.text, Origin{Source: Environment, Detail: "SHADOW"})
		complaint := ""
		if _, err := d.Finish(); err != nil {
			complaint = strings.TrimPrefix(err.Error(), "environment SHADOW: limits.shadow: ")
		}
		if !reflect.DeepEqual(got.Shadow, tt.want) || complaint != tt.complaint {
			t.Errorf("%q: got %q and %q, want %q and %q", tt.text, got.Shadow, complaint, tt.want, tt.complaint)
		}
	}
}

func TestOverrideHidesASecret(t *testing.T) {
	var got mirror
	d := NewDecoder(&got, options())
	at := slices.IndexFunc(Leaves(reflect.ValueOf(&got).Elem(), ""), func(l Leaf) bool { return l.Key == "key" })
	d.Override(Leaves(reflect.ValueOf(&got).Elem(), "")[at], "canary-1", Origin{Source: Environment, Detail: "KEY"})
	d.Complain("url", "is not canary-1", "")
	if said := finished(t, d).Error(); said != "url: is not ***" || got.Key.Reveal() != "canary-1" {
		t.Errorf("said %s of %s", said, got.Key.Reveal())
	}
}

// TestComplaintsAreToldWhereTheValueCameFrom, once.
func TestComplaintsAreToldWhereTheValueCameFrom(t *testing.T) {
	d := NewDecoder(&sheet{}, options())
	d.Decode([]byte("server: {listen: '${TOKEN}'}\napps: [{name: 5}]\n"))
	d.Origins["limits.max_queue"] = Origin{Source: Environment, Detail: "QUEUE"}
	d.Complain("apps[0].name", "is known to be wrong", "")
	d.Complain("apps", "is wrong below", "")
	d.Complain("limits.max_queue", "is odd", "")
	d.Complain("server.listen", d.Quote("server.listen", "0123456789")+" is odd", "")
	d.Complain("server.data_dir", "is a default", "")
	d.Complain("aliases", "is nowhere", "")
	errs := finished(t, d)
	var got []string
	for _, p := range errs {
		p.Excerpt = ""
		got = append(got, p.String())
	}
	want := []string{
		"f.yaml:1:9: server.data_dir: is a default",
		`f.yaml:1:18: server.listen: "${TOKEN}" is odd`,
		`f.yaml:2:15: apps[0].name: "5" is not a text; put it in quotes`,
		"environment QUEUE: limits.max_queue: is odd",
		"aliases: is nowhere",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !d.Wrong("apps") || d.Wrong("mirrors") {
		t.Error("Wrong does not look below a key")
	}
}

func TestHiddenTextsAreInNothingThatIsSaid(t *testing.T) {
	const file = "server: {listen: canary-1, data_dir: [canary-2]}\n"
	d := NewDecoder(&sheet{}, options())
	d.Decode([]byte(file))
	d.HideAt("server.listen")
	d.HideAt("server.nowhere")
	d.Hide("canary-3")
	d.Add(Problem{Key: "canary-3", Message: "canary-3", Suggestion: "canary-3"})
	if said := finished(t, d).Error(); strings.Contains(said, "canary") || !strings.Contains(said, "server: {listen: ***, data_dir: [***]}") {
		t.Errorf("said\n%s", said)
	}
	d = NewDecoder(&sheet{}, options())
	d.Hide("canary-4")
	d.Warn("there is a canary-4")
	if warnings, _ := d.Finish(); !slices.Equal(warnings, []string{"there is a ***"}) {
		t.Errorf("warnings %q", warnings)
	}
}

func TestExcerpts(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"tab before a comment", "limits: {max_queue:  x}\t# c", "limits: {max_queue:  x} # c\n                     ^"},
		{"wide characters", "aliases: {é: 5}", "aliases: {é: 5}\n             ^"},
		{"after a secret", "mirrors: {a: {key: 'it''s', timeout: x}}", "mirrors: {a: {key: ***, timeout: x}}\n                                 ^"},
		{"short unknown values", "limts: {max_queue: 5, on: true}", "limts: {max_queue: 5, on: true}\n^"},
		{"a slip for an open key", "server: {lisen: 127.0.0.1:8080}", "server: {lisen: 127.0.0.1:8080}\n         ^"},
		{"no slip for any key", "server: {password: 127.0.0.1:8080}", "server: {password: ***}\n         ^"},
		{"line ends", "server: {}\r\nlimts:\r\n", "limts:\n^"},
		{"byte order mark", "\ufefflimts: {}", "limts: {}\n^"},
		{"long line", "server: {data_dir: " + strings.Repeat("a", 300) + ", lisen: x}", strings.Repeat("a", 109) + ", lisen: x}\n" + strings.Repeat(" ", 111) + "^"},
		{"not YAML", "mirrors: {first: {key: hunter2]}", "mirrors: {first: {key: ***]}\n                          ^"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := mistakes(t, tt.file)[0].Excerpt; got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestShapes(t *testing.T) {
	want := []string{
		"server", "server.listen", "server.data_dir", "server.max_body", "server.drain", "server.public",
		"limits", "limits.max_queue", "limits.workers", "limits.rate", "limits.shadow", "aliases",
		"apps", "apps[].name", "apps[].keys", "apps[].models", "mirrors", "mirrors.*.url", "mirrors.*.kind", "mirrors.*.key", "mirrors.*.timeout",
	}
	if got := Shapes(reflect.TypeFor[sheet](), ""); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestNameOfTheFileCannotGarbleAMessage(t *testing.T) {
	d := NewDecoder(&sheet{}, Options{Name: "a\nb"})
	d.Decode([]byte("x: 1"))
	if got := finished(t, d)[0].File; got != `"a\nb"` {
		t.Errorf("got %s", got)
	}
}
