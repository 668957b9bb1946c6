package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/api/credential"
	"github.com/fairleadhq/fairlead/internal/api/header"
	"github.com/fairleadhq/fairlead/internal/places"
)

// Limits of a request's line and headers, in bytes.
const (
	maxURL     = 8 << 10
	maxHeaders = 64 << 10
)

// Router is the HTTP handler over all faces.
type Router struct {
	config *Config
	mux    *http.ServeMux
	routes map[string]Route // by pattern
	plain  map[plainRoute]Route
	fields sync.Pool // of *header.Fields
	ids    IDs
}

// plainRoute is a route without wildcards, which is found at once.
type plainRoute struct{ method, path string }

// New returns a router. It fails if a route declares no policy, or if two
// routes are the same.
func New(config Config) (*Router, error) {
	if config.Streams == nil {
		config.Streams = places.New(0, nil)
	}
	rt := &Router{config: &config, mux: http.NewServeMux(), routes: make(map[string]Route), plain: make(map[plainRoute]Route)}
	for _, face := range config.Faces {
		for _, route := range face.Routes() {
			pattern := route.Method + " " + route.Path
			if route.Policy < Public || route.Policy > Socket {
				return nil, fmt.Errorf("route %s of face %s declares no policy", pattern, face.Name())
			}
			if _, taken := rt.routes[pattern]; taken {
				return nil, fmt.Errorf("route %s is declared twice", pattern)
			}
			rt.routes[pattern] = route
			if !strings.ContainsAny(route.Path, "{}") && !strings.HasSuffix(route.Path, "/") {
				rt.plain[plainRoute{route.Method, route.Path}] = route
			}
			// The mux only finds the pattern; the router answers.
			rt.mux.Handle(pattern, http.NotFoundHandler())
		}
	}
	return rt, nil
}

// Endpoints lists "METHOD path" of every route, sorted; {name} in a path stands
// for whatever follows.
func (rt *Router) Endpoints() []string {
	var all []string
	for pattern := range rt.routes {
		all = append(all, strings.ReplaceAll(pattern, "...}", "}"))
	}
	slices.Sort(all)
	return all
}

// RouteOf is the pattern of the path that a request is for; "" if there is none.
func (rt *Router) RouteOf(r *http.Request) string {
	route, _ := rt.match(r)
	return route.Path
}

// newID is the id of a request that came now.
func (rt *Router) newID(now time.Time) string {
	return rt.ids.Next(now)
}

// ServeHTTP answers one request.
func (rt *Router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	fields, _ := rt.fields.Get().(*header.Fields)
	if fields == nil {
		fields = new(header.Fields)
	}
	defer rt.fields.Put(fields)
	x := &Exchange{
		fields: fields,
		W:      w, R: r, Arrived: now, config: rt.config, control: *http.NewResponseController(w),
		ID: rt.ids.Next(now), ids: &rt.ids,
	}
	defer x.leaveStreams()
	x.bodyRead = r.ContentLength == 0
	if r.ProtoMajor == 1 {
		defer x.boundRest()
		if r.Header.Get("Expect") != "" { // the server writes when the body is read
			x.writeWithin(writeGrace)
		}
	}
	x.fields.Reset()
	x.fields.Add("X-Request-Id", x.ID)
	defer func() {
		x.memory.Close()
		if p := recover(); p != nil {
			x.panicked(p)
		}
	}()

	route, err := rt.find(x)
	if err == nil {
		err = rt.answer(x, route)
	}
	if err != nil {
		x.fail(fairlead.AsError(err))
	}
}

// boundRest bounds what the server writes when the handler has returned, such as a
// stream's last chunk.
func (x *Exchange) boundRest() {
	if x.taken {
		return
	}
	if x.interrupted.Load() {
		_ = x.control.SetWriteDeadline(time.Now().Add(endGrace))
		return
	}
	if left := time.Until(x.writeBy); left < endGrace || left > 2*wholeGrace {
		x.writeWithin(writeGrace)
	}
}

// panicked answers for a handler that panicked: with an error, or if the answer
// has begun by cutting it. The panic's value is not told, since it might hold
// anything.
func (x *Exchange) panicked(value any) {
	if value != http.ErrAbortHandler { //nolint:errorlint // a panic's value, not an error that was returned
		x.config.Logger.Error("panic in a handler", "request_id", x.ID, "stack", string(debug.Stack()))
		if !x.began {
			x.fail(fairlead.AsError(errPanic))
			return
		}
	}
	panic(http.ErrAbortHandler)
}

var errPanic = errors.New("a handler panicked")

// answer lets the route answer, once it is known that the caller may use it.
func (rt *Router) answer(x *Exchange, route Route) error {
	if err := rt.authenticate(x, route.Policy); err != nil {
		rt.config.Refused(route.Method+" "+route.Path, fairlead.AsError(err).Code)
		return err
	}
	x.memory.Open(rt.config.Bodies, x.appID(), rt.config.BusyWait)
	return route.Handle(x)
}

// authenticate finds out who calls, and whether that is who may.
func (rt *Router) authenticate(x *Exchange, policy Policy) error {
	switch policy {
	case Public:
		return nil
	case Socket:
		x.App, x.denied = rt.socketCaller(x.R)
		if x.denied != nil {
			rt.config.Refused(x.R.Method+" "+x.R.URL.Path, fairlead.AsError(x.denied).Code)
		}
		return nil
	case AppKey, Admin:
	}
	key, err := credential.Key(x.R.Header)
	if policy == Admin {
		return rt.checkAdmin(key, err)
	}
	if err != nil {
		return err
	}
	x.App, err = rt.config.Keys.Authenticate(key)
	return err
}

