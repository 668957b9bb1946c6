package config

import (
	"fmt"
	"time"

	"github.com/fairleadhq/fairlead/internal/config/address"
	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

// Chat is how answers reach their clients.
type Chat struct {
	SSE       SSE       `yaml:"sse" doc:"Streams of server-sent events."`
	WebSocket WebSocket `yaml:"websocket" doc:"WebSockets, and the socket that all clients come in by."`
	Resume    Resume    `yaml:"resume" doc:"Streams that a client may take up again where they broke off."`
	Responses Responses `yaml:"responses" doc:"Stored answers of the Responses API."`
}

// SSE bounds the streams.
type SSE struct {
	MaxStreams int `yaml:"max_streams" most:"1000000" env:"FAIRLEAD_SSE_MAX_STREAMS" doc:"Most streams of server-sent events at the same time; a further one is refused before its body is read. 0 = no limit."`
}

// WebSocket says which WebSockets are taken.
type WebSocket struct {
	AllowedOrigins []string    `yaml:"allowed_origins" env:"FAIRLEAD_ALLOWED_ORIGINS" doc:"Origins of pages on other hosts that may open a WebSocket, such as https://app.example.com or https://*.example.com."`
	Concurrency    Concurrency `yaml:"concurrency" doc:"How many WebSockets there may be, and how the server takes connections."`
}

// Concurrency bounds the WebSockets.
type Concurrency struct {
	MaxConnections      int        `yaml:"max_connections" most:"1000000" env:"FAIRLEAD_WEBSOCKET_MAX_CONNECTIONS" doc:"Most open WebSockets. 0 = no limit."`
	ConnectionQueueSize int        `yaml:"connection_queue_size" most:"1000000" env:"FAIRLEAD_WEBSOCKET_QUEUE_SIZE" doc:"Most WebSockets that wait for a place; a further one is closed with 1013. 0 = none waits."`
	Server              HTTPServer `yaml:"server" also:"uvicorn" doc:"How the server takes connections, those of plain HTTP included; uvicorn is another name of this key."`
}

// HTTPServer is how the server takes connections.
type HTTPServer struct {
	Backlog              int                 `yaml:"backlog" most:"65535" env:"FAIRLEAD_BACKLOG" doc:"Connections that the system keeps until they are taken; its own limit, net.core.somaxconn, counts too. 0 = that limit."`
	Workers              int                 `yaml:"workers" least:"1" most:"1024" env:"FAIRLEAD_WORKERS" doc:"Above 1, how many threads run the service at the same time (GOMAXPROCS): it is one process all the same, which holds all sockets. 1 = as many as there are processors."`
	AccessLog            bool                `yaml:"access_log" env:"FAIRLEAD_ACCESS_LOG" doc:"A line of the log for every HTTP request, probes and pages too, beside the one that every call has."`
	KeepaliveTimeout     strictyaml.Duration `yaml:"keepalive_timeout" env:"FAIRLEAD_KEEPALIVE_TIMEOUT" doc:"How long a connection may be idle between two requests. 0 = for ever."`
	MaxKeepaliveRequests int                 `yaml:"max_keepalive_requests" most:"1000000000" env:"FAIRLEAD_MAX_KEEPALIVE_REQUESTS" doc:"Most requests of one HTTP/1.1 connection; the last answer says that it is closed. 0 = no limit."`
}

// Resume bounds what is kept of streams for clients that come back.
type Resume struct {
	Memory strictyaml.Size     `yaml:"memory" env:"FAIRLEAD_RESUME_MEMORY" doc:"Memory for the events of all such streams; at least 1MiB and at most a quarter of server.memory_limit. The oldest go first."`
	Keep   strictyaml.Duration `yaml:"keep" env:"FAIRLEAD_RESUME_KEEP" doc:"How long a stream is kept after its end. 0 = until its memory is needed."`
	Grace  strictyaml.Duration `yaml:"grace" env:"FAIRLEAD_RESUME_GRACE" doc:"How long a call goes on that nobody reads any more. 0 = to its end."`
}

// Responses bounds how long answers are stored.
type Responses struct {
	Keep strictyaml.Duration `yaml:"keep" env:"FAIRLEAD_RESPONSES_KEEP" doc:"How long a stored answer can be asked for. 0 = until it is deleted."`
}

// resumeMemory is the default of chat.resume.memory, and leastResume the smallest.
const (
	resumeMemory = 64 << 20
	leastResume  = 1 << 20
)

func defaultChat() Chat {
	return Chat{
		SSE: SSE{MaxStreams: 10_000},
		WebSocket: WebSocket{
			AllowedOrigins: []string{},
			Concurrency: Concurrency{
				MaxConnections: 100, ConnectionQueueSize: 500,
				Server: HTTPServer{
					Backlog: 2048, Workers: 1, KeepaliveTimeout: strictyaml.Duration(5 * time.Second), MaxKeepaliveRequests: 1000,
				},
			},
		},
		Resume: Resume{
			Memory: resumeMemory, Keep: strictyaml.Duration(5 * time.Minute), Grace: strictyaml.Duration(time.Minute),
		},
		Responses: Responses{Keep: strictyaml.Duration(30 * 24 * time.Hour)},
	}
}

// fitResume lowers the default of the memory for streams to what there is.
func (l *loader) fitResume() {
	resume, room := &l.config.Chat.Resume, l.config.Server.BodyRoom()
	if room > 0 && resume.Memory > room && l.Origins["chat.resume.memory"].Source == strictyaml.Default {
		resume.Memory = room
		l.Origins["chat.resume.memory"] = strictyaml.Origin{Detail: "a quarter of server.memory_limit"}
	}
}

func (l *loader) validateChat() {
	chat, most := &l.config.Chat, l.config.Server.MaxConnections
	for i, origin := range chat.WebSocket.AllowedOrigins {
		key := strictyaml.Item("chat.websocket.allowed_origins", i)
		if complaint := address.OfOrigin(origin); complaint != "" {
			l.Complain(key, l.Quote(key, origin)+" "+complaint, "write it as https://app.example.com")
		}
	}
	sockets := &chat.WebSocket.Concurrency
	if sockets.MaxConnections == 0 && sockets.ConnectionQueueSize > 0 &&
		l.Origins["chat.websocket.concurrency.connection_queue_size"].Source != strictyaml.Default {
		l.Warn("chat.websocket.concurrency.connection_queue_size has no effect while max_connections is 0 (no limit)")
	}
	if most > 0 && !l.Wrong("server.max_connections") {
		l.warnAbove("chat.sse.max_streams", chat.SSE.MaxStreams, most)
		l.warnAbove("chat.websocket.concurrency.max_connections", sockets.MaxConnections, most)
	}
	switch memory, room := chat.Resume.Memory, l.config.Server.BodyRoom(); {
	case l.Wrong("chat.resume.memory"):
	case memory < leastResume:
		l.Complain("chat.resume.memory", fmt.Sprintf("%s is less than %s", memory, strictyaml.Size(leastResume)), "")
	case room > 0 && memory > room:
		l.Complain("chat.resume.memory", fmt.Sprintf("%s is more than a quarter of server.memory_limit (%s)",
			memory, l.config.Server.MemoryLimit), "")
	}
}

// warnAbove warns of a limit that the connections are too few for.
func (l *loader) warnAbove(key string, value, most int) {
	if value > most && l.Origins[key].Source != strictyaml.Default {
		l.Warn(fmt.Sprintf("%s (%d) is more than server.max_connections (%d) and has no effect", key, value, most))
	}
}
