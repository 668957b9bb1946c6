// Package pages serves the pages for people: plain HTML with its style sheets and
// scripts, which are in the binary as they were written. A page asks for an app's
// key itself and calls the service with it, so it holds nothing secret and
// everyone may fetch it.
//
// Whatever a page shows may have been written by a model. So no page has a script
// or a style of its own text, and the policy that each is sent with allows what
// comes from this service alone.
//
// Start with Face.Routes.
package pages

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/dialect/refusal"
)

// Name is what Records would call this face; it makes no calls.
const Name = "pages"

//go:embed *.html assets
var files embed.FS

// file is one that is served, with the headers that depend on it alone.
type file struct {
	content     []byte
	contentType string
	etag        string
}

// Face serves the pages.
type Face struct {
	pages  map[string]file // by name, without .html
	assets map[string]file // by name
}

// New returns the face. It fails if there is a file of a kind that it does not know.
func New() (*Face, error) {
	pages, err := load(".")
	if err != nil {
		return nil, err
	}
	assets, err := load("assets")
	if err != nil {
		return nil, err
	}
	f := &Face{pages: make(map[string]file, len(pages)), assets: assets}
	for name, page := range pages {
		f.pages[strings.TrimSuffix(name, ".html")] = page
	}
	return f, nil
}

// load reads the files of a folder.
func load(dir string) (map[string]file, error) {
	entries, err := files.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the pages: %w", err)
	}
	all := make(map[string]file, len(entries))
	for _, entry := range entries {
		if entry.IsDir() {
			continue
		}
		content, err := fs.ReadFile(files, path.Join(dir, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("read the pages: %w", err)
		}
		contentType := contentTypeOf(entry.Name())
		if contentType == "" {
			return nil, fmt.Errorf("read the pages: %s is of no known kind", entry.Name())
		}
		sum := sha256.Sum256(content)
		all[entry.Name()] = file{
			content: content, contentType: contentType,
			etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`,
		}
	}
	return all, nil
}

// contentTypeOf does not ask the machine, whose table may differ.
func contentTypeOf(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return ""
}

// Name implements api.Face.
func (f *Face) Name() string { return Name }

// Prefix implements api.Face.
func (f *Face) Prefix() string { return "/ui/" }

// ErrorBody implements api.Face.
func (f *Face) ErrorBody(e *fairlead.Error, requestID string) []byte {
	return refusal.Native(e, requestID)
}

// Routes implements api.Face.
func (f *Face) Routes() []api.Route {
	routes := []api.Route{{Method: http.MethodGet, Path: "/ui/assets/{name}", Policy: api.Public, Handle: f.asset}}
	for name, page := range f.pages {
		routes = append(routes, api.Route{
			Method: http.MethodGet, Path: f.Prefix() + name, Policy: api.Public,
			Handle: func(x *api.Exchange) error { return x.ServeAs(page) },
		})
	}
	return routes
}

func (f *Face) asset(x *api.Exchange) error {
	asset, ok := f.assets[x.R.PathValue("name")]
	if !ok {
		return &fairlead.Error{Kind: fairlead.NotFound, Code: "not_found", Message: "There is nothing at this path"}
	}
	return x.ServeAs(asset)
}

// ServeHTTP implements http.Handler. A browser keeps the file and asks each time
// whether it is still the same: a new version of the service brings new files
// under the old names.
func (f file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Etag", f.etag)
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Security-Policy", policy(r.Host))
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.content))
}

// policy is the Content-Security-Policy for a page fetched from host. Some
// browsers don't count a WebSocket to the same host as 'self', so it is named.
func policy(host string) string {
	connect := "connect-src 'self'"
	if plainHost(host) {
		connect += " ws://" + host + " wss://" + host
	}
	return strings.Join([]string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", connect,
		"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
		"require-trusted-types-for 'script'", "trusted-types 'none'",
	}, "; ")
}

// plainHost reports whether host is a name or an address with a port, and nothing
// that would mean something else in a policy.
func plainHost(host string) bool {
	const longest = 253 + len(":65535")
	return host != "" && len(host) <= longest && strings.IndexFunc(host, func(c rune) bool {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			return false
		}
		return !strings.ContainsRune(".-:[]", c)
	}) < 0
}