// checkAdmin lets the admin token alone pass; missing says why there is no key.
func (rt *Router) checkAdmin(key string, missing error) error {
	if fairlead.IsKind(missing, fairlead.Invalid) {
		return missing
	}
	if rt.config.Keys.IsAdmin(key) {
		return nil
	}
	if _, err := rt.config.Keys.Authenticate(key); err == nil {
		return &fairlead.Error{
			Kind: fairlead.Forbidden, Code: "admin_only", Message: "This path needs the admin token; an app's key does not open it",
		}
	}
	return &fairlead.Error{
		Kind: fairlead.Unauthenticated, Code: "invalid_admin_token", Message: "This path needs the admin token",
		Detail: "send it as Authorization: Bearer",
	}
}

// find returns the route of the request, and sets the face that speaks to it.
func (rt *Router) find(x *Exchange) (Route, error) {
	x.face = rt.config.Faces[rt.speaker(x.R.URL.Path)]
	if face, ok := x.face.(Labelled); ok {
		x.fields.Add(face.RequestIDHeader(), x.ID)
	}
	if err := checkHead(x.R); err != nil {
		x.closeAfter()
		rt.config.Refused("none", err.Code)
		return Route{}, err
	}
	if route, ok := rt.match(x.R); ok {
		return route, nil
	}
	if allowed := rt.allowed(x.R); len(allowed) > 0 {
		x.W.Header().Set("Allow", strings.Join(allowed, ", "))
		rt.config.Refused("none", "method_not_allowed")
		return Route{}, &fairlead.Error{
			Kind: fairlead.NotAllowed, Code: "method_not_allowed", Message: "This path does not have that method",
			Detail: "it has " + strings.Join(allowed, ", "),
		}
	}
	rt.config.Refused("none", "not_found")
	return Route{}, &fairlead.Error{Kind: fairlead.NotFound, Code: "not_found", Message: "There is nothing at this path"}
}

// match finds the route of a request. A path that would have to be cleaned
// first, such as one with "..", has none.
func (rt *Router) match(r *http.Request) (Route, bool) {
	if route, ok := rt.plain[plainRoute{r.Method, r.URL.Path}]; ok && r.URL.RawPath == "" {
		return route, true
	}
	if p := r.URL.Path; p != "/" && path.Clean(p) != strings.TrimSuffix(p, "/") {
		return Route{}, false
	}
	_, pattern := rt.mux.Handler(r)
	route, ok := rt.routes[pattern]
	if !ok {
		return Route{}, false
	}
	// The mux would have filled the path's wildcards only while serving.
	for name, value := range wildcards(route.Path, r.URL.EscapedPath()) {
		r.SetPathValue(name, value)
	}
	return route, true
}

// wildcards reads the values of a pattern's {name} and {name...} out of a path, as
// it was escaped, that matches it.
func wildcards(pattern, path string) map[string]string {
	var values map[string]string
	for pattern != "" && path != "" {
		before, rest, found := strings.Cut(pattern, "{")
		if !found {
			return values
		}
		name, after, _ := strings.Cut(rest, "}")
		path = path[min(len(before), len(path)):]
		value := path
		if whole, ok := strings.CutSuffix(name, "..."); ok {
			name = whole
		} else if end := strings.IndexByte(path, '/'); end >= 0 {
			value = path[:end]
		}
		if values == nil {
			values = make(map[string]string, 1)
		}
		values[name] = unescaped(value)
		pattern, path = after, path[len(value):]
	}
	return values
}

// unescaped is a piece of a path without its escapes; a wrong escape stays as it
// is.
func unescaped(piece string) string {
	if plain, err := url.PathUnescape(piece); err == nil {
		return plain
	}
	return piece
}

// allowed lists the methods that the request's path has.
func (rt *Router) allowed(r *http.Request) []string {
	var methods []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete} {
		other := r.Clone(context.WithoutCancel(r.Context()))
		other.Method = method
		if _, ok := rt.match(other); ok {
			methods = append(methods, method)
		}
	}
	return methods
}

// speaker is the index of the face that speaks to a request: the one with the
// longest prefix of its path, else the first.
func (rt *Router) speaker(path string) (index int) {
	longest := 0
	for i, face := range rt.config.Faces {
		if prefix := face.Prefix(); len(prefix) > longest && strings.HasPrefix(path+"/", prefix) {
			index, longest = i, len(prefix)
		}
	}
	return index
}

func checkHead(r *http.Request) *fairlead.Error {
	if len(r.RequestURI) > maxURL {
		return &fairlead.Error{
			Kind: fairlead.TooLarge, Code: codeURLTooLong, Message: "The request's URL is too long",
			Detail: fmt.Sprintf("the limit is %d bytes", maxURL),
		}
	}
	size := 0
	for name, values := range r.Header {
		for _, value := range values {
			size += len(name) + len(value)
		}
	}
	if size > maxHeaders {
		return &fairlead.Error{
			Kind: fairlead.TooLarge, Code: codeHeadersTooLarge, Message: "The request's headers are too large",
			Detail: fmt.Sprintf("the limit is %d bytes", maxHeaders),
		}
	}
	return nil
}

// fail writes the error in the face's shape, if the answer has not begun.
func (x *Exchange) fail(e *fairlead.Error) {
	if x.began {
		return
	}
	if e.Kind == fairlead.Unauthenticated {
		x.fields.Add("Www-Authenticate", `Bearer realm="fairlead"`)
	}
	x.fields.AddRetry(e)
	x.write(Status(e), "application/json", x.face.ErrorBody(e, x.ID))
}
