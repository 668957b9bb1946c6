package config

import (
	"fmt"
	"strings"
	"testing"
)

// TestRules holds each rule to a file that breaks it, and to nothing else being
// told.
func TestRules(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"unknown root", "servr: {}", `1:1: servr: unknown key; did you mean "server"?`},
		{"elsewhere", "max_concurrent_requests: 3", `1:1: max_concurrent_requests: unknown key; did you mean "limits.max_concurrent_requests"?`},
		{"unlike any", "zzzzzzzz: 3", `1:1: zzzzzzzz: unknown key`},
		{"odd key", "\"a\\nb\": 3", `1:1: "a\nb": unknown key`},
		{"in an app", "apps: [{name: a, modles: []}]", `1:18: apps[0].modles: unknown key; did you mean "models"?`},
		{"in a client", "llm: {providers: {openai: {http_client: {read_timout: 1}}}}", `1:42: llm.providers.openai.http_client.read_timout: unknown key; did you mean "read_timeout"?`},
		{"duplicate", "limits:\n  max_queue: 1\n  max_queue: 2", `3:3: limits.max_queue: the key is there twice, first on line 2`},
		{"duplicate provider", "llm: {providers: {openai: , openai: }}", `1:29: llm.providers.openai: the key is there twice, first on line 1`},
		{"merge", "limits: {<<: {max_queue: 1}}", `1:10: limits: merge keys (<<) are not supported; write the keys out, or use an alias for a whole value`},
		{"key of keys", "? [a]\n: 1", `1:3: a key must be a plain text`},
		{"tag", "limits: {max_queue: !!int 3}", `1:21: limits.max_queue: tags (!name) are not supported`},
		{"documents", "limits: {}\n---\nlimits: {}", `2:1: a second document begins here; the configuration is one document`},
		{"not a mapping", "- a", `1:1: holds keys with values, not a list`},
		{"scalar for mapping", "limits: 3", `1:9: limits: holds keys with values, not one value`},
		{"list for scalar", "limits: {max_queue: [3]}", `1:21: limits.max_queue: holds one value, not a list`},
		{"mapping for list", "apps: {a: {}}", `1:7: apps: holds a list, not keys with values`},
		{"scalar for keys", "apps: [{name: a, keys: sk-0123456789}]", `1:24: apps[0].keys: holds a list, not one value`},
		{"no value", "limits: {max_queue: }", `1:21: limits.max_queue: has no value; leave the key out for its default`},
		{"syntax", "limits: {max_queue: 3", `not YAML: `},
		{"flow reference", "server: {data_dir: ${X}}", `1:21: not YAML: did not find expected ',' or '}'; put "${NAME}" in quotes inside { } and [ ]`},
		{"alias without anchor", "limits: *x", `1:9: not YAML: an alias to an anchor that does not exist; put a text that begins with * in quotes`},
		{"control character", "limits: \x01", `1:9: the file holds a byte that is not text; it must be UTF-8 without control characters`},
		{"not UTF-8", "# é\n# \xff", `2:3: the file holds a byte that is not text; it must be UTF-8 without control characters`},

		{"int", "limits: {max_queue: 1.5}", `1:21: limits.max_queue: "1.5" is not a whole number`},
		{"octal", "limits: {max_queue: 010}", `1:21: limits.max_queue: "010" is not a whole number`},
		{"quoted int", "limits: {max_queue: '3'}", `1:21: limits.max_queue: "3" is a text; write it without quotes`},
		{"negative int", "limits: {max_queue: -3}", `1:21: limits.max_queue: "-3" must not be negative`},
		{"large int", "limits: {max_queue: 1000001}", `1:21: limits.max_queue: "1000001" is more than 1000000, the most allowed`},
		{"huge int", "limits: {max_queue: 99999999999999999999}", `is more than 1000000, the most allowed`},
		{"bool", "server: {insecure_public: yes}", `1:27: server.insecure_public: "yes" is neither true nor false`},
		{"number for text", "server: {data_dir: 5}", `1:20: server.data_dir: "5" is not a text; put it in quotes`},
		{"control in text", "server: {data_dir: \"a\\nb\"}", `1:20: server.data_dir: "a\nb" holds a control character or a line break`},
		{"duration", "timeouts: {chat: 3 s}", `1:18: timeouts.chat: "3 s" is neither a number of seconds nor a duration such as 30s or 1m30s`},
		{"negative duration", "timeouts: {chat: -1s}", `1:18: timeouts.chat: "-1s" must not be negative`},
		{"size", "server: {max_body: 1XB}", `1:20: server.max_body: "1XB" is not a size such as 512MiB or 2GB`},
		{"log format", "server: {log_format: jso}", `1:22: server.log_format: "jso" is not one of auto, human, json; did you mean "json"?`},
		{"responses of Anthropic", "llm: {providers: {anthropic: {responses: true}}}", `1:42: llm.providers.anthropic.responses: the Responses API is OpenAI's, and the dialect is anthropic; leave it out: requests of that API are translated`},
		{"dialect", "llm: {providers: {a: {base_url: 'http://a', dialect: antropic}}}", `1:54: llm.providers.a.dialect: "antropic" is not one of openai, anthropic; did you mean "anthropic"?`},

		{"listen port", "server: {listen: 'localhost:99999'}", `1:18: server.listen: "localhost:99999" has no port between 0 and 65535; write host:port, such as 127.0.0.1:8080`},
		{"listen host", "server: {listen: 'a b:80'}", `1:18: server.listen: "a b:80" has no host name or address; write host:port, such as 127.0.0.1:8080`},
		{"public", "server: {listen: ':80'}\napps: [{name: a}]", `1:18: server.listen: ":80" can be reached from other machines, and there is no TLS; set server.tls, or server.insecure_public: true if something in front does TLS`},
		{"public without apps", "server: {listen: '10.0.0.1:80', insecure_public: true}", `1:18: server.listen: "10.0.0.1:80" can be reached from other machines, and no apps are configured; name them under apps, with keys there or made by fairlead keys create`},
		{"data dir", "server: {data_dir: ''}", `1:20: server.data_dir: must name a directory`},
		{"body and memory", "server: {memory_limit: 100MB, max_body: 32MiB}", `1:41: server.max_body: 32MiB is more than a quarter of server.memory_limit (100MB)`},
		{"connections", "server: {max_connections: 1000001}", `1:27: server.max_connections: "1000001" is more than 1000000, the most allowed`},
		{"streams", "chat: {sse: {max_streams: many}}", `1:27: chat.sse.max_streams: "many" is not a whole number`},
		{"backlog", "chat: {websocket: {concurrency: {server: {backlog: 65536}}}}", `1:52: chat.websocket.concurrency.server.backlog: "65536" is more than 65535, the most allowed`},
		{"workers", "chat: {websocket: {concurrency: {uvicorn: {workers: 0}}}}", `1:53: chat.websocket.concurrency.server.workers: "0" is less than 1, the least allowed`},
		{"access log", "chat: {websocket: {concurrency: {server: {access_log: 1}}}}", `1:55: chat.websocket.concurrency.server.access_log: "1" is neither true nor false`},
		{"keepalive", "chat: {websocket: {concurrency: {server: {keepalive_timeout: -5}}}}", `1:62: chat.websocket.concurrency.server.keepalive_timeout: "-5" must not be negative`},
		{"both names", "chat: {websocket: {concurrency: {uvicorn: {workers: 2}, server: {workers: 2}}}}", `1:57: chat.websocket.concurrency.server: is another name of uvicorn, which is there too; write the key once`},
		{"unlike uvicorn", "chat: {websocket: {concurrency: {univorn: {}}}}", `1:34: chat.websocket.concurrency.univorn: unknown key`},
		{"origin", "chat: {websocket: {allowed_origins: ['https://a.example/x']}}", `1:38: chat.websocket.allowed_origins[0]: "https://a.example/x" has more than a scheme, a host and a port; write it as https://app.example.com`},
		{"origin without a scheme", "chat: {websocket: {allowed_origins: [a.example]}}", `1:38: chat.websocket.allowed_origins[0]: "a.example" is not an http or https origin; write it as https://app.example.com`},
		{"origin without a host", "chat: {websocket: {allowed_origins: ['https://*']}}", `1:38: chat.websocket.allowed_origins[0]: "https://*" has no valid host and port; write it as https://app.example.com`},
		{"little to resume", "chat: {resume: {memory: 1MB}}", `1:25: chat.resume.memory: 1MB is less than 1MiB`},
		{"much to resume", "server: {memory_limit: 200MB}\nchat: {resume: {memory: 64MiB}}", `2:25: chat.resume.memory: 64MiB is more than a quarter of server.memory_limit (200MB)`},
		{"headroom", "limits: {max_concurrent_requests: 4, headroom: 4}", `1:48: limits.headroom: 4 is not less than max_concurrent_requests (4): no app could hold a second slot`},
		{"headroom of unknown slots", "limits: {max_concurrent_requests: x, headroom: 30}", `1:35: limits.max_concurrent_requests: "x" is not a whole number`},
		{"minima of unknown slots", "limits: {max_concurrent_requests: x}\napps: [{name: a, min_concurrent: 30}]", `1:35: limits.max_concurrent_requests: "x" is not a whole number`},
		{"token mode", "limits: {token_mode: exact}", `1:22: limits.token_mode: "exact" is not one of estimate, hard`},
		{"shadow", "limits: {shadow: [burst, max_ques]}", `1:26: limits.shadow[1]: "max_ques" is not one of ` + shadowNames + `; did you mean "max_queue"?`},
		{"shadow after a mistake", "limits: {shadow: [all, burst, burst]}", `1:19: limits.shadow[0]: "all" is not one of ` + shadowNames},
		{"same shadow", "limits: {shadow: [burst, deadline, burst]}", `1:36: limits.shadow[2]: "burst" is the same as limits.shadow[0]`},
		{"shadow of all", "limits: {shadow: true}", `1:18: limits.shadow: holds a list, not one value`},
		{"tokens per slot", "limits: {tokens_per_slot: 10000001}", `1:27: limits.tokens_per_slot: "10000001" is more than 10000000, the most allowed`},
		{"rate of one", "limits: {error_alert: {rate: 1.0}}", `1:30: limits.error_alert.rate: "1.0" is not below 1`},
		{"rate just below one", "limits: {error_alert: {rate: 0.99999999999999999999999}}", `limits.error_alert.rate: "0.99999999999999999999999" is not below 1`},
		{"negative rate", "limits: {error_alert: {rate: -0.1}}", `1:30: limits.error_alert.rate: "-0.1" must not be negative`},
		{"quoted rate", "limits: {error_alert: {rate: '0.1'}}", `1:30: limits.error_alert.rate: "0.1" is a text; write it without quotes`},
		{"no requests", "limits: {error_alert: {min_requests: 0}}", `1:38: limits.error_alert.min_requests: "0" is less than 1, the least allowed`},
		{"short window", "limits: {error_alert: {window: 0.5}}", `1:32: limits.error_alert.window: 500ms is not between 1s and 1h`},
		{"long window", "limits: {error_alert: {window: 1h1s}}", `1:32: limits.error_alert.window: 1h0m1s is not between 1s and 1h`},
		{"webhook", "alerts: {webhook: 'mailto:a@b.example'}", `1:19: alerts.webhook: is not an http or https URL; write it as https://host/path`},
		{"webhook of the machine", "alerts: {webhook: 'http://169.254.169.254/x'}", `1:19: alerts.webhook: names an address that is never called: a link-local one, a metadata service's, or none of any host; write it as https://host/path`},
		{"webhook with a password", "alerts: {webhook: 'https://a:b@c.example'}", `1:19: alerts.webhook: must not hold a user or a password; write it as https://host/path`},
		{"half TLS", "server: {tls: {cert_file: load.go}}", `1:27: server.tls.cert_file: needs server.tls.key_file beside it`},

		{"app name", "apps: [{name: a b}]", `1:15: apps[0].name: "a b" is not a name; use at most 64 letters, digits, '.', '_' and '-'`},
		{"no app name", "apps: [{}]", `1:8: apps[0].name: every app needs a name`},
		{"same app name", "apps: [{name: a}, {name: a}]", `1:26: apps[1].name: "a" is the name of apps[0] too`},
		{"short key", "apps: [{name: a, keys: [abcdefg]}]", `1:25: apps[0].keys[0]: the key is shorter than 8 characters; fairlead keys create makes a strong one`},
		{"key with space", "apps: [{name: a, keys: ['abcdefgh ijkl']}]", `1:25: apps[0].keys[0]: the key holds a space or a character that is not printable ASCII`},
		{"key not ASCII", "apps: [{name: a, keys: [abcdefghé]}]", `1:25: apps[0].keys[0]: the key holds a space or a character that is not printable ASCII`},
		{"empty key", "apps: [{name: a, keys: ['']}]", `1:25: apps[0].keys[0]: the key is shorter than 8 characters; fairlead keys create makes a strong one`},
		{"same key", "apps: [{name: a, keys: [abcdefgh]}, {name: b, keys: [abcdefgh]}]", `1:54: apps[1].keys[0]: is the same key as apps[0].keys[0]; every key belongs to one app`},
		{"no weight", "apps: [{name: a, weight: 0}]", `1:26: apps[0].weight: "0" is less than 1, the least allowed`},
		{"much weight", "apps: [{name: a, weight: 1001}]", `1:26: apps[0].weight: "1001" is more than 1000, the most allowed`},
		{"class", "apps: [{name: a, class: Batch}]", `1:25: apps[0].class: "Batch" is not one of interactive, batch; did you mean "batch"?`},
		{"tokens", "apps: [{name: a, tokens_per_minute: 1000000001}]", `1:37: apps[0].tokens_per_minute: "1000000001" is more than 1000000000, the most allowed`},
		{"minimum above the cap", "apps: [{name: a, min_concurrent: 3, max_concurrent: 2}]", `1:34: apps[0].min_concurrent: 3 is more than max_concurrent (2)`},
		{"minima above the slots", "limits: {max_concurrent_requests: 4}\napps: [{name: a, min_concurrent: 3}, {name: b}, {name: c, min_concurrent: 2}, {name: d, min_concurrent: 1}]", `2:75: apps[2].min_concurrent: with this one the apps' min_concurrent add up to 5, more than limits.max_concurrent_requests (4); no more slots can be promised than there are`},
		{"app model", "apps: [{name: a, models: ['']}]", `1:27: apps[0].models[0]: is not the name or the pattern of a model`},

		{"default model", "llm: {default_model: ''}", `1:22: llm.default_model: is not the name of a model; leave it out for the first provider's`},
		{"alias slash", "llm: {aliases: {a/b: c}}", `1:17: llm.aliases.a/b: an alias must not contain a slash: provider/model names a provider`},
		{"alias target", "llm: {aliases: {a: ''}}", `1:17: llm.aliases.a: must name a model, as model or provider/model`},
		{"alias itself", "llm: {aliases: {a: a}}", `1:17: llm.aliases.a: the alias names itself`},
		{"fallback of nothing", "llm: {fallbacks: {'': [b]}}", `1:19: llm.fallbacks."": is not the name of a model`},
		{"fallback to nothing", "llm: {fallbacks: {a: [b, '']}}", `1:26: llm.fallbacks.a[1]: must name a model, as model or provider/model`},
		{"fallback to itself", "llm: {fallbacks: {a: [b, a]}}", `1:26: llm.fallbacks.a[1]: the model stands in for itself`},
		{"fallback twice", "llm: {fallbacks: {a: [b, c, b]}}", `1:29: llm.fallbacks.a[2]: is there twice`},
		{"many fallbacks", "llm: {fallbacks: {a: [b, c, d, e, f, g, h, i, j]}}", `1:19: llm.fallbacks.a: has 9 models, more than 8`},
		{"one fallback", "llm: {fallbacks: {a: b}}", `1:22: llm.fallbacks.a: holds a list, not one value`},
		{"two sorts of keys", "llm: {providers: {openai: {api_key: a, api_keys: [b]}}}", `1:50: llm.providers.openai.api_keys: there is api_key beside it; write that key among the others`},
		{"same provider key", "llm: {providers: {openai: {api_keys: [a, b, a]}}}", `1:45: llm.providers.openai.api_keys[2]: is there twice`},
		{"odd provider key", "llm: {providers: {openai: {api_keys: [a b]}}}", `1:39: llm.providers.openai.api_keys[0]: the key holds a space or a character that is not printable ASCII`},
		{"provider weight", "llm: {providers: {openai: {weight: 1001}}}", `1:36: llm.providers.openai.weight: "1001" is more than 1000, the most allowed`},
		{"no attempt", "llm: {providers: {openai: {retry: {max_attempts: 0}}}}", `1:50: llm.providers.openai.retry.max_attempts: "0" is less than 1, the least allowed`},
		{"no budget", "llm: {providers: {openai: {retry: {budget: 0}}}}", `1:44: llm.providers.openai.retry.budget: must be more than 0; for no retries set max_attempts: 1`},
		{"large budget", "llm: {providers: {openai: {retry: {budget: 1.1}}}}", `1:44: llm.providers.openai.retry.budget: 1.1 is more than 1`},
		{"failure rate", "llm: {providers: {openai: {breaker: {failure_rate: 1.5}}}}", `1:52: llm.providers.openai.breaker.failure_rate: 1.5 is more than 1, which is all of them`},
		{"no calls", "llm: {providers: {openai: {breaker: {min_calls: 0}}}}", `1:49: llm.providers.openai.breaker.min_calls: "0" is less than 1, the least allowed`},
		{"open for nothing", "llm: {providers: {openai: {breaker: {open_for: 0}}}}", `1:48: llm.providers.openai.breaker.open_for: 0 is not between 1s and 1m`},
		{"hedge", "llm: {providers: {openai: {hedge: {after: p99}}}}", `1:43: llm.providers.openai.hedge.after: "p99" is neither p95 nor a duration such as 2s`},
		{"hedge at once", "llm: {providers: {openai: {hedge: {after: 0s}}}}", `1:43: llm.providers.openai.hedge.after: "0s" is neither p95 nor a duration such as 2s`},
		{"hedge budget", "llm: {providers: {openai: {hedge: {after: p95, budget: 2}}}}", `1:56: llm.providers.openai.hedge.budget: 2 is more than 1`},
		{"provider name", "llm: {providers: {Open: {base_url: 'http://a'}}}", `1:19: llm.providers.Open: is not the name of a provider; use lower-case letters, digits, '_' and '-'`},
		{"provider local", "llm: {providers: {local: }}", `1:19: llm.providers.local: the name belongs to the built-in offline provider; choose another`},
		{"no base_url", "llm: {providers: {mine: }}", `1:19: llm.providers.mine.base_url: a provider without a preset needs its address; write it as https://host/v1`},
		{"provider model", "llm: {providers: {openai: {models: [a b]}}}", `1:37: llm.providers.openai.models[0]: is not the name or the pattern of a model`},
		{"provider key", "llm: {providers: {openai: {api_key: a b}}}", `1:37: llm.providers.openai.api_key: the key holds a space or a character that is not printable ASCII`},
		{"provider tokens", "llm: {providers: {openai: {rate_limit: {tokens_per_minute: -1}}}}", `1:60: llm.providers.openai.rate_limit.tokens_per_minute: "-1" must not be negative`},
		{"HTTP/2 without TLS", "llm: {providers: {vllm: {http_client: {http2: true}}}}", `1:47: llm.providers.vllm.http_client.http2: HTTP/2 needs a base_url with https; leave it out, or give the provider TLS`},
		{"keepalive", "llm: {providers: {openai: {http_client: {max_connections: 3, max_keepalive: 4}}}}", `1:77: llm.providers.openai.http_client.max_keepalive: 4 is more than max_connections (3)`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			errs := problems(t, Input{Data: []byte(tt.file)})
			if len(errs) != 1 {
				t.Fatalf("%d problems, want one:\n%v", len(errs), errs)
			}
			errs[0].Excerpt = ""
			got := errs[0].String()
			whole := tt.want[0] >= '1' && tt.want[0] <= '3'
			if (whole && got != "fairlead.yaml:"+tt.want) || !strings.Contains(got, tt.want) {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestBaseURLs(t *testing.T) {
	tests := []struct{ url, want string }{
		{"ftp://a", "is not an http or https URL"},
		{"api.openai.com/v1", "is not an http or https URL"},
		{"https://", "is not an http or https URL"},
		{"http://a:b", "is not an http or https URL"},
		{"https://u:p@a", "must not hold a user or a password"},
		{"https://a/v1?x=1", "must not hold a query or a fragment"},
		{"https://a/v1?", "must not hold a query or a fragment"},
		{"https://a/v1#x", "must not hold a query or a fragment"},
		{"https://a:99999", "has no valid host and port"},
		{"https://a_!b", "has no valid host and port"},
		{"http://2852039166/", "has no valid host and port"},
		{"http://0xA9FEA9FE/", "has no valid host and port"},
		{"http://169.254.169.254/latest", "names an address that is never called"},
		{"http://[fe80::1]/", "names an address that is never called"},
		{"http://[fe80::1%25eth0]/", "names an address that is never called"},
		{"http://[::ffff:169.254.1.1]/", "names an address that is never called"},
		{"http://[fd00:ec2::254]/", "names an address that is never called"},
		{"http://Metadata.Google.Internal./", "names an address that is never called"},
		{"http://100.100.100.200/v1", "names an address that is never called"},
		{"http://168.63.129.16/v1", "names an address that is never called"},
		{"http://[fd20:ce::254]/v1", "names an address that is never called"},
		{"http://[64:ff9b::a9fe:a9fe]/v1", "names an address that is never called"},
		{"http://0.0.0.0/v1", "names an address that is never called"},
		{"http://[::]:8000/v1", "names an address that is never called"},
		{"http://224.0.0.1/v1", "names an address that is never called"},
		{"http://metadata/v1", "names an address that is never called"},
		{"https://api.openai.com/v1/", ""},
		{"http://127.0.0.1:11434/v1", ""},
		{"http://[::1]:8000", ""},
		{"http://vllm_1:8000/v1", ""},
	}
	for _, tt := range tests {
		_, err := Load(Input{Data: fmt.Appendf(nil, "llm: {providers: {a: {base_url: %q}}}", tt.url)})
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.url, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), "fairlead.yaml:1:33: llm.providers.a.base_url: "+tt.want)):
			t.Errorf("%s: got %v, want %s", tt.url, err, tt.want)
		}
	}
}

