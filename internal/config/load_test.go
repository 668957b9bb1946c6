package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

// load loads a file that must be right.
func load(t *testing.T, file string, environ ...string) *Loaded {
	t.Helper()
	loaded, err := Load(Input{Path: "fairlead.yaml", Data: []byte(file), Environ: environ})
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return loaded
}

// problems loads a file that must be wrong.
func problems(t *testing.T, in Input) strictyaml.Errors {
	t.Helper()
	if in.Path == "" {
		in.Path = "fairlead.yaml"
	}
	loaded, err := Load(in)
	if errs, ok := errors.AsType[strictyaml.Errors](err); ok && len(errs) > 0 {
		return errs
	}
	t.Fatalf("Load gave %+v and %v, want problems", loaded, err)
	return nil
}

// sameBase compares everything but apps and models.
func sameBase(a, b Config) bool {
	return a.Server == b.Server && a.Timeouts == b.Timeouts && a.Alerts == b.Alerts &&
		reflect.DeepEqual(a.Limits, b.Limits) && a.Documents == b.Documents && reflect.DeepEqual(a.Chat, b.Chat)
}

func TestFiveMistakesAreToldWithLineAndColumn(t *testing.T) {
	file := `server:
  listen: localhost
  max_body: 32Mb1
limits:
  max_concurent_requests: 30
timeouts:
  upload: soon
apps:
  - name: crm
    keys: ["inv-portal-xyz123", {secret: "canary-canary"}]
`
	want := `fairlead.yaml:2:11: server.listen: "localhost" is not an address; write host:port, such as 127.0.0.1:8080
      listen: localhost
              ^
fairlead.yaml:3:13: server.max_body: "32Mb1" is not a size such as 512MiB or 2GB
      max_body: 32Mb1
                ^
fairlead.yaml:5:3: limits.max_concurent_requests: unknown key; did you mean "max_concurrent_requests"?
      max_concurent_requests: 30
      ^
fairlead.yaml:7:11: timeouts.upload: "soon" is neither a number of seconds nor a duration such as 30s or 1m30s
      upload: soon
              ^
fairlead.yaml:10:33: apps[0].keys[1]: holds one value, not keys with values
        keys: [***, {***: ***}]
                    ^`
	if got := problems(t, Input{Data: []byte(file)}).Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestNoFileGivesTheDefaults(t *testing.T) {
	loaded, err := Load(Input{})
	if err != nil {
		t.Fatal(err)
	}
	got, want := loaded.Config, Defaults()
	if !sameBase(got, want) || len(got.Apps)+len(got.LLM.Providers) > 0 {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for key, origin := range loaded.Origins {
		if origin.Source != strictyaml.Default {
			t.Errorf("origin of %s is %v, want default", key, origin)
		}
	}
}

func TestPrecedence(t *testing.T) {
	const key = "limits.max_concurrent_requests"
	file := []byte("limits:\n  max_concurrent_requests: 2\n")
	environ := []string{"MAX_CONCURRENT_REQUESTS=3"}
	flags := map[string]string{key: "4"}
	tests := []struct {
		name   string
		in     Input
		want   int
		origin string
	}{
		{"default", Input{}, 20, "default"},
		{"file", Input{Path: "f.yaml", Data: file}, 2, "f.yaml:2:28"},
		{"environment", Input{Data: file, Environ: environ}, 3, "environment MAX_CONCURRENT_REQUESTS"},
		{"empty variable", Input{Path: "f.yaml", Data: file, Environ: []string{"MAX_CONCURRENT_REQUESTS="}}, 2, "f.yaml:2:28"},
		{"last variable", Input{Environ: append(environ, "MAX_CONCURRENT_REQUESTS=5")}, 5, "environment MAX_CONCURRENT_REQUESTS"},
		{"flag", Input{Data: file, Environ: environ, Flags: flags}, 4, "flag " + key},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			loaded, err := Load(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if got := loaded.Config.Limits.MaxConcurrentRequests; got != tt.want {
				t.Errorf("value %d, want %d", got, tt.want)
			}
			if got := loaded.Origins[key].String(); got != tt.origin {
				t.Errorf("origin %q, want %q", got, tt.origin)
			}
		})
	}
}

func TestEveryVariableReachesItsKey(t *testing.T) {
	dir := t.TempDir()
	pem := filepath.Join(dir, "x.pem")
	if err := os.WriteFile(pem, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	loaded := load(t, "apps: [{name: a}]\nllm: {providers: {openai: }}",
		"FAIRLEAD_LISTEN=0.0.0.0:1", "FAIRLEAD_DATA_DIR=/d", "SERVICE_MEMORY_LIMIT=1GiB", "FAIRLEAD_MAX_BODY=1MB",
		"FAIRLEAD_DRAIN_TIMEOUT=1", "FAIRLEAD_INSECURE_PUBLIC=true", "FAIRLEAD_FAST_LANE=true", "FAIRLEAD_TLS_CERT_FILE="+pem, "FAIRLEAD_TLS_KEY_FILE="+pem,
		"FAIRLEAD_LOG_FORMAT=json", "MAX_CONCURRENT_REQUESTS=2", "RATE_LIMIT_PER_MINUTE=3", "FAIRLEAD_MAX_QUEUE=4",
		"FAIRLEAD_MAX_QUEUE_PER_APP=1", "FAIRLEAD_BURST_REQUESTS_PER_SECOND=6", "FAIRLEAD_BURST_BLOCK=7",
		"FAIRLEAD_TIMEOUT_CHAT=8s", "FAIRLEAD_TIMEOUT_EMBED=9", "FAIRLEAD_DEFAULT_MODEL=m", "OPENAI_API_TIMEOUT=300",
		"FAIRLEAD_HEADROOM=1", "FAIRLEAD_QUEUE_HEARTBEAT_AFTER=10.5", "FAIRLEAD_SLOW_READER_GRACE=11", "FAIRLEAD_TOKEN_MODE=estimate",
		"FAIRLEAD_TOKENS_PER_SLOT=12", "FAIRLEAD_SHADOW=burst, deadline", "FAIRLEAD_ERROR_ALERT_RATE=.25",
		"FAIRLEAD_ERROR_ALERT_MIN_REQUESTS=13", "FAIRLEAD_ERROR_ALERT_WINDOW=14", "FAIRLEAD_ALERT_WEBHOOK=https://hooks.example/x?y",
		"FAIRLEAD_DRAIN_DELAY=21", "FAIRLEAD_MAX_CONNECTIONS=22", "FAIRLEAD_SSE_MAX_STREAMS=20", "FAIRLEAD_ALLOWED_ORIGINS=https://a.example,*",
		"FAIRLEAD_WEBSOCKET_MAX_CONNECTIONS=19", "FAIRLEAD_WEBSOCKET_QUEUE_SIZE=25", "FAIRLEAD_BACKLOG=26", "FAIRLEAD_WORKERS=27",
		"FAIRLEAD_ACCESS_LOG=true", "FAIRLEAD_KEEPALIVE_TIMEOUT=28", "FAIRLEAD_MAX_KEEPALIVE_REQUESTS=29", "FAIRLEAD_RESUME_MEMORY=2MiB",
		"FAIRLEAD_RESUME_KEEP=30", "FAIRLEAD_RESUME_GRACE=31", "FAIRLEAD_RESPONSES_KEEP=32",
		"WORKER_THREADS=33", "FAIRLEAD_TIMEOUT_UPLOAD=34", "FAIRLEAD_TIMEOUT_ANALYZE=35", "FAIRLEAD_TIMEOUT_SEARCH=36", "FAIRLEAD_TIMEOUT_INSIGHTS=37",
		"FAIRLEAD_DOCUMENTS_MAX_FILE=38", "FAIRLEAD_DOCUMENTS_MAX_PAGES=39", "FAIRLEAD_DOCUMENTS_MAX_TEXT=1MB", "FAIRLEAD_DOCUMENTS_MAX_UPLOADS=41",
		"FAIRLEAD_DOCUMENTS_MAX_PER_APP=42", "FAIRLEAD_DOCUMENTS_MAX_BYTES_PER_APP=43", "FAIRLEAD_DOCUMENTS_WORKER_MEMORY=1GB",
		"FAIRLEAD_DOCUMENTS_WORKER_TIME=45", "FAIRLEAD_DOCUMENTS_EMBEDDINGS_MODEL=e", "FAIRLEAD_DOCUMENTS_EMBEDDINGS_DIMENSIONS=46",
		"FAIRLEAD_DOCUMENTS_RERANK_MODEL=r", "FAIRLEAD_DOCUMENTS_REWRITE_MODEL=w", "FAIRLEAD_DOCUMENTS_RERANK_BY=llm", "FAIRLEAD_DOCUMENTS_RERANK_CANDIDATES=47",
		"FAIRLEAD_DOCUMENTS_ANALYSIS_MAX_CALLS=48", "FAIRLEAD_DOCUMENTS_ANALYSIS_WINDOW_TOKENS=4900", "FAIRLEAD_DOCUMENTS_ANALYSIS_PARALLEL=50",
		"FAIRLEAD_CONFIG=x", "FAIRLEAD_BIN=y")
	want := Config{
		Server: Server{
			Listen: "0.0.0.0:1", DataDir: "/d", MemoryLimit: 1 << 30, MaxBody: 1e6, DrainTimeout: strictyaml.Duration(time.Second),
			DrainDelay: strictyaml.Duration(21 * time.Second), WorkerThreads: 33, MaxConnections: 22,
			InsecurePublic: true, FastLane: true, TLS: TLS{CertFile: pem, KeyFile: pem}, LogFormat: "json",
		},
		Limits: Limits{
			MaxConcurrentRequests: 2, RateLimitPerMinute: 3, MaxQueue: 4, MaxQueuePerApp: 1,
			Burst:    Burst{RequestsPerSecond: 6, Block: strictyaml.Duration(7 * time.Second)},
			Headroom: 1, QueueHeartbeatAfter: strictyaml.Duration(10500 * time.Millisecond),
			SlowReaderGrace: strictyaml.Duration(11 * time.Second), TokenMode: "estimate", TokensPerSlot: 12,
			Shadow:     []string{"burst", "deadline"},
			ErrorAlert: ErrorAlert{Rate: 0.25, MinRequests: 13, Window: strictyaml.Duration(14 * time.Second)},
		},
		Timeouts: Timeouts{
			Chat: strictyaml.Duration(8 * time.Second), Embed: strictyaml.Duration(9 * time.Second),
			Upload: strictyaml.Duration(34 * time.Second), Analyze: strictyaml.Duration(35 * time.Second),
			Search: strictyaml.Duration(36 * time.Second), Insights: strictyaml.Duration(37 * time.Second),
		},
		Documents: Documents{
			MaxFile: 38, MaxPages: 39, MaxText: 1e6, MaxUploads: 41, MaxDocumentsPerApp: 42, MaxBytesPerApp: 43,
			Worker:     DocumentWorker{Memory: 1e9, Time: strictyaml.Duration(45 * time.Second)},
			Embeddings: Embeddings{Model: "e", Dimensions: 46},
			Rerank:     Rerank{Model: "r", By: "llm", Candidates: 47},
			Rewrite:    Rewrite{Model: "w"},
			Analysis:   Analysis{MaxCalls: 48, WindowTokens: 4900, Parallel: 50},
		},
		Alerts: Alerts{Webhook: "https://hooks.example/x?y"},
		Chat: Chat{
			SSE: SSE{MaxStreams: 20},
			WebSocket: WebSocket{
				AllowedOrigins: []string{"https://a.example", "*"},
				Concurrency: Concurrency{MaxConnections: 19, ConnectionQueueSize: 25, Server: HTTPServer{
					Backlog: 26, Workers: 27, AccessLog: true, KeepaliveTimeout: strictyaml.Duration(28 * time.Second), MaxKeepaliveRequests: 29,
				}},
			},
			Resume:    Resume{Memory: 2 << 20, Keep: strictyaml.Duration(30 * time.Second), Grace: strictyaml.Duration(31 * time.Second)},
			Responses: Responses{Keep: strictyaml.Duration(32 * time.Second)},
		},
	}
	got := loaded.Config
	if !sameBase(got, want) || got.LLM.DefaultModel != "m" {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if got := got.LLM.Providers[0].Timeout.Std(); got != 300*time.Second {
		t.Errorf("OPENAI_API_TIMEOUT gave %v", got)
	}
	if len(loaded.Warnings) > 0 {
		t.Errorf("warnings %q", loaded.Warnings)
	}
}

func TestEnvironmentProblems(t *testing.T) {
	tests := []struct{ variable, want string }{
		{"MAX_CONCURRENT_REQUESTS=many", `environment MAX_CONCURRENT_REQUESTS: limits.max_concurrent_requests: "many" is not a whole number`},
		{"FAIRLEAD_INSECURE_PUBLIC=yes", `environment FAIRLEAD_INSECURE_PUBLIC: server.insecure_public: "yes" is neither true nor false`},
		{"OPENAI_API_TIMEOUT=-1", `environment OPENAI_API_TIMEOUT: llm.providers.openai.timeout: "-1" must not be negative`},
		{"FAIRLEAD_LOG_FORMAT=jsn", `environment FAIRLEAD_LOG_FORMAT: server.log_format: "jsn" is not one of auto, human, json; did you mean "json"?`},
		{"FAIRLEAD_LISTEN=8080", `environment FAIRLEAD_LISTEN: server.listen: "8080" is not an address; write host:port, such as 127.0.0.1:8080`},
		{"FAIRLEAD_SHADOW=burts", `environment FAIRLEAD_SHADOW: limits.shadow: "burts" is not one of ` + shadowNames + `; did you mean "burst"?`},
		{"FAIRLEAD_SHADOW=burst,all", `environment FAIRLEAD_SHADOW: limits.shadow: "burst,all" holds "all", which is not one of ` + shadowNames},
		{"FAIRLEAD_SHADOW=burst,burst", `environment FAIRLEAD_SHADOW: limits.shadow[1]: "burst" is the same as limits.shadow[0]`},
		{"FAIRLEAD_ERROR_ALERT_RATE=80%", `environment FAIRLEAD_ERROR_ALERT_RATE: limits.error_alert.rate: "80%" is not a number such as 0.8`},
		{"FAIRLEAD_ALERT_WEBHOOK=hooks.example", `environment FAIRLEAD_ALERT_WEBHOOK: alerts.webhook: is not an http or https URL; write it as https://host/path`},
		{"SERVICE_MEMORY_LIMIT=99999999TB", `environment SERVICE_MEMORY_LIMIT: server.memory_limit: "99999999TB" is larger than this program can count`},
	}
	for _, tt := range tests {
		if got := problems(t, Input{Environ: []string{tt.variable}}).Error(); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.variable, got, tt.want)
		}
	}
}

func TestFlagProblems(t *testing.T) {
	tests := []struct{ key, value, want string }{
		{"server.listen", "x", `server.listen: "x" is not an address; write host:port, such as 127.0.0.1:8080`},
		{"limits.max_queue", "-1", `limits.max_queue: "-1" must not be negative`},
		{"server.nope", "1", `server.nope: unknown key`},
		{"apps", "a", `apps: "a" cannot be written as one value`},
	}
	for _, tt := range tests {
		if got, want := problems(t, Input{Flags: map[string]string{tt.key: tt.value}}).Error(), "flag "+tt.key+": "+tt.want; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestProblemsAreSortedAcrossSources(t *testing.T) {
	errs := problems(t, Input{
		Data:    []byte("timeouts: {chat: x}\nserver: {listen: x}\n"),
		Environ: []string{"MAX_CONCURRENT_REQUESTS=x"},
		Flags:   map[string]string{"limits.max_queue": "x"},
	})
	var got []string
	for _, p := range errs {
		got = append(got, p.Key)
	}
	want := []string{"timeouts.chat", "server.listen", "limits.max_concurrent_requests", "limits.max_queue"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWarnings(t *testing.T) {
	tests := []struct {
		name, file string
		environ    []string
		want       string
	}{
		{"unknown variable", "", []string{"FAIRLEAD_LISTN=x"}, `environment FAIRLEAD_LISTN is not known and has no effect; did you mean "FAIRLEAD_LISTEN"?`},
		{"unlike any", "", []string{"FAIRLEAD_ZZZZZZZZZZZZ=x"}, "environment FAIRLEAD_ZZZZZZZZZZZZ is not known and has no effect"},
		{"weak key", "apps: [{name: a, keys: [inv-portal-xyz123]}]", nil, "apps[0].keys[0]: weak key: it is shorter than 24 characters"},
		{"dropped key", "apps:\n- name: a\n  keys:\n  - ${NOPE}", nil, "fairlead.yaml:4:5: apps[0].keys[0]: NOPE is not set; this key is left out"},
		{"empty key", "apps:\n- name: a\n  keys:\n  - ${NOPE}", []string{"NOPE="}, "fairlead.yaml:4:5: apps[0].keys[0]: the variable is empty; this key is left out"},
		{"queue", "limits: {max_queue: 3, max_queue_per_app: 4}", nil, "limits.max_queue_per_app (4) is more than limits.max_queue (3) and has no effect"},
		{"headroom without slots", "limits: {max_concurrent_requests: 0, headroom: 4}", nil, "limits.headroom has no effect while limits.max_concurrent_requests is 0 (no limit)"},
		{"headroom and guarantees", "limits: {headroom: 4}\napps: [{name: a, min_concurrent: 17}]", nil, "limits.headroom (4) of limits.max_concurrent_requests (20) leaves too few slots for the apps' min_concurrent, which add up to 17"},
		{"guarantees take all", "limits: {max_concurrent_requests: 4}\napps: [{name: a, min_concurrent: 3}, {name: b, min_concurrent: 1}]", nil, "the apps' min_concurrent add up to all of limits.max_concurrent_requests (4): while they use them, nobody else is served"},
		{"hard without tokens", "limits: {token_mode: hard}", nil, "limits.token_mode has no effect: no app and no provider has tokens_per_minute"},
		{"cap above the slots", "apps: [{name: a}, {name: b, max_concurrent: 21}]", nil, "apps[1].max_concurrent (21) is more than limits.max_concurrent_requests (20) and has no effect"},
		{"webhook without alerts", "limits: {error_alert: {rate: 0}}\nalerts: {webhook: 'https://hooks.example'}", nil, "alerts.webhook has no effect while limits.error_alert.rate is 0 (never)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := load(t, tt.file, tt.environ...).Warnings; !slices.Equal(got, []string{tt.want}) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// shadowNames are the limits that can be on trial.
const shadowNames = "rate_limit_per_minute, tokens_per_minute, burst, max_concurrent, max_concurrent_requests, max_queue, max_queue_per_app, " +
	"deadline, concurrent_requests, provider_requests_per_minute, provider_tokens_per_minute"

// TestShadowOfALimit holds each name of a limit to a file in which that limit
// alone is on, and to one in which it is off.
func TestShadowOfALimit(t *testing.T) {
	on := map[string]string{
		"rate_limit_per_minute": "rate_limit_per_minute: 1", "burst": "burst: {requests_per_second: 1, block: 1}",
		"max_concurrent_requests": "max_concurrent_requests: 1", "max_queue": "max_queue: 1", "max_queue_per_app": "max_queue_per_app: 1",
		"tokens_per_minute": "", "max_concurrent": "", "deadline": "", "concurrent_requests": "", "provider_requests_per_minute": "", "provider_tokens_per_minute": "",
	}
	const off = "rate_limit_per_minute: 0, burst: {requests_per_second: 1, block: 0}, max_concurrent_requests: 0, max_queue: 0, max_queue_per_app: 0, "
	elsewhere := map[string]string{
		"tokens_per_minute": "apps: [{name: a, tokens_per_minute: 1}]", "max_concurrent": "apps: [{name: a, max_concurrent: 1}]",
		"concurrent_requests":          "llm: {providers: {openai: {}}}",
		"provider_requests_per_minute": "llm: {providers: {openai: {rate_limit: {requests_per_minute: 1}}}}",
		"provider_tokens_per_minute":   "llm: {providers: {openai: {rate_limit: {tokens_per_minute: 1}}}}",
	}
	names := strings.Split(shadowNames, ", ")
	if len(on) != len(names) {
		t.Fatalf("%d limits are tried, want %d", len(on), len(names))
	}
	for _, name := range names {
		limits, ok := on[name]
		if !ok {
			t.Errorf("%s is not tried", name)
		}
		file := "limits: {" + limits + ", shadow: [" + name + "]}\n" + elsewhere[name]
		if got := load(t, strings.Replace(file, "{, ", "{", 1)).Warnings; len(got) > 0 {
			t.Errorf("%s: warnings %q", file, got)
		}
		got := load(t, "limits: {"+off+"shadow: ["+name+"]}").Warnings
		want := []string{"limits.shadow: " + name + " has no effect: that limit is off"}
		if name == "deadline" { // a request may always bring one
			want = nil
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s off: got %q, want %q", name, got, want)
		}
	}
	const ofAnApp = "limits: {rate_limit_per_minute: 0, shadow: [rate_limit_per_minute]}\napps: [{name: a, rate_limit_per_minute: 1}]"
	if got := load(t, ofAnApp).Warnings; len(got) > 0 {
		t.Errorf("%s: warnings %q", ofAnApp, got)
	}
}

func TestAppsBeginWithTheirDefaults(t *testing.T) {
	loaded := load(t, "apps: [{name: a}, {name: b, weight: 3, class: batch, tokens_per_minute: 4, max_concurrent: 6, min_concurrent: 5}]")
	want := []App{
		{Name: "a", RateLimitPerMinute: 200, Weight: 1, Class: "interactive"},
		{Name: "b", RateLimitPerMinute: 200, Weight: 3, Class: "batch", TokensPerMinute: 4, MaxConcurrent: 6, MinConcurrent: 5},
	}
	if !reflect.DeepEqual(loaded.Config.Apps, want) {
		t.Errorf("got %+v, want %+v", loaded.Config.Apps, want)
	}
	for key, want := range map[string]string{"apps[0].weight": "default", "apps[0].class": "default", "apps[1].weight": "fairlead.yaml:1:37"} {
		if got := loaded.Origins[key].String(); got != want {
			t.Errorf("origin of %s is %s, want %s", key, got, want)
		}
	}
}

func TestLimitsThatAreOffSaySo(t *testing.T) {
	loaded := load(t, "limits: {error_alert: {rate: 0, min_requests: 1}, shadow: []}")
	off := map[string]bool{}
	for _, setting := range loaded.Effective() {
		off[setting.Key] = setting.Off
	}
	for key, want := range map[string]bool{
		"limits.headroom": true, "limits.error_alert.rate": true, "limits.error_alert.min_requests": false,
		"limits.token_mode": false, "limits.shadow": false, "alerts.webhook": false,
	} {
		if got, there := off[key]; got != want || !there {
			t.Errorf("%s: off is %v (there: %v), want %v", key, got, there, want)
		}
	}
}

func TestDroppedKeysKeepTheOthersAndTheirPositions(t *testing.T) {
	const file = "apps:\n- name: a\n  keys:\n  - ${NOPE}\n  - ${GOOD}\n"
	loaded := load(t, file, "GOOD=0123456789abcdef01234567")
	if keys := loaded.Config.Apps[0].Keys; len(keys) != 1 || keys[0].Reveal() != "0123456789abcdef01234567" {
		t.Errorf("got %d keys", len(keys))
	}
	errs := problems(t, Input{Data: []byte(file), Environ: []string{"GOOD=short"}})
	if errs[0].Line != 5 {
		t.Errorf("the short key is told at line %d, want 5", errs[0].Line)
	}
}

func TestDerivedDefaults(t *testing.T) {
	loaded := load(t, "limits: {max_queue: 2, rate_limit_per_minute: 7}\napps: [{name: a}, {name: b, rate_limit_per_minute: 0}]")
	if got := loaded.Config.Limits.MaxQueuePerApp; got != 1 {
		t.Errorf("max_queue_per_app %d, want 1", got)
	}
	if a, b := loaded.Config.Apps[0].RateLimitPerMinute, loaded.Config.Apps[1].RateLimitPerMinute; a != 7 || b != 0 {
		t.Errorf("rate limits %d and %d, want 7 and 0", a, b)
	}
	if got := loaded.Origins["apps[0].rate_limit_per_minute"].String(); got != "default (limits.rate_limit_per_minute)" {
		t.Errorf("origin %q", got)
	}
	if got := load(t, "limits: {max_queue: 0}").Config.Limits.MaxQueuePerApp; got != 0 {
		t.Errorf("max_queue_per_app %d without a limit on the queue, want 0", got)
	}
}

func TestRead(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("FAIRLEAD_CONFIG", "")
	in, err := Read("")
	if err != nil || in.Data != nil || len(in.Environ) == 0 {
		t.Errorf("without a file: data %q, %d variables, error %v", in.Data, len(in.Environ), err)
	}
	for _, name := range []string{DefaultPath, "other.yaml"} {
		if err := os.WriteFile(name, []byte("# "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct{ path, variable, want string }{
		{"", "", DefaultPath},
		{"", "other.yaml", "other.yaml"},
		{DefaultPath, "other.yaml", DefaultPath},
	}
	for _, tt := range tests {
		t.Setenv("FAIRLEAD_CONFIG", tt.variable)
		in, err := Read(tt.path)
		if err != nil || in.Path != tt.want || string(in.Data) != "# "+tt.want {
			t.Errorf("Read(%q) with FAIRLEAD_CONFIG=%q gave %q %q, error %v", tt.path, tt.variable, in.Path, in.Data, err)
		}
	}
	for path, want := range map[string]string{
		"missing.yaml": "missing.yaml: cannot be read: no such file or directory",
		".":            ".: cannot be read: it is a directory",
	} {
		if _, err := Read(path); err == nil || err.Error() != want {
			t.Errorf("Read(%q): %v, want %s", path, err, want)
		}
	}
}

func TestExpandedValuesHaveTheirFieldsType(t *testing.T) {
	const file = `server: {insecure_public: "${BOOL}", data_dir: "${DIR}"}
limits: {max_queue: "${N:-20}"}
timeouts:
  chat: ${T}
`
	// A value that looks like YAML stays a value.
	got := load(t, file, "BOOL=true", "T=90", "DIR=x}, limits: {max_queue: 1").Config
	if !got.Server.InsecurePublic || got.Limits.MaxQueue != 20 || got.Timeouts.Chat.Std() != 90*time.Second {
		t.Errorf("got %+v", got)
	}
	if got.Server.DataDir != "x}, limits: {max_queue: 1" {
		t.Errorf("data_dir is %q", got.Server.DataDir)
	}
	errs := problems(t, Input{Data: []byte(file), Environ: []string{"BOOL=secretly-no", "DIR=d"}})
	want := `fairlead.yaml:1:27: server.insecure_public: "${BOOL}" is neither true nor false
    server: {insecure_public: "${BOOL}", data_dir: "${DIR}"}
                              ^
fairlead.yaml:4:9: timeouts.chat: the environment variable T is not set; set it, or write ${T:-default}
      chat: ${T}
            ^`
	if errs.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", errs, want)
	}
}
