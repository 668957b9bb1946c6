package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
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

func TestFiveMistakesAreToldWithLineAndColumn(t *testing.T) {
	file := `server:
  listen: localhost
  max_body: 32Mb1
limits:
  max_concurent_requests: 30
apps:
  - name: crm
    weight: 2
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
fairlead.yaml:8:5: apps[0].weight: not available in this version
        weight: 2
        ^
fairlead.yaml:9:33: apps[0].keys[1]: holds one value, not keys with values
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
	if got.Server != want.Server || got.Limits != want.Limits || got.Timeouts != want.Timeouts || len(got.Apps)+len(got.LLM.Providers) > 0 {
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
		"FAIRLEAD_DRAIN_TIMEOUT=1", "FAIRLEAD_INSECURE_PUBLIC=true", "FAIRLEAD_TLS_CERT_FILE="+pem, "FAIRLEAD_TLS_KEY_FILE="+pem,
		"FAIRLEAD_LOG_FORMAT=json", "MAX_CONCURRENT_REQUESTS=2", "RATE_LIMIT_PER_MINUTE=3", "FAIRLEAD_MAX_QUEUE=4",
		"FAIRLEAD_MAX_QUEUE_PER_APP=1", "FAIRLEAD_BURST_REQUESTS_PER_SECOND=6", "FAIRLEAD_BURST_BLOCK=7",
		"FAIRLEAD_TIMEOUT_CHAT=8s", "FAIRLEAD_TIMEOUT_EMBED=9", "FAIRLEAD_DEFAULT_MODEL=m", "OPENAI_API_TIMEOUT=300",
		"FAIRLEAD_CONFIG=x", "FAIRLEAD_BIN=y")
	want := Config{
		Server: Server{
			Listen: "0.0.0.0:1", DataDir: "/d", MemoryLimit: 1 << 30, MaxBody: 1e6, DrainTimeout: strictyaml.Duration(time.Second),
			InsecurePublic: true, TLS: TLS{CertFile: pem, KeyFile: pem}, LogFormat: "json",
		},
		Limits: Limits{
			MaxConcurrentRequests: 2, RateLimitPerMinute: 3, MaxQueue: 4, MaxQueuePerApp: 1,
			Burst: Burst{RequestsPerSecond: 6, Block: strictyaml.Duration(7 * time.Second)},
		},
		Timeouts: Timeouts{Chat: strictyaml.Duration(8 * time.Second), Embed: strictyaml.Duration(9 * time.Second)},
	}
	got := loaded.Config
	if got.Server != want.Server || got.Limits != want.Limits || got.Timeouts != want.Timeouts || got.LLM.DefaultModel != "m" {
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
		{"workers", "", []string{"WORKER_THREADS=5"}, "environment WORKER_THREADS has no effect: document workers are not part of this version"},
		{"unknown variable", "", []string{"FAIRLEAD_LISTN=x"}, `environment FAIRLEAD_LISTN is not known and has no effect; did you mean "FAIRLEAD_LISTEN"?`},
		{"unlike any", "", []string{"FAIRLEAD_ZZZZZZZZZZZZ=x"}, "environment FAIRLEAD_ZZZZZZZZZZZZ is not known and has no effect"},
		{"anthropic", "", []string{"ANTHROPIC_API_KEY=x"}, "environment ANTHROPIC_API_KEY has no effect: the provider anthropic is not part of this version"},
		{"weak key", "apps: [{name: a, keys: [inv-portal-xyz123]}]", nil, "apps[0].keys[0]: weak key: it is shorter than 24 characters"},
		{"dropped key", "apps:\n- name: a\n  keys:\n  - ${NOPE}", nil, "fairlead.yaml:4:5: apps[0].keys[0]: NOPE is not set; this key is left out"},
		{"empty key", "apps:\n- name: a\n  keys:\n  - ${NOPE}", []string{"NOPE="}, "fairlead.yaml:4:5: apps[0].keys[0]: the variable is empty; this key is left out"},
		{"queue", "limits: {max_queue: 3, max_queue_per_app: 4}", nil, "limits.max_queue_per_app (4) is more than limits.max_queue (3) and has no effect"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := load(t, tt.file, tt.environ...).Warnings; !slices.Equal(got, []string{tt.want}) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
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
