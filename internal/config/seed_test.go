package config

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

// TestTheTreeOfOldLoads: a file that was written for the service before this one
// loads as it stands, and means what it meant.
func TestTheTreeOfOldLoads(t *testing.T) {
	file, err := os.ReadFile("testdata/uvicorn.yaml")
	if err != nil {
		t.Fatal(err)
	}
	loaded := load(t, string(file))
	if len(loaded.Warnings) > 0 {
		t.Errorf("warnings %q", loaded.Warnings)
	}
	got := loaded.Config.Chat.WebSocket.Concurrency
	want := Concurrency{MaxConnections: 100, ConnectionQueueSize: 500, Server: HTTPServer{
		Backlog: 2048, Workers: 1, KeepaliveTimeout: strictyaml.Duration(5 * time.Second), MaxKeepaliveRequests: 1000,
	}}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for key, line := range map[string]string{"backlog": "7", "access_log": "9"} {
		if origin := loaded.Origins["chat.websocket.concurrency.server."+key]; origin.Source != strictyaml.File || !strings.Contains(origin.Detail, ":"+line+":") {
			t.Errorf("%s comes from %v, want line %s", key, origin, line)
		}
	}
	for i, want := range []HTTPClient{
		{MaxConnections: 50, ReadTimeout: strictyaml.Duration(time.Minute), ConcurrentRequests: 25},
		{MaxConnections: 30, ReadTimeout: strictyaml.Duration(90 * time.Second), ConcurrentRequests: 15},
		{MaxConnections: 40, ReadTimeout: strictyaml.Duration(120 * time.Second), ConcurrentRequests: 20},
	} {
		p := loaded.Config.LLM.Providers[i]
		client := p.HTTPClient
		if client.MaxConnections != want.MaxConnections || client.ReadTimeout != want.ReadTimeout || client.ConcurrentRequests != want.ConcurrentRequests {
			t.Errorf("%s: got %+v, want %+v", p.Name, client, want)
		}
	}
}

func TestWarningsOfConnections(t *testing.T) {
	for file, want := range map[string]string{
		"server: {max_connections: 50}\nchat: {sse: {max_streams: 60}}":                          "chat.sse.max_streams (60) is more than server.max_connections (50) and has no effect",
		"server: {max_connections: 50}\nchat: {websocket: {concurrency: {max_connections: 51}}}": "chat.websocket.concurrency.max_connections (51) is more than",
		"chat: {websocket: {concurrency: {max_connections: 0, connection_queue_size: 3}}}":       "connection_queue_size has no effect",
		"server: {max_connections: 0}\nchat: {sse: {max_streams: 60}}":                           "",
		"server: {max_connections: 50}":                                                          "",
	} {
		got := load(t, file).Warnings
		if want == "" && len(got) > 0 || want != "" && (len(got) != 1 || !strings.Contains(got[0], want)) {
			t.Errorf("%s: warnings %q, want %q", file, got, want)
		}
	}
}

// TestLittleMemoryLowersWhatIsKept: a small machine needs no further setting.
func TestLittleMemoryLowersWhatIsKept(t *testing.T) {
	loaded := load(t, "server: {memory_limit: 200MB}")
	if got := loaded.Config.Chat.Resume.Memory; got != 50e6 {
		t.Errorf("got %v", got)
	}
	if got := loaded.Origins["chat.resume.memory"].String(); got != "default (a quarter of server.memory_limit)" {
		t.Errorf("origin %q", got)
	}
}
