// Package config is the service's configuration as plain data: parsed from one
// YAML file, the environment and flags, completed with defaults, and validated
// as a whole, so that every mistake is told at once with its line and column.
//
// Config is what the rest of the program reads. Load makes one; the struct
// tags below are the single source of the file's keys (yaml), their environment
// names (env), their bounds (least, most, below, oneof), their documentation
// (doc) and the JSON Schema for editors. What the tags mean to a file, and how a mistake in it
// is told, is the business of strictyaml.
//
// Start with Load in load.go. It starts from Defaults, has strictyaml lay the
// file over them, then lays the environment and the flags over that (env.go,
// presets.go, complete.go), and judges the result (validate*.go).
package config

import (
	"time"

	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

// Config is the effective configuration. It is immutable once loaded.
type Config struct {
	Server    Server    `yaml:"server" doc:"Where and how the service listens."`
	Limits    Limits    `yaml:"limits" doc:"What all apps share, and what each may have."`
	Timeouts  Timeouts  `yaml:"timeouts" doc:"The most time each operation may take, queue, work and stream included."`
	Apps      []App     `yaml:"apps" doc:"The applications that may call. Left out, one app called default is made at first start."`
	Chat      Chat      `yaml:"chat" doc:"Streams, WebSockets and answers that can be taken up again."`
	Documents Documents `yaml:"documents" doc:"What apps may upload, and how it is read and searched."`
	LLM       LLM       `yaml:"llm" doc:"The providers, and which models they serve."`
	Alerts    Alerts    `yaml:"alerts" doc:"Whom to tell when something is wrong."`
}

// Server says where and how the service listens.
type Server struct {
	Listen         string              `yaml:"listen" env:"FAIRLEAD_LISTEN" doc:"Address to listen on, host:port."`
	DataDir        string              `yaml:"data_dir" env:"FAIRLEAD_DATA_DIR" doc:"Directory of the database and the pepper."`
	MemoryLimit    strictyaml.Size     `yaml:"memory_limit" env:"SERVICE_MEMORY_LIMIT" doc:"Soft limit of the process's memory; a quarter of it bounds the bodies in flight. 0 = no limit."`
	MaxBody        strictyaml.Size     `yaml:"max_body" env:"FAIRLEAD_MAX_BODY" doc:"Largest request body; at most a quarter of memory_limit. 0 = only what memory_limit allows."`
	DrainTimeout   strictyaml.Duration `yaml:"drain_timeout" env:"FAIRLEAD_DRAIN_TIMEOUT" doc:"How long running calls may go on after SIGTERM. 0 = until they end."`
	DrainDelay     strictyaml.Duration `yaml:"drain_delay" env:"FAIRLEAD_DRAIN_DELAY" doc:"How long after SIGTERM new calls are still served while /readyz tells balancers to go elsewhere; then the port is closed. 0 = new calls are refused at once."`
	WorkerThreads  int                 `yaml:"worker_threads" least:"1" most:"1024" env:"WORKER_THREADS" doc:"Documents that are read at the same time, each in a process of its own at a low priority."`
	MaxConnections int                 `yaml:"max_connections" most:"1000000" env:"FAIRLEAD_MAX_CONNECTIONS" doc:"Most open connections of clients; a further one gets 503. 0 = no limit."`
	InsecurePublic bool                `yaml:"insecure_public" env:"FAIRLEAD_INSECURE_PUBLIC" doc:"Allow a public listen address without TLS."`
	FastLane       bool                `yaml:"fast_lane" env:"FAIRLEAD_FAST_LANE" doc:"Serve the plainest HTTP/1.1 requests without net/http, which answers all others; on Linux and without TLS only."`
	TLS            TLS                 `yaml:"tls" doc:"Certificate and key files; both or neither."`
	LogFormat      string              `yaml:"log_format" oneof:"auto,human,json" env:"FAIRLEAD_LOG_FORMAT" doc:"auto (human on a terminal, JSON otherwise), human or json."`
}

// BodyRoom is how much of the memory request bodies in flight may fill: each may be
// copied once on its way, and the rest needs room too. 0 is as much as they like.
func (s *Server) BodyRoom() strictyaml.Size { return s.MemoryLimit / 4 } //nolint:mnd // see above

// TLS names the files of the server's certificate.
type TLS struct {
	CertFile string `yaml:"cert_file" env:"FAIRLEAD_TLS_CERT_FILE" doc:"PEM file of the certificate chain."`
	KeyFile  string `yaml:"key_file" env:"FAIRLEAD_TLS_KEY_FILE" doc:"PEM file of the private key."`
}

// Limits are what all apps share and what each may have by default.
type Limits struct {
	MaxConcurrentRequests int                 `yaml:"max_concurrent_requests" most:"1000000" env:"MAX_CONCURRENT_REQUESTS" doc:"Slots: calls upstream at the same time, shared fairly by all apps. 0 = no limit."`
	RateLimitPerMinute    int                 `yaml:"rate_limit_per_minute" most:"1000000" env:"RATE_LIMIT_PER_MINUTE" doc:"Most admissions of one app in any 60 s. 0 = no limit."`
	MaxQueue              int                 `yaml:"max_queue" most:"1000000" env:"FAIRLEAD_MAX_QUEUE" doc:"Most calls waiting for a slot. 0 = no limit."`
	MaxQueuePerApp        int                 `yaml:"max_queue_per_app" most:"1000000" env:"FAIRLEAD_MAX_QUEUE_PER_APP" doc:"Most calls of one app waiting for a slot; by default a quarter of max_queue. 0 = no limit."`
	Headroom              int                 `yaml:"headroom" most:"1000000" env:"FAIRLEAD_HEADROOM" doc:"Slots that only an app that holds none may take, so that it need not wait for a release; fewer than max_concurrent_requests. 0 = none."`
	QueueHeartbeatAfter   strictyaml.Duration `yaml:"queue_heartbeat_after" env:"FAIRLEAD_QUEUE_HEARTBEAT_AFTER" doc:"A client that asked for a stream and waits in the queue for longer is sent the head of its answer and comments that keep the connection open; so is one whose stream is silent. 0 = never."`
	SlowReaderGrace       strictyaml.Duration `yaml:"slow_reader_grace" env:"FAIRLEAD_SLOW_READER_GRACE" doc:"A client that lets its stream back up for longer is cut off, so that it gives its slot back. 0 = only the operation's time bounds it."`
	TokenMode             string              `yaml:"token_mode" oneof:"estimate,hard" env:"FAIRLEAD_TOKEN_MODE" doc:"How a call is counted before its answer is known: estimate (prompt and the answer's usual length) or hard (prompt and the longest answer: never over the limit, and less of it used)."`
	TokensPerSlot         int                 `yaml:"tokens_per_slot" most:"10000000" env:"FAIRLEAD_TOKENS_PER_SLOT" doc:"A call takes one slot for every so many tokens of its prompt that are begun, at most a quarter of the slots. 0 = every call takes one slot."`
	Shadow                []string            `yaml:"shadow" oneof:"rate_limit_per_minute,tokens_per_minute,burst,max_concurrent,max_concurrent_requests,max_queue,max_queue_per_app,deadline,concurrent_requests,provider_requests_per_minute,provider_tokens_per_minute" env:"FAIRLEAD_SHADOW" doc:"Limits on trial: they decide and count, but refuse and delay nobody."`
	Burst                 Burst               `yaml:"burst" doc:"Blocks an app that floods."`
	ErrorAlert            ErrorAlert          `yaml:"error_alert" doc:"Tells of an app whose calls fail."`
}

// Burst is the guard against floods.
type Burst struct {
	RequestsPerSecond int                 `yaml:"requests_per_second" most:"1000000" env:"FAIRLEAD_BURST_REQUESTS_PER_SECOND" doc:"An app with more arrivals than this within any second is blocked. 0 = never."`
	Block             strictyaml.Duration `yaml:"block" env:"FAIRLEAD_BURST_BLOCK" doc:"For how long it is blocked."`
}

// ErrorAlert says when an app's failures are worth an alert. Refusals of the
// service itself are no failures.
type ErrorAlert struct {
	Rate        float64             `yaml:"rate" below:"1" env:"FAIRLEAD_ERROR_ALERT_RATE" doc:"An alert is sent for an app of whose calls more than this part failed. 0 = never."`
	MinRequests int                 `yaml:"min_requests" least:"1" most:"1000000" env:"FAIRLEAD_ERROR_ALERT_MIN_REQUESTS" doc:"Fewer calls than this within the window alert nobody."`
	Window      strictyaml.Duration `yaml:"window" env:"FAIRLEAD_ERROR_ALERT_WINDOW" doc:"Over which time the calls are counted, 1s to 1h."`
}

// Timeouts are the operations' time limits.
type Timeouts struct {
	Chat     strictyaml.Duration `yaml:"chat" env:"FAIRLEAD_TIMEOUT_CHAT" doc:"Time limit of a chat call."`
	Embed    strictyaml.Duration `yaml:"embed" env:"FAIRLEAD_TIMEOUT_EMBED" doc:"Time limit of an embeddings call."`
	Upload   strictyaml.Duration `yaml:"upload" env:"FAIRLEAD_TIMEOUT_UPLOAD" doc:"Time limit of receiving a document."`
	Analyze  strictyaml.Duration `yaml:"analyze" env:"FAIRLEAD_TIMEOUT_ANALYZE" doc:"Time limit of an analysis."`
	Search   strictyaml.Duration `yaml:"search" env:"FAIRLEAD_TIMEOUT_SEARCH" doc:"Time limit of a search."`
	Insights strictyaml.Duration `yaml:"insights" env:"FAIRLEAD_TIMEOUT_INSIGHTS" doc:"Time limit of investment insights."`
}

// App is an application that may call.
type App struct {
	Name string `yaml:"name" doc:"The app's name, unique: letters, digits, '.', '_' and '-', at most 64."`
	// Keys are the secrets written in the file. Keys made by
	// `fairlead keys create` are in the database instead.
	Keys               []strictyaml.Secret `yaml:"keys" doc:"API keys of the app, usually ${NAME} of an environment variable."`
	RateLimitPerMinute int                 `yaml:"rate_limit_per_minute" most:"1000000" doc:"Most admissions of this app in any 60 s; by default limits.rate_limit_per_minute. 0 = no limit."`
	TokensPerMinute    int                 `yaml:"tokens_per_minute" most:"1000000000" doc:"Most tokens, of prompts and answers, of this app's calls in any 60 s. 0 = no limit."`
	MaxConcurrent      int                 `yaml:"max_concurrent" most:"1000000" doc:"Cap: most slots that this app may hold, even when others are free. 0 = no cap."`
	MinConcurrent      int                 `yaml:"min_concurrent" most:"1000000" doc:"Slots that this app gets before anyone else's turn, when it asks for them. 0 = none."`
	Weight             int                 `yaml:"weight" least:"1" most:"1000" doc:"Share of the slots when they are scarce: an app of weight 2 gets twice as many as one of weight 1."`
	Class              string              `yaml:"class" oneof:"interactive,batch" doc:"interactive, or batch: an eighth of the weight when slots are scarce; a request lowers itself by the header x-fairlead-class: batch."`
	Models             []string            `yaml:"models" doc:"Models the app may use: names and * patterns, as model or provider/model. Left out, every model."`
}

// LLM says which models there are and who serves them.
type LLM struct {
	DefaultModel string            `yaml:"default_model" env:"FAIRLEAD_DEFAULT_MODEL" doc:"Model of a native call that names none; by default the first provider's."`
	Aliases      map[string]string `yaml:"aliases" doc:"Further names for models: alias to model or provider/model."`
	// Fallbacks are the models that stand in for one, in order.
	Fallbacks map[string][]string `yaml:"fallbacks" doc:"Models that stand in for one whose providers fail, in order: model to a list of model or provider/model."`
	// Providers are in the file's order; the first is preferred where two
	// serve a model of the same name.
	Providers []Provider `yaml:"providers" by:"Name" doc:"The providers by name; openai, groq, openrouter, anthropic, ollama and vllm have presets."`
}

// What a provider may speak.
const (
	DialectOpenAI    = "openai"
	DialectAnthropic = "anthropic"
)

// Provider is one upstream.
type Provider struct {
	Name    string              `yaml:"-"`
	BaseURL string              `yaml:"base_url" doc:"Root of the provider's API, such as https://api.openai.com/v1, or for the dialect anthropic what is before /v1; OPENAI_BASE_URL (openai) and OLLAMA_HOST (ollama) win over it. The provider's key is never sent anywhere else."`
	APIKey  strictyaml.Secret   `yaml:"api_key" doc:"The provider's key, usually ${NAME} of an environment variable; left out, OPENAI_API_KEY, GROQ_API_KEY, OPENROUTER_API_KEY or ANTHROPIC_API_KEY for the provider of that name."`
	APIKeys []strictyaml.Secret `yaml:"api_keys" doc:"Several keys instead of api_key: calls are spread over them, and one that is refused or used up is left out for a while."`
	Weight  int                 `yaml:"weight" most:"1000" doc:"Share of the calls for a model that other providers with a weight serve too. 0 = in the file's order: it serves what those before it fail to."`
	Dialect string              `yaml:"dialect" oneof:"openai,anthropic" doc:"The API that it speaks: openai or anthropic. Clients of either are served; a request in the other one is translated."`
	// Responses also means that the provider keeps what it answers there.
	Responses bool     `yaml:"responses" doc:"It speaks OpenAI's Responses API too, and keeps the responses that it is asked to keep; for the dialect openai. Without, a request of that API is translated."`
	Models    []string `yaml:"models" doc:"What it serves: names and * patterns. Left out, what its /models lists."`
	// DefaultModel is the preset's model, used where no default_model is set.
	DefaultModel string              `yaml:"-"`
	Timeout      strictyaml.Duration `yaml:"timeout" doc:"Total time of one call to this provider; for openai also OPENAI_API_TIMEOUT. 0 = the operation's."`
	FirstContent strictyaml.Duration `yaml:"first_content_timeout" doc:"Most time from the start of an attempt to the first generated content of a stream, or to the whole of another answer. 0 = no limit of its own."`
	HTTPClient   HTTPClient          `yaml:"http_client" doc:"Connections to this provider."`
	Retry        Retry               `yaml:"retry" doc:"Trying again what failed before anything of an answer came."`
	Breaker      Breaker             `yaml:"breaker" doc:"Leaves the provider alone, for a model, while most of its calls fail."`
	Hedge        Hedge               `yaml:"hedge" doc:"Sends a call that is slow to begin to a second key or provider too; the first that answers wins."`
	Adaptive     bool                `yaml:"adaptive" doc:"Lower concurrent_requests while the provider refuses calls as too many, and raise it again."`
	RateLimit    RateLimit           `yaml:"rate_limit" doc:"What the provider allows your account; calls wait for it in the queue, in fair turn."`
}

// Retry says what is tried again at a provider.
type Retry struct {
	MaxAttempts int     `yaml:"max_attempts" least:"1" most:"10" doc:"Most attempts of one call, the first included; those at its fallbacks come on top. 1 = nothing is tried again."`
	Budget      float64 `yaml:"budget" doc:"Most further attempts for each request of the last 10 s, above 0 and at most 1; two are always allowed."`
}

// Breaker says when a provider is left alone.
type Breaker struct {
	FailureRate float64             `yaml:"failure_rate" doc:"Part of the calls of the last 30 s that must have failed, at most 1. 0 = never."`
	MinCalls    int                 `yaml:"min_calls" least:"1" most:"10000" doc:"Fewer calls than this within the 30 s say nothing."`
	OpenFor     strictyaml.Duration `yaml:"open_for" doc:"For how long it is left alone at first, 1s to 1m; twice as long each time that it still fails, up to 1m."`
}

// Hedge says when a call is sent twice.
type Hedge struct {
	After  string  `yaml:"after" doc:"How long the first may be silent: a duration such as 2s, or p95, the time within which 95 % begin to answer. Empty = never."`
	Budget float64 `yaml:"budget" doc:"Part of the calls of the last minute that may be sent twice, above 0 and at most 1."`
}

// hedgeP95 is the value of hedge.after that goes by what is usual.
const hedgeP95 = "p95"

// Delay is how long the first may be silent; byUsual says that it is what is
// usual instead. Both are zero where nothing is sent twice.
func (h Hedge) Delay() (after time.Duration, byUsual bool) {
	if h.After == hedgeP95 {
		return 0, true
	}
	after, _ = time.ParseDuration(h.After) // it was validated
	return after, false
}

// RateLimit is what may be sent to a provider.
type RateLimit struct {
	RequestsPerMinute int `yaml:"requests_per_minute" most:"1000000" doc:"Most calls sent to this provider in any 60 s. 0 = no limit."`
	TokensPerMinute   int `yaml:"tokens_per_minute" most:"1000000000" doc:"Most tokens, of prompts and answers, of the calls sent to this provider in any 60 s. 0 = no limit."`
}

// HTTPClient limits the connections to a provider.
type HTTPClient struct {
	MaxConnections     int                 `yaml:"max_connections" most:"100000" doc:"Most open connections. 0 = no limit."`
	MaxKeepalive       int                 `yaml:"max_keepalive" most:"100000" doc:"Most idle connections kept open."`
	KeepaliveExpiry    strictyaml.Duration `yaml:"keepalive_expiry" doc:"How long an idle connection is kept. 0 = for ever."`
	ConnectTimeout     strictyaml.Duration `yaml:"connect_timeout" doc:"Most time to open a connection, TLS included. 0 = no limit."`
	ReadTimeout        strictyaml.Duration `yaml:"read_timeout" doc:"Most silence between two reads of an answer. 0 = no limit."`
	WriteTimeout       strictyaml.Duration `yaml:"write_timeout" doc:"Most time that one write of a request may block. 0 = no limit."`
	PoolTimeout        strictyaml.Duration `yaml:"pool_timeout" doc:"Most time to wait for a connection when max_connections are in use. 0 = no limit."`
	ConcurrentRequests int                 `yaml:"concurrent_requests" most:"100000" doc:"Slots of this provider: calls to it at the same time. 0 = no limit."`
	HTTP2              bool                `yaml:"http2" doc:"Ask for HTTP/2, over TLS; a provider that does not speak it is spoken to in HTTP/1.1."`
}

// Alerts says whom to tell when something is wrong.
type Alerts struct {
	Webhook strictyaml.Secret `yaml:"webhook" env:"FAIRLEAD_ALERT_WEBHOOK" doc:"http or https URL to which alerts are posted as JSON; a secret, as its path often is a password. Empty = alerts are in the log alone."`
}