func TestSharesThatFit(t *testing.T) {
	for _, file := range []string{
		"limits: {max_concurrent_requests: 0}\napps: [{name: a, min_concurrent: 30}]",
		"limits: {max_concurrent_requests: 5}\napps: [{name: a, min_concurrent: 3, max_concurrent: 3}, {name: b, min_concurrent: 1, max_concurrent: 5}]",
		"limits: {max_concurrent_requests: 4, headroom: 3}\napps: [{name: a, min_concurrent: 1}]",
		"limits: {token_mode: hard}\napps: [{name: a, tokens_per_minute: 1000000000, weight: 1000}]",
		"limits: {token_mode: hard}\nllm: {providers: {openai: {rate_limit: {tokens_per_minute: 1}}}}",
		"limits: {error_alert: {window: 1}}",
		"limits: {error_alert: {rate: 0.999, window: 1h}}\nalerts: {webhook: 'http://10.0.0.1:9/x?token=y'}",
	} {
		if got := load(t, file).Warnings; len(got) > 0 {
			t.Errorf("%s: warnings %q", file, got)
		}
	}
}

func TestAliases(t *testing.T) {
	loaded := load(t, `llm:
  providers:
    openai: {http_client: &client {read_timeout: 5}}
    groq: {http_client: *client}
`)
	if got := loaded.Config.LLM.Providers[1].HTTPClient; got.ReadTimeout.String() != "5s" || got.MaxConnections != 30 {
		t.Errorf("got %+v", got)
	}
}
