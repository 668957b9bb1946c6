package librarytest

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/admission"
	"github.com/fairleadhq/fairlead/internal/api"
	"github.com/fairleadhq/fairlead/internal/api/budget"
)

// Gateway lets everybody in, and counts. Limit is the time of an operation.
type Gateway struct {
	Limit time.Duration

	mu    sync.Mutex
	runs  map[fairlead.Operation]int
	looks int
}

// Run implements library.Gateway.
func (g *Gateway) Run(
	ctx context.Context, call *fairlead.Call, op fairlead.Operation, task func(ctx context.Context) error,
) error {
	call.Operation = op
	g.mu.Lock()
	if g.runs == nil {
		g.runs = make(map[fairlead.Operation]int)
	}
	g.runs[op]++
	g.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, g.Limit)
	defer cancel()
	return task(ctx)
}

// Look implements library.Gateway.
func (g *Gateway) Look(*fairlead.App) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.looks++
	return nil
}

// Standing implements library.Gateway.
func (g *Gateway) Standing(context.Context, *fairlead.App) (admission.Standing, error) {
	return admission.Standing{}, nil
}

// Counts are how many calls of each operation came, and how many looks.
func (g *Gateway) Counts() (runs map[fairlead.Operation]int, looks int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.runs), g.looks
}

// keys knows every key: it is the app's id.
type keys struct{}

// Authenticate implements api.Authenticator.
func (keys) Authenticate(key string) (*fairlead.App, error) {
	return &fairlead.App{ID: fairlead.AppID(key)}, nil
}

// IsAdmin implements api.Authenticator.
func (keys) IsAdmin(string) bool { return false }

// Serve serves the faces until the test ends, and returns the URL. A key is an app's id.
func Serve(t *testing.T, beat time.Duration, faces ...api.Face) string {
	t.Helper()
	router, err := api.New(api.Config{
		Faces: faces, Keys: keys{}, MaxBody: 1 << 20, Bodies: budget.New(64<<20, 32<<20), SlowReaderGrace: time.Minute,
		HeartbeatAfter: beat, BusyWait: func() time.Duration { return time.Second },
		Logger: slog.New(slog.DiscardHandler), Refused: func(string, string) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(router)
	t.Cleanup(server.Close)
	return server.URL
}

// Request is a request of an app's.
type Request struct {
	App, Method, URL, Type string
	Body                   io.Reader
}

// Do makes a request and returns its answer, whose body is text.
func Do(t *testing.T, r Request) (answer *http.Response, text string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), r.Method, r.URL, r.Body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+r.App)
	if r.Type != "" {
		request.Header.Set("Content-Type", r.Type)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

// JSON makes a request with a JSON body, or none.
func JSON(t *testing.T, app, method, url, body string) (status int, text string) {
	t.Helper()
	r := Request{App: app, Method: method, URL: url, Body: strings.NewReader(body)}
	if body != "" {
		r.Type = "application/json"
	}
	answer, text := Do(t, r)
	return answer.StatusCode, text
}
