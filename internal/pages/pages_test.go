package pages_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/budget"
	"github.com/fairleadhq/fairlead/internal/pages"
)

// nobody knows no key.
type nobody struct{}

func (nobody) Authenticate(string) (*fairlead.App, error) {
	return nil, &fairlead.Error{Kind: fairlead.Unauthenticated, Code: "invalid_api_key", Message: "no"}
}

func (nobody) IsAdmin(string) bool { return false }

func newRouter(t *testing.T) http.Handler {
	t.Helper()
	face, err := pages.New()
	if err != nil {
		t.Fatal(err)
	}
	router, err := api.New(api.Config{
		Faces: []api.Face{face}, Keys: nobody{}, Bodies: budget.New(0, 0),
		Logger: slog.New(slog.DiscardHandler), Refused: func(string, string) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	return router
}

// get asks router; header are names and values.
func get(t *testing.T, router http.Handler, method, target string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, http.NoBody)
	for pair := range slices.Chunk(header, 2) {
		r.Header.Set(pair[0], pair[1])
	}
	w := httptest.NewRecorder()
	router.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, response *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// served are the paths of all pages and assets, read from the folder.
func served(t *testing.T) []string {
	t.Helper()
	var all []string
	for pattern, path := range map[string]func(name string) string{
		"*.html":   func(name string) string { return "/ui/" + strings.TrimSuffix(name, ".html") },
		"assets/*": func(name string) string { return "/ui/assets/" + name },
	} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			all = append(all, path(filepath.Base(name)))
		}
	}
	if !slices.Contains(all, "/ui/chat") || len(all) < 5 {
		t.Fatalf("found only %v", all)
	}
	return all
}

