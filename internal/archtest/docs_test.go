package archtest

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/config"
	"github.com/fairleadhq/fairlead/internal/mock"
	"github.com/fairleadhq/fairlead/internal/telemetry"
)

// The tests of this file hold the pages for people to the code: what there is
// must be told, and what is told must be there.

const maxReadme = 150 // lines

// page reads a file of the module.
func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// pages maps every page for people to its text.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "fairlead.example.yaml"} {
		found, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range found {
			rel, err := filepath.Rel("../..", name)
			if err != nil {
				t.Fatal(err)
			}
			all[rel] = page(t, rel)
		}
	}
	for _, name := range []string{"README.md", "docs/callers.md", "docs/decisions/README.md"} {
		if all[name] == "" {
			t.Fatalf("did not find %s: the test is not reading the pages", name)
		}
	}
	return all
}

// missing lists what is in want and not in got.
func missing(want, got []string) []string {
	var list []string
	for _, s := range want {
		if !slices.Contains(got, s) {
			list = append(list, s)
		}
	}
	return list
}

func TestReadmeIsShort(t *testing.T) {
	if lines := strings.Count(page(t, "README.md"), "\n"); lines > maxReadme {
		t.Errorf("README.md has %d lines, want at most %d: move the rest to docs", lines, maxReadme)
	}
}

// TestLinks follows every relative link, the heading that it names included.
func TestLinks(t *testing.T) {
	all := pages(t)
	followed := 0
	for name, text := range all {
		for _, link := range relativeLinks(text) {
			followed++
			file, anchor, _ := strings.Cut(link, "#")
			target := name
			if file != "" {
				target = filepath.Join(filepath.Dir(name), file)
			}
			if _, err := os.Stat(filepath.Join("../..", target)); err != nil {
				t.Errorf("%s links to %s, which is not there", name, link)
				continue
			}
			if anchor != "" && !slices.Contains(anchors(all[target]), anchor) {
				t.Errorf("%s links to %s, which has no such heading", name, link)
			}
		}
	}
	if followed == 0 {
		t.Error("followed no link: the test is not reading the pages")
	}
}

// relativeLinks lists the targets of a page's links that lead to files of the
// module.
func relativeLinks(text string) []string {
	var links []string
	for _, found := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(prose(text), -1) {
		if !strings.Contains(found[1], "://") {
			links = append(links, found[1])
		}
	}
	return links
}

// prose is a page without its blocks of code.
func prose(text string) string {
	return regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(text, "")
}