func TestEveryFileIsSentSafely(t *testing.T) {
	router := newRouter(t)
	types := map[string]string{
		"": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	}
	const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
		"connect-src 'self' ws://example.com wss://example.com; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
		"require-trusted-types-for 'script'; trusted-types 'none'"
	for _, path := range served(t) {
		response := get(t, router, http.MethodGet, path)
		if response.StatusCode != http.StatusOK || body(t, response) == "" {
			t.Errorf("GET %s: got %d", path, response.StatusCode)
		}
		for name, want := range map[string]string{
			"Content-Type": types[filepath.Ext(path)], "Content-Security-Policy": csp, "X-Content-Type-Options": "nosniff",
			"Referrer-Policy": "no-referrer", "Cache-Control": "no-cache",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := response.Header.Get(name); got != want {
				t.Errorf("GET %s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
}

func TestCaching(t *testing.T) {
	router := newRouter(t)
	tags := make(map[string]string) // path by tag
	for _, path := range served(t) {
		whole := get(t, router, http.MethodGet, path)
		tag, text := whole.Header.Get("Etag"), body(t, whole)
		if len(tag) < 10 || tags[tag] != "" {
			t.Errorf("GET %s: tag %q, which %q has too", path, tag, tags[tag])
		}
		tags[tag] = path

		again := get(t, router, http.MethodGet, path, "If-None-Match", tag)
		if got := body(t, again); again.StatusCode != http.StatusNotModified || got != "" {
			t.Errorf("GET %s with its tag: got %d and %d bytes, want 304 and none", path, again.StatusCode, len(got))
		}
		if again.Header.Get("Etag") != tag || again.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("GET %s with its tag: headers %v", path, again.Header)
		}
		other := get(t, router, http.MethodGet, path, "If-None-Match", `"other"`)
		if got := body(t, other); other.StatusCode != http.StatusOK || got != text {
			t.Errorf("GET %s with another tag: got %d and %d bytes, want 200 and %d", path, other.StatusCode, len(got), len(text))
		}

		head := get(t, router, http.MethodHead, path)
		if got := body(t, head); head.StatusCode != http.StatusOK || got != "" || head.ContentLength != int64(len(text)) {
			t.Errorf("HEAD %s: got %d, %d bytes, Content-Length %d; want 200, none, %d", path, head.StatusCode, len(got), head.ContentLength, len(text))
		}
	}
}

func TestNothingElseIsServed(t *testing.T) {
	router := newRouter(t)
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{http.MethodGet, "/ui/chat.html", http.StatusNotFound},
		{http.MethodGet, "/ui/pages.go", http.StatusNotFound},
		{http.MethodGet, "/ui/assets/", http.StatusNotFound},
		{http.MethodGet, "/ui/assets/nothing.js", http.StatusNotFound},
		{http.MethodGet, "/ui/assets/..%2fchat.html", http.StatusNotFound},
		{http.MethodGet, "/ui/assets/../pages.go", http.StatusNotFound},
		{http.MethodPost, "/ui/chat", http.StatusMethodNotAllowed},
	} {
		response := get(t, router, c.method, c.path)
		if response.StatusCode != c.want {
			t.Errorf("%s %s: got %d, want %d", c.method, c.path, response.StatusCode, c.want)
		}
		if got := response.Header.Get("Content-Type"); got != "application/json" {
			t.Errorf("%s %s: the error is %q", c.method, c.path, got)
		}
	}
}

// TestHostGetsNothingIntoThePolicy: a host that is more than a name and a port is
// left out.
func TestHostGetsNothingIntoThePolicy(t *testing.T) {
	router := newRouter(t)
	for host, named := range map[string]bool{
		"gateway.internal:8443": true, "[::1]:8080": true, "127.0.0.1": true,
		"": false, "evil; script-src *": false, "a b": false, "a,b": false, "*": false, "a'b": false, "a/b": false, "ä": false,
		strings.Repeat("a", 300): false,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/ui/chat", http.NoBody)
		r.Host = host
		w := httptest.NewRecorder()
		router.ServeHTTP(w, r)
		policy := w.Result().Header.Get("Content-Security-Policy")
		want := "connect-src 'self';"
		if named {
			want = "connect-src 'self' ws://" + host + " wss://" + host + ";"
		}
		if !strings.Contains(policy, want) || strings.Count(policy, ";") != 9 {
			t.Errorf("host %q: policy %q, want %q in it", host, policy, want)
		}
	}
}

// source reads a file of the folder.
func source(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: found %v, %v", pattern, names, err)
	}
	return names
}

// TestNothingIsInline: the policy would have a browser leave it out.
func TestNothingIsInline(t *testing.T) {
	forbidden := map[string]*regexp.Regexp{
		"a script of its own text": regexp.MustCompile(`(?i)<script(?:[^>]*)>[^<]`),
		"a script without a file":  regexp.MustCompile(`(?i)<script(?:\s+(?:type|defer|async)(?:="[^"]*")?)*\s*>`),
		"a style element":          regexp.MustCompile(`(?i)<style`),
		"a style attribute":        regexp.MustCompile(`(?i)\sstyle\s*=`),
		"an event attribute":       regexp.MustCompile(`(?i)<[^>]*\son[a-z]+\s*=`),
		"a javascript: link":       regexp.MustCompile(`(?i)javascript:`),
		"another origin":           regexp.MustCompile(`(?i)(?:src|href|action)\s*=\s*["']?(?:https?:)?//`),
	}
	for _, name := range glob(t, "*.html") {
		text := source(t, name)
		for what, pattern := range forbidden {
			if found := pattern.FindString(text); found != "" {
				t.Errorf("%s has %s: %q", name, what, found)
			}
		}
	}
}

// TestScriptsReadNoTextAsHTML holds the scripts to DOM nodes.
func TestScriptsReadNoTextAsHTML(t *testing.T) {
	forbidden := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|setHTML|\beval\(|new Function|setAttribute\('(?:style|on)|\.style\b`)
	for _, name := range glob(t, "assets/*.js") {
		text := source(t, name)
		if found := forbidden.FindString(text); found != "" {
			t.Errorf("%s uses %s", name, found)
		}
		if lines := strings.Count(text, "\n"); lines >= 500 {
			t.Errorf("%s has %d lines: cut it", name, lines)
		}
	}
}

// TestEveryReferenceLeadsSomewhere: from pages to assets, from scripts to modules,
// from scripts and styles to what they name in the page, and nothing is left over.
func TestEveryReferenceLeadsSomewhere(t *testing.T) {
	used := map[string]bool{}
	reference := regexp.MustCompile(`(?:src|href)="assets/([^"]+)"`)
	var markup strings.Builder
	for _, name := range glob(t, "*.html") {
		text := source(t, name)
		markup.WriteString(text)
		for _, found := range reference.FindAllStringSubmatch(text, -1) {
			used[found[1]] = true
		}
	}
	imported := regexp.MustCompile(`from '\./([^']+)'`)
	named := regexp.MustCompile(`\b(?:element|getElementById)\('([^']+)'\)`)
	scripts := 0
	for _, name := range glob(t, "assets/*.js") {
		text := source(t, name)
		for _, found := range imported.FindAllStringSubmatch(text, -1) {
			used[found[1]] = true
		}
		for _, found := range named.FindAllStringSubmatch(text, -1) {
			scripts++
			if !strings.Contains(markup.String(), `id="`+found[1]+`"`) {
				t.Errorf("%s looks for #%s, which no page has", name, found[1])
			}
		}
	}
	if scripts < 10 {
		t.Fatalf("found %d looks for elements: the test is not reading the scripts", scripts)
	}
	router := newRouter(t)
	for name := range used {
		if got := get(t, router, http.MethodGet, "/ui/assets/"+name).StatusCode; got != http.StatusOK {
			t.Errorf("%s is referred to: got %d", name, got)
		}
	}
	for _, name := range glob(t, "assets/*") {
		if !used[filepath.Base(name)] {
			t.Errorf("nothing refers to %s", name)
		}
	}
}

// TestEveryFieldHasALabel, and every button a name.
func TestEveryFieldHasALabel(t *testing.T) {
	for _, name := range glob(t, "*.html") {
		text := source(t, name)
		for _, found := range regexp.MustCompile(`<(?:input|textarea|select) id="([^"]+)"`).FindAllStringSubmatch(text, -1) {
			if !strings.Contains(text, `for="`+found[1]+`"`) {
				t.Errorf("%s: #%s has no label", name, found[1])
			}
		}
		for _, found := range regexp.MustCompile(`(?s)<button([^>]*)>(.*?)</button>`).FindAllStringSubmatch(text, -1) {
			words := strings.TrimSpace(regexp.MustCompile(`(?s)<[^>]*>`).ReplaceAllString(found[2], ""))
			if words == "" && !strings.Contains(found[1], "aria-label") && !strings.Contains(found[1], `id="theme"`) { // a script names that one
				t.Errorf("%s: a button has no name: %s", name, found[0])
			}
		}
	}
}