// anchors lists the names under which a page's headings can be linked to.
func anchors(text string) []string {
	var names []string
	for _, found := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(prose(text), -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(found[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

func TestPagesNameNoMachine(t *testing.T) {
	private := regexp.MustCompile(`(^|[\s"'(=])/(work|home|root|tmp|Users|mnt)/`)
	for name, text := range pages(t) {
		if found := private.FindString(text); found != "" {
			t.Errorf("%s holds the path %q of somebody's machine", name, strings.TrimSpace(found))
		}
	}
}

// TestEverySettingIsDocumented holds docs/configuration.md to the schema: a row
// for each key, with its default and the variable that sets it, and no other.
func TestEverySettingIsDocumented(t *testing.T) {
	schema, err := config.Schema()
	if err != nil {
		t.Fatal(err)
	}
	var root property
	if err := json.Unmarshal(schema, &root); err != nil {
		t.Fatal(err)
	}
	settings := make(map[string]any)
	root.collect("", settings)
	variables := make(map[string]string)
	collectVariables(reflect.TypeFor[config.Config](), "", variables)
	if len(settings) < 40 || len(variables) < 15 {
		t.Fatalf("found %d keys and %d variables: the test is not reading the schema", len(settings), len(variables))
	}
	rows := make(map[string]string)
	for _, found := range regexp.MustCompile("(?m)^\\| `([a-z0-9_.*\\[\\]]+)` \\|.*$").FindAllStringSubmatch(page(t, "docs/configuration.md"), -1) {
		rows[found[1]] = found[0]
	}
	for key, byDefault := range settings {
		row, ok := rows[strings.Replace(key, ".uvicorn", ".server", 1)] // another name of the same key
		if !ok && !isSection(key) {
			t.Errorf("docs/configuration.md has no row for %s", key)
			continue
		}
		if byDefault != nil && !strings.Contains(row, fmt.Sprintf("`%v`", byDefault)) {
			t.Errorf("docs/configuration.md does not give %s its default, `%v`", key, byDefault)
		}
		if variable := variables[key]; !strings.Contains(row, variable) {
			t.Errorf("docs/configuration.md does not give %s its variable, %s", key, variable)
		}
	}
	for key := range rows {
		if _, ok := settings[key]; !ok {
			t.Errorf("docs/configuration.md has a row for %s, which is no key", key)
		}
	}
}

// isSection reports whether the key is told by the heading above its table.
func isSection(key string) bool {
	return slices.Contains([]string{"server", "limits", "timeouts", "chat", "llm"}, key)
}

// property is what the test reads of a JSON Schema.
type property struct {
	Properties map[string]*property `json:"properties"`
	Items      *property            `json:"items"`
	// Additional is a schema, or false.
	Additional json.RawMessage `json:"additionalProperties"`
	Default    any             `json:"default"`
}

// collect adds the dotted keys below p, with their defaults. A list's items are
// written [], a map's entries *.
func (p *property) collect(prefix string, into map[string]any) {
	for name, inner := range p.Properties {
		key := strings.TrimPrefix(prefix+"."+name, ".")
		into[key] = inner.Default
		inner.collect(key, into)
	}
	if p.Items != nil {
		p.Items.collect(prefix+"[]", into)
	}
	var entry property
	if json.Unmarshal(p.Additional, &entry) == nil {
		entry.collect(prefix+".*", into)
	}
}

// collectVariables adds the environment names of a struct's fields.
func collectVariables(t reflect.Type, prefix string, into map[string]string) {
	for field := range t.Fields() {
		key := strings.TrimPrefix(prefix+"."+field.Tag.Get("yaml"), ".")
		if name := field.Tag.Get("env"); name != "" {
			into[key] = name
		}
		if field.Type.Kind() == reflect.Struct {
			collectVariables(field.Type, key, into)
		}
	}
}

// TestEveryMetricIsDocumented scrapes a telemetry in which something of
// everything has happened.
func TestEveryMetricIsDocumented(t *testing.T) {
	target := fairlead.Target{Provider: "openai", Model: "m"}
	seen := telemetry.New(telemetry.Options{Version: "test", Gauges: telemetry.Gauges{
		Admission: func() telemetry.Admission { return telemetry.Admission{Jain: 1} },
		Pools:     func() []telemetry.PoolUse { return []telemetry.PoolUse{{Pool: "all"}} },
		Apps: func() []telemetry.AppUse {
			classes := map[fairlead.Class]telemetry.ClassUse{fairlead.Batch: {}}
			return []telemetry.AppUse{{App: "crm", Classes: classes, LimitRequests: 1, LimitTokens: 1}}
		},
		Shadowed: func() map[string]int64 { return map[string]int64{"burst": 1} },
		Alerts:   func() telemetry.Alerts { return telemetry.Alerts{Sent: 1} },
		Deployments: func() []telemetry.DeploymentUse {
			return []telemetry.DeploymentUse{{Provider: "openai", Number: 1}}
		},
		Parked:      func() int { return 1 },
		Connections: func() []telemetry.ConnectionUse { return []telemetry.ConnectionUse{{Provider: "openai", Number: 1}} },
		Places:      func() []telemetry.PlaceUse { return []telemetry.PlaceUse{{Kind: "all"}} },
		WebSockets:  func() telemetry.WebSocketUse { return telemetry.WebSocketUse{Open: 1} },
		Resume:      func() telemetry.ResumeUse { return telemetry.ResumeUse{Logs: 1} },
		Documents:   func() telemetry.DocumentUse { return telemetry.DocumentUse{Waiting: 1} },
		BodyBytes:   func() int64 { return 1 },
		Active:      func() int { return 1 },
	}})
	seen.Record(&fairlead.Record{
		App: "crm", Operation: fairlead.Chat, Target: target, Attempts: []fairlead.Attempt{{Target: target}},
		Waited: time.Second, Duration: time.Second, FirstContent: time.Second, Usage: fairlead.Usage{Input: 1, Output: 1},
	})
	seen.Record(&fairlead.Record{App: "crm", Operation: fairlead.Chat, Err: fairlead.NewBusy("queue_full", "", time.Second)})
	seen.CountRefused("none", "not_found")
	answer := httptest.NewRecorder()
	seen.Handler(telemetry.ByApp).ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))

	exported := firstGroups(`(?m)^# TYPE (fairlead_\w+) `, answer.Body.String())
	documented := firstGroups("(?m)^\\| `(fairlead_\\w+)` \\|", page(t, "docs/operate.md"))
	if len(exported) < 20 {
		t.Fatalf("scraped %d metrics: the test does not make all of them", len(exported))
	}
	for _, name := range missing(exported, documented) {
		t.Errorf("docs/operate.md does not tell of the metric %s", name)
	}
	for _, name := range missing(documented, exported) {
		t.Errorf("docs/operate.md tells of the metric %s, which there is not", name)
	}
}

// firstGroups lists what the pattern's first group matches in text.
func firstGroups(pattern, text string) []string {
	var list []string
	for _, found := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		list = append(list, found[1])
	}
	return list
}

func TestMockIsDocumented(t *testing.T) {
	if !strings.Contains(page(t, "docs/mock.md"), mock.FlagsHelp) {
		t.Error("docs/mock.md does not hold what `fairlead mock --help` says of the model's name")
	}
}

// TestEveryCodeIsDocumented holds the tables of docs/callers.md to the codes in
// the source, both ways. Codes that no caller of the HTTP interface is ever
// told are in docs/operate.md instead.
func TestEveryCodeIsDocumented(t *testing.T) {
	used, err := codesOf(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if len(used) < 40 {
		t.Fatalf("found %d codes: the test is not reading the source", len(used))
	}
	callers := firstGroups("`([a-z_]+)`", strings.Join(codeCells(page(t, "docs/callers.md")), " "))
	operators := firstGroups("`([a-z_]+)`", page(t, "docs/operate.md"))
	for _, code := range slices.Sorted(maps.Keys(used)) {
		known := callers
		if isForOperators(code) {
			known = operators
		}
		if !slices.Contains(known, code) {
			t.Errorf("%s uses the code %s, which is not documented", used[code], code)
		}
	}
	for _, code := range callers {
		if used[code] == "" {
			t.Errorf("docs/callers.md tells of the code %s, which nothing uses", code)
		}
	}
}

// TestEveryLimitIsDocumented holds the table of limits in docs/documents.md to the limits
// of documents in the source, both ways.
func TestEveryLimitIsDocumented(t *testing.T) {
	var used []string
	for _, dir := range []string{"../../internal/extract", "../../internal/documents/canon"} {
		err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
				return err
			}
			source, err := os.ReadFile(name)
			for _, limit := range firstGroups(`(?:LimitError\{Limit: |limitResult\(|passedError\{)"([a-z_]+)"`, string(source)) {
				used = append(used, "limit_"+strings.TrimSuffix(limit, "_bytes"))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	_, table, _ := strings.Cut(page(t, "docs/documents.md"), "### Limits")
	told := firstGroups("`(limit_[a-z_]+)`", table)
	for _, code := range missing(used, told) {
		t.Errorf("docs/documents.md does not tell of %s", code)
	}
	for _, code := range missing(told, used) {
		t.Errorf("docs/documents.md tells of %s, which nothing uses", code)
	}
}

// isForOperators reports whether a code is told in the log or by `fairlead
// keys` alone.
func isForOperators(code string) bool {
	return slices.Contains([]string{
		"client_left", "slow_reader", "canceled",
		"key_not_found", "key_ambiguous", "invalid_app", "invalid_name", "invalid_expiry", "invalid_overlap",
	}, code)
}

// codeCells lists the second cells of the rows whose first is a status.
func codeCells(text string) []string {
	return firstGroups(`(?m)^\| [245][0-9]{2}[^|]*\|([^|]*)\|`, text)
}

// TestNamedTestsExist: a page that says which test holds a promise must not
// outlive the test.
func TestNamedTestsExist(t *testing.T) {
	named := firstGroups("`(?:[a-z/]+[.:] ?)?((?:Test|Fuzz|Benchmark)[A-Z]\\w+)`", page(t, "ARCHITECTURE.md"))
	if len(named) < 15 {
		t.Fatalf("found %d tests in ARCHITECTURE.md: the test is not reading the page", len(named))
	}
	var there []string
	err := fs.WalkDir(os.DirFS("../.."), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && outside(os.DirFS("../.."), name):
			return fs.SkipDir
		case entry.IsDir() || !strings.HasSuffix(name, "_test.go"):
			return nil
		}
		there = append(there, firstGroups(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`, page(t, name))...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range missing(named, there) {
		t.Errorf("ARCHITECTURE.md names %s, which there is not", name)
	}
}
